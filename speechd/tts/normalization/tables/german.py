"""German."""

import re

from speechd.tts.normalization.tables.table import Cardinal, LanguageTable
from speechd.tts.normalization.web import WebWords

_MONTHS = (
    "Januar", "Februar", "März", "April", "Mai", "Juni",
    "Juli", "August", "September", "Oktober", "November", "Dezember",
)  # fmt: skip
_ORDINALS = {1: "erste", 3: "dritte", 7: "siebte", 8: "achte"}
_DATIVE = frozenset(["am", "vom", "zum", "beim", "dem", "den", "bis", "im", "ab", "seit", "nach", "vor"])


def _with_noun(words: str, feminine: bool) -> str:
    """`eins` -> `ein`, `eine`."""
    return re.sub(r"eins$", "eine" if feminine else "ein", words)


def _ordinal(cardinal: Cardinal, number: int) -> str:
    head, last = divmod(number, 100)
    if number in _ORDINALS:
        return _ORDINALS[number]
    if head and last in _ORDINALS:
        return cardinal(head * 100) + _ORDINALS[last]
    return cardinal(number) + ("te" if last < 20 and last else "ste")


def _year(cardinal: Cardinal, year: int) -> str:
    """1984 -> `neunzehnhundertvierundachtzig`."""
    if 1100 <= year < 2000:
        return f"{cardinal(year // 100)}hundert" + (cardinal(year % 100) if year % 100 else "")
    return cardinal(year)


def _date(cardinal: Cardinal, day: int, month: int, year: int | None, before: str) -> str:
    ending = "n" if before in _DATIVE else "" if before in ("der", "ein") else "r"
    said = f"{_ordinal(cardinal, day)}{ending} {_MONTHS[month - 1]}"
    return said if year is None else f"{said} {_year(cardinal, year)}"


def _clock(cardinal: Cardinal, hour: int, minute: int) -> str:
    said = f"{_with_noun(cardinal(hour), feminine=False)} Uhr"
    return said if minute == 0 else f"{said} {cardinal(minute)}"


def _roman(cardinal: Cardinal, number: int) -> str:
    return f"der {_ordinal(cardinal, number).capitalize()}"


def _decade(cardinal: Cardinal, number: int) -> str:
    return f"{_year(cardinal, number)}er"


