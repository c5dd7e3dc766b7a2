"""Amounts of things: units, percentages, fractions, ranges, ratios, powers, ordinals, and then every other number."""

from re import Match

from speechd.tts.normalization.english_rules.units import UNIT, UNITS, plural
from speechd.tts.normalization.numbers import cardinal, digits, number, ordinal, plural_number, year
from speechd.tts.normalization.rules import Rule, replaced_by

NUMBER = r"(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|(?<!\d)\.\d+)"
_START = r"(?<![\w.,])"
_SIGN = r"[-−+±~≈]?"
SIGNS = {"-": "minus ", "−": "minus ", "+": "plus ", "±": "plus or minus ", "~": "about ", "≈": "about "}
SHORT_SCALES = {"k": "thousand", "K": "thousand", "M": "million", "mn": "million", "bn": "billion", "B": "billion"}
SPOKEN_POWERS = {"2": "squared", "3": "cubed"}
_DASH = r"\s?[-–]\s?"
_NO_NOUNS = "of|in|at|to|per|and|or|is|are|was|for|with|from|on|by|as|but|than|that|which|away|long|tall|wide|deep|high"
_NAMED_DENOMINATORS = frozenset((*range(3, 11), 12, 16, 20, 32, 64, 100, 1000))


def fraction(top: str, bottom: str) -> str:
    """`3`, `4` -> `three quarters`."""
    named = {"2": ("half", "halves"), "4": ("quarter", "quarters")}.get(bottom)
    if len(top) <= 2 and named:
        return f"{number(top)} {named[top != '1']}"
    if len(top) <= 2 and len(bottom) <= 4 and int(bottom) in _NAMED_DENOMINATORS:
        name = ordinal(int(bottom)).removeprefix("one ")
        return f"{number(top)} {name}{'' if top == '1' else 's'}"
    return f"{number(top)} over {number(bottom)}"


def _mixed_fraction(match: Match[str]) -> str | None:
    """`1 1/2` -> `one and a half`."""
    if int(match[2]) >= int(match[3]):
        return None
    part = fraction(match[2], match[3])
    if match[2] == "1" and int(match[3]) in (2, 3, 4, 5, 6, 8):
        part = "a" + part.removeprefix("one")
        part = "an eighth" if match[3] == "8" else part
    unit = f" {plural(UNITS[match[4]], '2')}" if match[4] else ""
    return f"{number(match[1])} and {part}{unit}"


def _fraction_of_unit(match: Match[str]) -> str:
    unit = f" {UNITS[match[3]]}" if match[3] else ""
    return fraction(match[1], match[2]) + unit


def _before_noun(match: Match[str]) -> str:
    """`a 16 GB laptop` -> `a sixteen gigabyte laptop`"""
    return f"{match[1]} {number(match[2])} {UNITS[match[3]]} "


def _quantity(match: Match[str]) -> str:
    """A sign, a number and a unit."""
    return SIGNS.get(match[1], "") + f"{number(match[2])} {plural(UNITS[match[3]], match[2])}"


def _scaled(match: Match[str]) -> str:
    """`1.2M` -> `one point two million`."""
    return SIGNS.get(match[1], "") + f"{number(match[2])} {SHORT_SCALES[match[3]]}"


def _unit_range(match: Match[str]) -> str:
    """`5-10 kg`"""
    return f"{number(match[1])} to {number(match[2])} {plural(UNITS[match[3]], '2')}"


def _dimensions(match: Match[str]) -> str:
    """`1920x1080` -> `nineteen twenty by ten eighty`"""
    return " by ".join(_screen_size(part) for part in match[0].replace("×", "x").split("x"))


def _screen_size(text: str) -> str:
    text = text.strip()
    pairs = len(text) == 4 and text.isdigit() and text[2:] > "09" and text[1] != "0"
    return f"{cardinal(int(text[:2]))} {cardinal(int(text[2:]))}" if pairs or text == "1080" else number(text)


