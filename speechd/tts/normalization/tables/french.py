"""French."""

import re

from speechd.tts.normalization.tables.table import Cardinal, LanguageTable
from speechd.tts.normalization.web import WebWords

_MONTHS = (
    "janvier", "février", "mars", "avril", "mai", "juin",
    "juillet", "août", "septembre", "octobre", "novembre", "décembre",
)  # fmt: skip


def _with_noun(words: str, feminine: bool) -> str:
    return re.sub(r"\bun$", "une", words) if feminine else words


def _date(cardinal: Cardinal, day: int, month: int, year: int | None, before: str) -> str:
    said = f"{'premier' if day == 1 else cardinal(day)} {_MONTHS[month - 1]}"
    return said if year is None else f"{said} {cardinal(year)}"


def _clock(cardinal: Cardinal, hour: int, minute: int) -> str:
    said = f"{_with_noun(cardinal(hour), feminine=True)} heure{'s' if hour > 1 else ''}"
    return said if minute == 0 else f"{said} {_with_noun(cardinal(minute), feminine=True)}"


def _roman(cardinal: Cardinal, number: int) -> str:
    return "premier" if number == 1 else cardinal(number)


def _ordinal(cardinal: Cardinal, number: int) -> str:
    """20 -> `vingtième`."""
    if number == 1:
        return "premier"
    words = cardinal(number)
    words = words.removesuffix("e") if words.endswith("e") else words
    words = words[:-1] + "v" if words.endswith("f") else words + "u" if words.endswith("cinq") else words
    return words + "ième"


TABLE = LanguageTable(
    months=_MONTHS,
    month_abbreviations="janv|févr?|avr|juil|sept?|oct|nov|déc",
    units={
        "km": ("kilomètre", "kilomètres"),
        "m": ("mètre", "mètres"),
        "cm": ("centimètre", "centimètres"),
        "mm": ("millimètre", "millimètres"),
        "kg": ("kilogramme", "kilogrammes"),
        "g": ("gramme", "grammes"),
        "mg": ("milligramme", "milligrammes"),
        "t": ("tonne", "tonnes"),
        "l": ("litre", "litres"),
        "L": ("litre", "litres"),
        "ml": ("millilitre", "millilitres"),
        "min": ("minute", "minutes"),
        "s": ("seconde", "secondes"),
        "km/h": ("kilomètre heure", "kilomètres heure"),
        "m/s": ("mètre par seconde", "mètres par seconde"),
        "m^2": ("mètre carré", "mètres carrés"),
        "km^2": ("kilomètre carré", "kilomètres carrés"),
        "m^3": ("mètre cube", "mètres cubes"),
        "ha": ("hectare", "hectares"),
        "°C": ("degré Celsius", "degrés Celsius"),
        "°": ("degré", "degrés"),
        "%": ("pour cent", "pour cent"),
        "‰": ("pour mille", "pour mille"),
        "ko": ("kilooctet", "kilooctets"),
        "Mo": ("mégaoctet", "mégaoctets"),
        "Go": ("gigaoctet", "gigaoctets"),
        "To": ("téraoctet", "téraoctets"),
        "GB": ("gigabyte", "gigabytes"),
        "Mbit/s": ("mégabit par seconde", "mégabits par seconde"),
        "W": ("watt", "watts"),
        "kW": ("kilowatt", "kilowatts"),
        "kWh": ("kilowattheure", "kilowattheures"),
        "V": ("volt", "volts"),
        "Hz": ("hertz", "hertz"),
        "GHz": ("gigahertz", "gigahertz"),
    },
    currencies={
        "€": (("euro", "euros"), ("centime", "centimes")),
        "EUR": (("euro", "euros"), ("centime", "centimes")),
        "$": (("dollar", "dollars"), ("cent", "cents")),
        "USD": (("dollar", "dollars"), ("cent", "cents")),
        "£": (("livre", "livres"), ("penny", "pence")),
        "CHF": (("franc suisse", "francs suisses"), ("centime", "centimes")),
        "¥": (("yen", "yens"), ("sen", "sen")),
    },
    feminine=frozenset(("tonne", "minute", "seconde", "livre")),
    scales={
        "k": ("mille", "mille"),
        "M": ("million", "millions"),
        "million": ("million", "millions"),
        "millions": ("million", "millions"),
        "Md": ("milliard", "milliards"),
        "Mds": ("milliard", "milliards"),
        "milliard": ("milliard", "milliards"),
        "milliards": ("milliard", "milliards"),
    },
    of="d'",
    until="à",
    and_="et",
    plus="plus",
    joint="et",
    half=("un demi", "demi"),
    denominators={
        3: ("tiers", "tiers"),
        4: ("quart", "quarts"),
        5: ("cinquième", "cinquièmes"),
        6: ("sixième", "sixièmes"),
        8: ("huitième", "huitièmes"),
        10: ("dixième", "dixièmes"),
    },
    with_noun=_with_noun,
    date=_date,
    clock=_clock,
    clock_marks="(?::| ?h ?)",
    clock_word=" ?h\\b",
    lone_hour=" ?h\\b",
    roman=_roman,
    rulers="Louis|Charles|Henri|François|Napoléon|Philippe|Jean|Pie|Benoît|Léon|Élisabeth|Elisabeth|George|Édouard|Guillaume|Jean-Paul",
    numbered=r"\b([Cc]hapitre|[Tt]ome|[Aa]cte|[Pp]artie|[Tt]ype|[Pp]hase) (ROMAN)\b",
    abbreviations={
        "M.": "monsieur",
        "Mme": "madame",
        "Mmes": "mesdames",
        "Mlle": "mademoiselle",
        "MM.": "messieurs",
        "Dr": "docteur",
        "Dr.": "docteur",
        "Pr": "professeur",
        "etc.": "et cetera",
        "p. ex.": "par exemple",
        "p.ex.": "par exemple",
        "c.-à-d.": "c'est-à-dire",
        "av.": "avenue",
        "bd": "boulevard",
        "n°": "numéro",
        "p.": "page",
        "tél.": "téléphone",
        "env.": "environ",
        "St": "saint",
        "Ste": "sainte",
        "av. J.-C.": "avant Jésus-Christ",
        "apr. J.-C.": "après Jésus-Christ",
    },
    symbols={
        "&": "et",
        "@": "arobase",
        "+": "plus",
        "=": "égale",
        "<": "inférieur à",
        ">": "supérieur à",
        "°": "degrés",
        "×": "fois",
        "÷": "divisé par",
        "±": "plus ou moins",
        "≈": "environ",
        "€": "euros",
        "$": "dollars",
        "£": "livres",
        "%": "pour cent",
        "§": "paragraphe",
        "©": "copyright",
        "→": "vers",
        "#": "numéro",
    },
    web=WebWords("point", "arobase", "barre oblique", "deux-points", "plus", "hashtag"),
    mixed=lambda whole, part: f"{whole} et {part}",
    centuries=(r"\b(ROMAN)(?:er?|ème)(?= siècles?\b)", _ordinal),
    decade=(r"(?<=années )'?(?P<n>(?:19)?\d0)\b", lambda cardinal, n: cardinal(n)),
)