TABLE = LanguageTable(
    months=_MONTHS,
    month_abbreviations="Jan|Feb|Mär|Apr|Jun|Jul|Aug|Sept?|Okt|Nov|Dez|Jänner",
    units={
        "km": ("Kilometer", "Kilometer"),
        "m": ("Meter", "Meter"),
        "cm": ("Zentimeter", "Zentimeter"),
        "mm": ("Millimeter", "Millimeter"),
        "kg": ("Kilogramm", "Kilogramm"),
        "g": ("Gramm", "Gramm"),
        "mg": ("Milligramm", "Milligramm"),
        "t": ("Tonne", "Tonnen"),
        "l": ("Liter", "Liter"),
        "L": ("Liter", "Liter"),
        "ml": ("Milliliter", "Milliliter"),
        "h": ("Stunde", "Stunden"),
        "Std.": ("Stunde", "Stunden"),
        "min": ("Minute", "Minuten"),
        "Min.": ("Minute", "Minuten"),
        "s": ("Sekunde", "Sekunden"),
        "km/h": ("Kilometer pro Stunde", "Kilometer pro Stunde"),
        "m/s": ("Meter pro Sekunde", "Meter pro Sekunde"),
        "m^2": ("Quadratmeter", "Quadratmeter"),
        "qm": ("Quadratmeter", "Quadratmeter"),
        "km^2": ("Quadratkilometer", "Quadratkilometer"),
        "m^3": ("Kubikmeter", "Kubikmeter"),
        "ha": ("Hektar", "Hektar"),
        "°C": ("Grad Celsius", "Grad Celsius"),
        "°": ("Grad", "Grad"),
        "%": ("Prozent", "Prozent"),
        "‰": ("Promille", "Promille"),
        "kB": ("Kilobyte", "Kilobyte"),
        "MB": ("Megabyte", "Megabyte"),
        "GB": ("Gigabyte", "Gigabyte"),
        "TB": ("Terabyte", "Terabyte"),
        "Mbit/s": ("Megabit pro Sekunde", "Megabit pro Sekunde"),
        "W": ("Watt", "Watt"),
        "kW": ("Kilowatt", "Kilowatt"),
        "kWh": ("Kilowattstunde", "Kilowattstunden"),
        "V": ("Volt", "Volt"),
        "Hz": ("Hertz", "Hertz"),
        "GHz": ("Gigahertz", "Gigahertz"),
        "PS": ("P S", "P S"),
    },
    currencies={
        "€": (("Euro", "Euro"), ("Cent", "Cent")),
        "EUR": (("Euro", "Euro"), ("Cent", "Cent")),
        "$": (("Dollar", "Dollar"), ("Cent", "Cent")),
        "USD": (("Dollar", "Dollar"), ("Cent", "Cent")),
        "£": (("Pfund", "Pfund"), ("Pence", "Pence")),
        "CHF": (("Franken", "Franken"), ("Rappen", "Rappen")),
        "Fr.": (("Franken", "Franken"), ("Rappen", "Rappen")),
        "¥": (("Yen", "Yen"), ("Sen", "Sen")),
    },
    feminine=frozenset(("Tonne", "Stunde", "Minute", "Sekunde", "Kilowattstunde", "Million", "Milliarde", "Billion")),
    scales={
        "Tsd.": ("tausend", "tausend"),
        "Mio.": ("Million", "Millionen"),
        "Mio": ("Million", "Millionen"),
        "Million": ("Million", "Millionen"),
        "Millionen": ("Million", "Millionen"),
        "Mrd.": ("Milliarde", "Milliarden"),
        "Mrd": ("Milliarde", "Milliarden"),
        "Milliarden": ("Milliarde", "Milliarden"),
        "Bio.": ("Billion", "Billionen"),
    },
    of="",
    until="bis",
    and_="und",
    plus="plus",
    joint="und",
    half=("einhalb", "einhalb"),
    denominators={
        3: ("Drittel", "Drittel"),
        4: ("Viertel", "Viertel"),
        5: ("Fünftel", "Fünftel"),
        6: ("Sechstel", "Sechstel"),
        8: ("Achtel", "Achtel"),
        10: ("Zehntel", "Zehntel"),
    },
    with_noun=_with_noun,
    date=_date,
    clock=_clock,
    clock_marks=":",
    clock_word=" ?Uhr",
    lone_hour=" ?Uhr",
    roman=_roman,
    rulers="Ludwig|Karl|Friedrich|Wilhelm|Heinrich|Otto|Franz|Napoleon|Leopold|Papst \\w+|Benedikt|Pius|Georg"
    "|Philipp|Ferdinand|Maximilian|Joseph",
    numbered=r"\b(Kapitel|Teil|Band|Akt|Typ|Phase|Klasse) (ROMAN)\b",
    abbreviations={
        "z. B.": "zum Beispiel",
        "z.B.": "zum Beispiel",
        "d. h.": "das heißt",
        "d.h.": "das heißt",
        "u. a.": "unter anderem",
        "u.a.": "unter anderem",
        "usw.": "und so weiter",
        "bzw.": "beziehungsweise",
        "ca.": "zirka",
        "Dr.": "Doktor",
        "Prof.": "Professor",
        "Hr.": "Herr",
        "Fr.": "Frau",
        "Nr.": "Nummer",
        "Str.": "Straße",
        "evtl.": "eventuell",
        "inkl.": "inklusive",
        "ggf.": "gegebenenfalls",
        "vgl.": "vergleiche",
        "S.": "Seite",
        "St.": "Sankt",
        "Tel.": "Telefon",
        "Jh.": "Jahrhundert",
        "v. Chr.": "vor Christus",
        "n. Chr.": "nach Christus",
        "max.": "maximal",
        "min.": "mindestens",
        "etc.": "et cetera",
    },
    symbols={
        "&": "und",
        "@": "at",
        "+": "plus",
        "=": "gleich",
        "<": "kleiner als",
        ">": "größer als",
        "°": "Grad",
        "×": "mal",
        "÷": "geteilt durch",
        "±": "plus minus",
        "≈": "ungefähr",
        "€": "Euro",
        "$": "Dollar",
        "£": "Pfund",
        "%": "Prozent",
        "§": "Paragraf",
        "©": "Copyright",
        "→": "nach",
        "#": "Nummer",
    },
    web=WebWords("Punkt", "at", "Schrägstrich", "Doppelpunkt", "plus", "Hashtag"),
    mixed=lambda whole, part: re.sub(r"eins$", "ein", whole) + part,
    decade=(r"(?<![\w.,])(?P<n>(?:1\d|20)?\d0)er\b", _decade),
)
