"""Numbers in languages other than English, as a person reads them aloud: num2words' words, each language's marks.

espeak-ng, which reads for Piper's voices, takes `1.234,56` for several numbers and no year for a year. What no rule
here is sure of stays as it is, for the voice to read: dates, times, versions, telephone numbers. The gender of what is
counted is not known: it is taken for masculine. The languages of the table are those whose words num2words has right;
in Czech, Danish, Hungarian, Norwegian, Slovak and Swedish it has not (version 0.5.14).
"""

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cache, partial
from importlib import import_module
from re import Match

from speechd.tts.normalization.aligned import AlignedText
from speechd.tts.normalization.rules import Rule, apply_rules
from speechd.tts.normalization.tables.rules import NumberWords, TableRules

logger = logging.getLogger("speechd.tts")

MAX_SPOKEN_DIGITS = 15
"""Before the decimal mark; longer numbers are nothing that people read as numbers."""
CODES = {"€": "EUR", "$": "USD", "£": "GBP", "₽": "RUB", "zł": "PLN"}
"""ISO 4217 of what stands before or after an amount."""
_CUT = "\x1f"
"""Stands between units and cents while an amount is put together."""

Ordinal = tuple[str, Callable[[str], str]]
"""A pattern with the group `n`, and what is done to num2words' masculine form."""


def _feminine(ordinal: str) -> str:
    """`vigésimo primero` -> `vigésima primera`."""
    return re.sub(r"o\b", "a", ordinal)


def _shortened(ordinal: str) -> str:
    """`tercero` -> `tercer`, as before a noun."""
    return ordinal.removesuffix("o")


def _as_it_is(ordinal: str) -> str:
    return ordinal


def _dative(ordinal: str) -> str:
    return ordinal + "n"


ROMANCE: tuple[Ordinal, ...] = ((r"(?P<n>\d{1,4})\.?o", _as_it_is), (r"(?P<n>\d{1,4})\.?a", _feminine))
"""`3º` and `3ª`, which Unicode's compatibility form (NFKC) makes `3o` and `3a`."""
GERMAN_MONTHS = "Januar|Jänner|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember"
GERMAN_COUNTED = (
    "Jahrhunderts?|Weltkriegs?|Mal|Platz|Stock|Etage|Geburtstag|Jahrestag|Tag|Klasse|Kapitel|Lebensjahr|Auflage|Runde"
    "|Liga|Bundesliga|Spieltag|Minute|Woche|Quartal|Semester|Jh"
)
"""Nouns that are numbered by ordinals."""
GERMAN_DAY = rf"(?P<n>\d\d?)\.(?= (?:{GERMAN_MONTHS}|{GERMAN_COUNTED})\b)"
DATIVE_WORDS = ("im", "seit", "des", "am", "vom", "zum", "beim", "dem", "den", "bis")
GERMAN: tuple[Ordinal, ...] = (
    ("(?i:" + "|".join(rf"(?<=\b{word} )" for word in DATIVE_WORDS) + ")" + GERMAN_DAY, _dative),
    (GERMAN_DAY, _as_it_is),
)
"""Days of a month and other ordinals before their nouns; anywhere else a number with a full stop may end a sentence."""


@dataclass(frozen=True, slots=True)
class NumberStyle:
    """How one language writes and reads numbers."""

    code: str
    """num2words' name of the language."""
    point: str
    """The decimal mark as a word; "" leaves the whole decimal to num2words."""
    minus: str
    percent: str = ""
    """Where it is one word after every number; "" leaves the sign to the voice."""
    decimal: str = ","
    """The decimal mark as it is written."""
    groups: str = ". "
    """Any of these may stand between groups of three digits."""
    by_digit: bool = False
    """Decimals are read digit by digit and not as one number."""
    years: bool = False
    """1100 to 1999 have a reading of their own."""
    money: tuple[str, ...] = ()
    """ISO 4217 codes that num2words has right."""
    ordinals: tuple[Ordinal, ...] = field(default=())

    @property
    def number(self) -> str:
        """Pattern of a number without a sign."""
        grouped = rf"[1-9]\d{{0,2}}(?:[{re.escape(self.groups)}]\d{{3}}){{1,{MAX_SPOKEN_DIGITS // 3 - 1}}}"
        plain = rf"0|[1-9]\d{{0,{MAX_SPOKEN_DIGITS - 1}}}"
        return rf"(?:{grouped}|{plain})(?:{re.escape(self.decimal)}\d{{1,{MAX_SPOKEN_DIGITS}}})?"

    def plain(self, written: str) -> tuple[str, str]:
        """`1.234,50` -> `1234`, `50`."""
        whole, _, decimals = written.partition(self.decimal)
        return re.sub(r"\D", "", whole), decimals