def _power(match: Match[str]) -> str:
    sign = "minus " if match[2].startswith(("-", "−")) else ""
    power = match[2].lstrip("-−")
    if not sign and power in SPOKEN_POWERS:
        return f"{match[1]} {SPOKEN_POWERS[power]} "
    return f"{match[1]} to the {'power of ' + sign + number(power) if sign or len(power) > 2 else ordinal(int(power))} "


def _height(match: Match[str]) -> str:
    """`5'11"` -> `five feet eleven`"""
    return f"{number(match[1])} {plural('foot', match[1])} {number(match[2])}"


def _number_or_year(match: Match[str]) -> str:
    text, rest = match[0], match.string[match.end() : match.end() + 1]
    blank = " " if rest.isalpha() else ""
    if len(text) == 4 and text.isdigit() and ("1100" <= text <= "1999" or "2000" <= text <= "2099"):
        return year(int(text)) + blank
    if len(text) > 1 and text.startswith("0") and "." not in text:
        return digits(text) + blank
    if text.startswith("."):
        return "point " + digits(text) + blank
    return number(text) + blank


QUANTITY_RULES: tuple[Rule, ...] = (
    Rule(
        r"\b([Tt]wo|[Tt]hree|[Ff]our|[Tt]he|[Aa]ll|[Oo]f|[Nn]o|[Mm]any|[Ii]n|[Bb]y|[Pp]air of) (\d{1,4})['’]?s\b",
        lambda m: f"{m[1]} {plural_number(m[2])}",
    ),
    Rule(r"\b(\d{1,2}) (\d{1,2})['’]s\b", lambda m: f"{number(m[1])} {plural_number(m[2])}"),
    Rule(r"\b(10{2,6})['’]?s(?= of\b)", lambda m: plural_number(m[1])),
    Rule(r"(?<![\w.,-])(?<!\d )\d{1,3}(?: \d{3}){0,4} 000(?![\d-])", lambda m: number(m[0].replace(" ", ""))),
    Rule(rf"(?<![\d.,])({NUMBER})(?=\s?\^)", lambda m: number(m[1])),
    Rule(rf"(?<![\w/.,])(\d{{1,15}})[ -](\d{{1,3}})/(\d{{1,4}})(?![\w/])(?:\s?({UNIT})(?![\w'/^]))?", _mixed_fraction),
    Rule(r"(?<![\w/.,])([1-9]0)/([1-9]0)(?![\w/])", lambda m: _split_of_hundred(m)),
    Rule(r"(?<![\w/,])(\d(?:\.\d)?)/(5|10)(?= stars?\b)", lambda m: f"{number(m[1])} out of {number(m[2])}"),
    Rule(rf"\b([Aa]n?|[Ee]ach|[Ee]very) ({NUMBER}) ?({UNIT}) (?!(?:{_NO_NOUNS})\b)(?=[a-z]{{3}})", _before_noun),
    Rule(rf"{_START}({NUMBER}){_DASH}({NUMBER})\s?({UNIT})(?![\w'’])", _unit_range),
    Rule(rf"{_START}({_SIGN})({NUMBER}) ?({UNIT})(?![\w'’^]|[-/]\w)(?:\.(?=\s[a-z]))?", _quantity),
    Rule(
        rf"{_START}({_SIGN})({NUMBER})-((?=[^\s.]{{2}}|m\b)(?:{UNIT}))(?![\w'’^])",
        lambda m: f"{number(m[2])} {UNITS[m[3]]}",
    ),
    Rule(rf"{_START}({NUMBER}) K\b", lambda m: f"{number(m[1])} kelvin"),
    Rule(rf"{_START}([48])K\b|{_START}(5|10)K(?= (?:run|race))", lambda m: f"{number(m[1] or m[2])} K"),
    Rule(rf"{_START}({NUMBER})(k|K|M|mn|bn|B)?{_DASH}({NUMBER})(k|K|M|mn|bn|B)(?![\w-])", lambda m: _scaled_range(m)),
    Rule(rf"{_START}({_SIGN})({NUMBER})(k|K|M|mn|bn|B)(?!\w|-\w)", _scaled),
    Rule(r"(?<![\w.'])(\d)['’′](\d\d?)(?:\"|″|'')", _height),
    Rule(rf"\b([Aa]n?|[Tt]he|[Tt]his|[Mm]y) ({NUMBER})\"(?= [a-z])", lambda m: f"{m[1]} {number(m[2])} inch"),
    Rule(rf"{_START}({NUMBER})[\"″](?=[\s,.]|$)", lambda m: f"{number(m[1])} {plural('inch', m[1])}"),
    Rule(r"(?<![\w'.])(\d{1,3})['′](?=[\s,.]|$)", lambda m: f"{number(m[1])} {plural('foot', m[1])}"),
    Rule(rf"{_START}({NUMBER})in\b|(?<=feet )({NUMBER}) in\b(?! [a-z])", lambda m: _inches(m[1] or m[2])),
    Rule(rf"{_START}({NUMBER})-inch\b", lambda m: f"{number(m[1])} inch"),
    Rule(
        rf"{_START}{NUMBER}\s?[x×]\s?{NUMBER}(?:\s?[x×]\s?{NUMBER})?(?![\w])",
        _dimensions,
    ),
    Rule(rf"{_START}({NUMBER})[x×](?=\s|[.,;!?]|$)", lambda m: f"{number(m[1])} times"),
    Rule(r"\b(\d{1,15})(?:st|nd|rd|th)\b", lambda m: ordinal(int(m[1]))),
    Rule(r"(?<![\w:.])(\d{1,6}):(\d{1,6})(?![\w:])", lambda m: f"{number(m[1])} to {number(m[2])}"),
    Rule(
        r"\b([Rr]at(?:ed|ing|es?)|[Ss]cor(?:ed?|es|ing)|[Gg]ot|[Gg]ave (?:it|them)|[Aa]nswered)( (?:of|an?|it|is"
        r"|was))? "
        r"(\d{1,3})/(5|10|20|50|100)(?![\w/])",
        lambda m: f"{m[1]}{m[2] or ''} {number(m[3])} out of {number(m[4])}",
    ),
    Rule(r"(?<![\w/.,])(20/20|4/4|6/8)(?![\w/])", lambda m: " ".join(map(number, m[1].split("/")))),
    Rule(rf"(?<![\w/.,])(\d{{1,15}})/(\d{{1,15}})(?![\w/])(?:\s?({UNIT})(?![\w'/^]))?", _fraction_of_unit),
    Rule(r"(?<=\d)\s?[-–]\s?(?=\d)", replaced_by(" to ")),
    Rule(r"(?<=\d) ?- ?(?=[A-Za-z])", replaced_by("-")),
    Rule(r"\b([A-Za-z]{1,2})\^(-?\d{1,6})(?!\d)", _power),
    Rule(r"\b([a-z ]{3,60})\s?\^([-−]?\d{1,6})(?!\d)", _power),
    Rule(rf"{_START}([-−+±~≈])\s?(?=\.?\d)", lambda m: SIGNS[m[1]]),
    Rule(r"(?<=\w)\+(?=\s|[.,;:!?)]|$)", replaced_by(" plus")),
    Rule(NUMBER, _number_or_year),
)


def _split_of_hundred(match: Match[str]) -> str | None:
    """`80/20` -> `eighty twenty`"""
    return f"{number(match[1])} {number(match[2])}" if int(match[1]) + int(match[2]) == 100 else None


def _inches(amount: str) -> str:
    return f"{number(amount)} {plural('inch', amount)}"


def _scaled_range(match: Match[str]) -> str:
    """`10-20k`, `1M-2M`"""
    low = f"{number(match[1])} {SHORT_SCALES[match[2]]}" if match[2] and match[2] != match[4] else number(match[1])
    return f"{low} to {number(match[3])} {SHORT_SCALES[match[4]]}"
