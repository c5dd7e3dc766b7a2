"""Italian."""

from speechd.tts.normalization.tables.table import Cardinal, LanguageTable
from speechd.tts.normalization.web import WebWords

_MONTHS = (
    "gennaio", "febbraio", "marzo", "aprile", "maggio", "giugno",
    "luglio", "agosto", "settembre", "ottobre", "novembre", "dicembre",
)  # fmt: skip
_ORDINALS = ("primo", "secondo", "terzo", "quarto", "quinto", "sesto", "settimo", "ottavo", "nono", "decimo")


def _with_noun(words: str, feminine: bool) -> str:
    """`uno` -> `un`, `una`; `ventuno` stays."""
    return words if words != "uno" else "una" if feminine else "un"


def _ordinal(cardinal: Cardinal, number: int) -> str:
    """14 -> `quattordicesimo`."""
    if number <= len(_ORDINALS):
        return _ORDINALS[number - 1]
    words = cardinal(number).replace("tré", "tre")
    return (words if words.endswith(("tre", "sei")) else words[:-1]) + "esimo"


def _date(cardinal: Cardinal, day: int, month: int, year: int | None, before: str) -> str:
    said = f"{'primo' if day == 1 else cardinal(day)} {_MONTHS[month - 1]}"
    return said if year is None else f"{said} {cardinal(year)}"


def _clock(cardinal: Cardinal, hour: int, minute: int) -> str:
    said = "una" if hour == 1 else cardinal(hour)
    return said if minute == 0 else f"{said} e {cardinal(minute)}"


TABLE = LanguageTable(
    months=_MONTHS,
    month_abbreviations="genn?|febb?|mar|apr|magg?|giu|lug|ago|sett?|ott|nov|dic",
    units={
        "km": ("chilometro", "chilometri"),
        "m": ("metro", "metri"),
        "cm": ("centimetro", "centimetri"),
        "mm": ("millimetro", "millimetri"),
        "kg": ("chilogrammo", "chilogrammi"),
        "g": ("grammo", "grammi"),
        "mg": ("milligrammo", "milligrammi"),
        "t": ("tonnellata", "tonnellate"),
        "l": ("litro", "litri"),
        "L": ("litro", "litri"),
        "ml": ("millilitro", "millilitri"),
        "h": ("ora", "ore"),
        "min": ("minuto", "minuti"),
        "s": ("secondo", "secondi"),
        "km/h": ("chilometro all'ora", "chilometri all'ora"),
        "m/s": ("metro al secondo", "metri al secondo"),
        "m^2": ("metro quadrato", "metri quadrati"),
        "mq": ("metro quadrato", "metri quadrati"),
        "km^2": ("chilometro quadrato", "chilometri quadrati"),
        "m^3": ("metro cubo", "metri cubi"),
        "ha": ("ettaro", "ettari"),
        "°C": ("grado Celsius", "gradi Celsius"),
        "°": ("grado", "gradi"),
        "%": ("per cento", "per cento"),
        "‰": ("per mille", "per mille"),
        "kB": ("kilobyte", "kilobyte"),
        "MB": ("megabyte", "megabyte"),
        "GB": ("gigabyte", "gigabyte"),
        "TB": ("terabyte", "terabyte"),
        "Mbps": ("megabit al secondo", "megabit al secondo"),
        "W": ("watt", "watt"),
        "kW": ("chilowatt", "chilowatt"),
        "kWh": ("chilowattora", "chilowattora"),
        "V": ("volt", "volt"),
        "Hz": ("hertz", "hertz"),
        "GHz": ("gigahertz", "gigahertz"),
    },
    currencies={
        "€": (("euro", "euro"), ("centesimo", "centesimi")),
        "EUR": (("euro", "euro"), ("centesimo", "centesimi")),
        "$": (("dollaro", "dollari"), ("centesimo", "centesimi")),
        "USD": (("dollaro", "dollari"), ("centesimo", "centesimi")),
        "£": (("sterlina", "sterline"), ("penny", "pence")),
        "¥": (("yen", "yen"), ("sen", "sen")),
    },
    feminine=frozenset(("tonnellata", "ora", "sterlina")),
    scales={
        "mila": ("mila", "mila"),
        "mln": ("milione", "milioni"),
        "M": ("milione", "milioni"),
        "milione": ("milione", "milioni"),
        "milioni": ("milione", "milioni"),
        "mld": ("miliardo", "miliardi"),
        "miliardo": ("miliardo", "miliardi"),
        "miliardi": ("miliardo", "miliardi"),
    },
    of="di ",
    until="a",
    and_="e",
    plus="più",
    joint="e",
    half=("mezzo", "mezzo"),
    denominators={
        3: ("terzo", "terzi"),
        4: ("quarto", "quarti"),
        5: ("quinto", "quinti"),
        6: ("sesto", "sesti"),
        8: ("ottavo", "ottavi"),
        10: ("decimo", "decimi"),
    },
    with_noun=_with_noun,
    date=_date,
    clock=_clock,
    clock_marks="[:]",
    clock_word="",
    lone_hour="",
    roman=_ordinal,
    rulers="Luigi|Carlo|Vittorio Emanuele|Umberto|Enrico|Pio|Benedetto|Leone|Giovanni Paolo|Paolo|Napoleone"
    "|Filippo|Giorgio|Elisabetta|Federico|Giovanni",
    numbered=r"\b([Cc]apitolo|[Tt]omo|[Aa]tto|[Pp]arte|[Tt]ipo|[Ff]ase) (ROMAN)\b",
    abbreviations={
        "Sig.": "signor",
        "Sig.ra": "signora",
        "sig.": "signor",
        "sig.ra": "signora",
        "Dott.": "dottor",
        "Dott.ssa": "dottoressa",
        "Prof.": "professor",
        "Prof.ssa": "professoressa",
        "ecc.": "eccetera",
        "etc.": "eccetera",
        "p. es.": "per esempio",
        "p.es.": "per esempio",
        "ad es.": "ad esempio",
        "pag.": "pagina",
        "pagg.": "pagine",
        "n.": "numero",
        "tel.": "telefono",
        "a.C.": "avanti Cristo",
        "d.C.": "dopo Cristo",
        "S.": "San",
        "ca.": "circa",
        "Ing.": "ingegner",
    },
    symbols={
        "&": "e",
        "@": "chiocciola",
        "+": "più",
        "=": "uguale a",
        "<": "minore di",
        ">": "maggiore di",
        "°": "gradi",
        "×": "per",
        "÷": "diviso",
        "±": "più o meno",
        "≈": "circa",
        "€": "euro",
        "$": "dollari",
        "£": "sterline",
        "%": "per cento",
        "§": "paragrafo",
        "©": "copyright",
        "→": "a",
        "#": "numero",
    },
    web=WebWords("punto", "chiocciola", "barra", "due punti", "più", "hashtag"),
    mixed=lambda whole, part: f"{whole} e {part}",
    centuries=(r"\b(ROMAN)(?= secolo\b)", _ordinal),
    decade=(r"(?<=anni )'?(?P<n>\d0)\b", lambda cardinal, n: cardinal(n)),
)