SPANISH = NumberStyle("es", "coma", "menos", "por ciento", money=("EUR", "USD", "GBP"))
SPANISH = replace(SPANISH, ordinals=(*ROMANCE, (r"(?P<n>[13])er", _shortened)))
PORTUGUESE = NumberStyle("pt", "vírgula", "menos", "por cento", money=("EUR", "USD"), ordinals=ROMANCE)

STYLES: Mapping[str, NumberStyle] = {
    "ca": NumberStyle("ca", "coma", "menys", "per cent", money=("EUR", "USD")),
    "de": NumberStyle(
        "de",
        "Komma",
        "minus",
        "Prozent",
        by_digit=True,
        years=True,
        money=("EUR", "USD", "GBP"),
        ordinals=GERMAN,
    ),
    "es": SPANISH,
    "es-MX": replace(SPANISH, point="punto", decimal=".", groups=", "),
    "fi": NumberStyle("fi", "pilkku", "miinus", by_digit=True, money=("EUR", "USD", "GBP")),
    "fr": NumberStyle(
        "fr",
        "virgule",
        "moins",
        "pour cent",
        money=("EUR", "USD"),
        ordinals=((r"(?P<n>1)(?:re|ère)", lambda _: "première"), (r"(?P<n>\d{1,4})(?:er|e|ème|eme)", _as_it_is)),
    ),
    "id": NumberStyle("id", "koma", "minus", "persen", by_digit=True, ordinals=((r"ke-(?P<n>\d{1,4})", _as_it_is),)),
    "it": NumberStyle("it", "virgola", "meno", "per cento", money=("EUR", "USD", "GBP"), ordinals=ROMANCE),
    "lv": NumberStyle("lv", "komats", "mīnus", money=("EUR", "USD")),
    "nl": NumberStyle(
        "nl",
        "komma",
        "min",
        "procent",
        years=True,
        money=("EUR", "USD"),
        ordinals=((r"(?P<n>\d{1,4})(?:e|de|ste)", _as_it_is),),
    ),
    "pl": NumberStyle("pl", "przecinek", "minus", "procent", money=("EUR", "PLN")),
    "pt": PORTUGUESE,
    "pt-BR": replace(PORTUGUESE, code="pt_BR", money=()),
    "ro": NumberStyle("ro", "virgulă", "minus", "la sută"),
    "ru": NumberStyle(
        "ru", "", "минус", money=("EUR", "USD", "RUB"), ordinals=((r"(?P<n>\d{1,4})-(?:ы|и)?й", _as_it_is),)
    ),
    "uk": NumberStyle(
        "uk",
        "кома",
        "мінус",
        by_digit=True,
        money=("EUR", "USD", "GBP"),
        ordinals=((r"(?P<n>\d{1,4})-(?:и|і)?й", _as_it_is),),
    ),
}
"""By language, or by language and region where that differs. Piper has voices for each."""

TABLES = {"de": "german", "es": "spanish", "fr": "french", "it": "italian", "pt": "portuguese"}
"""The languages with a table for every category, and its module."""
_ALONE = r"(?<![\w.,:/+-])", r"(?![\w:/-]|[.,]\d)"
"""Around a number that is no part of a date, a time, a version or a word."""


def read_language(text: AlignedText, language: str, region: str = "") -> AlignedText:
    """The text with its numbers in words; unchanged in a language that is not in the table.

    Args:
        text: in Unicode's compatibility form (NFKC).
        language: ISO 639-1 code.
        region: ISO 3166-1 code, or "".
    """
    key = _key(language, region)
    if key not in STYLES or _num2words() is None:
        return text
    return apply_rules(_rules(key), text)


def read_numbers(text: str, language: str, region: str = "") -> str:
    """The same for a plain string."""
    return read_language(AlignedText.of(text), language, region).text


def read_ordinal(number: int, language: str, region: str = "") -> str:
    """3 -> `dritte`; in digits, for the voice to read, in a language without such a rule."""
    style = STYLES.get(_key(language, region))
    if style is None or not style.ordinals or not number or _num2words() is None:
        return str(number)
    return _words(style, number, to="ordinal")


def _key(language: str, region: str) -> str:
    return f"{language}-{region}" if f"{language}-{region}" in STYLES else language


@cache
def _num2words() -> Callable[..., str] | None:
    """Loaded with the first number; None where it is not installed."""
    try:
        from num2words import num2words
    except ImportError:
        logger.warning("Voices read numbers by themselves: num2words is not installed (pip install 'speechd[tts]').")
        return None
    found: Callable[..., str] = num2words
    return found


@cache
def _rules(key: str) -> tuple[Rule, ...]:
    """Patterns and what replaces them, the more specific ones first."""
    style = STYLES[key]
    return (*_table_rules(style), *_number_rules(style))


def _table_rules(style: NumberStyle) -> tuple[Rule, ...]:
    """The rules of all categories, in the languages that have a table. It is loaded here."""
    name = TABLES.get(style.code.partition("_")[0])
    if name is None:
        return ()
    table = import_module(f"speechd.tts.normalization.tables.{name}").TABLE
    words = NumberWords(
        style.number, style.decimal, style.minus, lambda n: _words(style, n), lambda text: _plain_number(style, text)
    )
    return TableRules(table, words).rules()


def _number_rules(style: NumberStyle) -> tuple[Rule, ...]:
    """Numbers, percentages, money and ordinals, the more specific first."""
    start, end = _ALONE
    signed = rf"(?P<minus>[-−](?=\d))?(?P<n>{style.number})"
    signs = "|".join(re.escape(sign) for sign, code in CODES.items() if code in style.money)
    rules = [(rf"{start}{pattern}(?!\w)", partial(_ordinal, style, form)) for pattern, form in style.ordinals]
    if signs:
        rules += [(rf"{start}(?P<n>{style.number}) ?(?P<sign>{signs})(?!\w)", partial(_money, style))]
        rules += [(rf"{start}(?P<sign>{signs}) ?(?P<n>{style.number}){end}", partial(_money, style))]
    if style.percent:
        rules += [(rf"{start}{signed} ?%", partial(_percent, style))]
    if style.years:
        rules += [(rf"{start}(?P<n>1[1-9]\d\d){end}", partial(_year, style))]
    rules += [(rf"{start}{signed}{end}", partial(_number, style))]
    return tuple(Rule(pattern, spoken) for pattern, spoken in rules)


def _words(style: NumberStyle, value: int | Decimal, **how: str) -> str:
    convert = _num2words()
    assert convert is not None, "asked before"  # noqa: S101 - for the type checker
    return convert(value, lang=style.code, **how).strip()


def _number(style: NumberStyle, match: Match[str]) -> str:
    sign = f"{style.minus} " if match["minus"] else ""
    return sign + _plain_number(style, match["n"])


def _plain_number(style: NumberStyle, text: str) -> str:
    """`1.234,56` in words."""
    whole, decimals = style.plain(text)
    if not decimals:
        return _words(style, int(whole))
    if not style.point:
        return _words(style, Decimal(f"{whole}.{decimals}"))
    return f"{_words(style, int(whole))} {style.point} {_decimals(style, decimals)}"


def _decimals(style: NumberStyle, digits: str) -> str:
    """`05` -> zero five; `14` as one number, where the language does so."""
    if style.by_digit or len(digits) > 2 or digits.startswith("0"):
        return " ".join(_words(style, int(digit)) for digit in digits)
    return _words(style, int(digits))


def _percent(style: NumberStyle, match: Match[str]) -> str:
    return f"{_number(style, match)} {style.percent}"


def _year(style: NumberStyle, match: Match[str]) -> str:
    return _words(style, int(match["n"]), to="year")


def _ordinal(style: NumberStyle, form: Callable[[str], str], match: Match[str]) -> str:
    return form(_words(style, int(match["n"]), to="ordinal")) if int(match["n"]) else match[0]


def _money(style: NumberStyle, match: Match[str]) -> str:
    """The amount in units and cents, the part left out that is nothing."""
    whole, decimals = style.plain(match["n"])
    if len(decimals) > 2:
        return match[0]
    value = Decimal(f"{whole}.{decimals.ljust(2, '0')}")
    how = {"to": "currency", "currency": CODES[match["sign"]]}
    if not decimals.strip("0"):
        return _words(style, value, **how, separator=_CUT).partition(_CUT)[0].strip()
    if not int(whole):
        return _words(style, value, **how, separator=_CUT).partition(_CUT)[2].strip()
    return _words(style, value, **how)
