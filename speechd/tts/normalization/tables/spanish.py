"""Spanish."""

import re

from speechd.tts.normalization.tables.table import Cardinal, LanguageTable
from speechd.tts.normalization.web import WebWords

_MONTHS = (
    "enero", "febrero", "marzo", "abril", "mayo", "junio",
    "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre",
)  # fmt: skip
_ORDINALS = ("primero", "segundo", "tercero", "cuarto", "quinto", "sexto", "séptimo", "octavo", "noveno", "décimo")


def _with_noun(words: str, feminine: bool) -> str:
    """`veintiuno` -> `veintiún`, `veintiuna`."""
    if feminine:
        return re.sub(r"ientos\b", "ientas", re.sub(r"uno$", "una", words)).replace("quinientos", "quinientas")
    return re.sub(r"(?<=veinti)uno$", "ún", re.sub(r"(?<!veinti)uno$", "un", words))


def _date(cardinal: Cardinal, day: int, month: int, year: int | None, before: str) -> str:
    said = f"{cardinal(day)} de {_MONTHS[month - 1]}"
    return said if year is None else f"{said} de {cardinal(year)}"


def _clock(cardinal: Cardinal, hour: int, minute: int) -> str:
    said = _with_noun(cardinal(hour), feminine=True)
    return said if minute == 0 else f"{said} y {cardinal(minute)}"


def _roman(cardinal: Cardinal, number: int) -> str:
    return _ORDINALS[number - 1] if number <= len(_ORDINALS) else cardinal(number)


TABLE = LanguageTable(
    months=_MONTHS,
    month_abbreviations="ene|feb|mar|abr|may|jun|jul|ago|sept?|oct|nov|dic",
    units={
        "km": ("kilómetro", "kilómetros"),
        "m": ("metro", "metros"),
        "cm": ("centímetro", "centímetros"),
        "mm": ("milímetro", "milímetros"),
        "kg": ("kilogramo", "kilogramos"),
        "g": ("gramo", "gramos"),
        "mg": ("miligramo", "miligramos"),
        "t": ("tonelada", "toneladas"),
        "l": ("litro", "litros"),
        "L": ("litro", "litros"),
        "ml": ("mililitro", "mililitros"),
        "h": ("hora", "horas"),
        "min": ("minuto", "minutos"),
        "s": ("segundo", "segundos"),
        "km/h": ("kilómetro por hora", "kilómetros por hora"),
        "m/s": ("metro por segundo", "metros por segundo"),
        "m^2": ("metro cuadrado", "metros cuadrados"),
        "km^2": ("kilómetro cuadrado", "kilómetros cuadrados"),
        "m^3": ("metro cúbico", "metros cúbicos"),
        "ha": ("hectárea", "hectáreas"),
        "°C": ("grado Celsius", "grados Celsius"),
        "°": ("grado", "grados"),
        "%": ("por ciento", "por ciento"),
        "‰": ("por mil", "por mil"),
        "kB": ("kilobyte", "kilobytes"),
        "MB": ("megabyte", "megabytes"),
        "GB": ("gigabyte", "gigabytes"),
        "TB": ("terabyte", "terabytes"),
        "Mbps": ("megabit por segundo", "megabits por segundo"),
        "W": ("vatio", "vatios"),
        "kW": ("kilovatio", "kilovatios"),
        "kWh": ("kilovatio hora", "kilovatios hora"),
        "V": ("voltio", "voltios"),
        "Hz": ("hercio", "hercios"),
        "GHz": ("gigahercio", "gigahercios"),
        "mph": ("milla por hora", "millas por hora"),
    },
    currencies={
        "€": (("euro", "euros"), ("céntimo", "céntimos")),
        "EUR": (("euro", "euros"), ("céntimo", "céntimos")),
        "$": (("dólar", "dólares"), ("centavo", "centavos")),
        "USD": (("dólar", "dólares"), ("centavo", "centavos")),
        "£": (("libra", "libras"), ("penique", "peniques")),
        "¥": (("yen", "yenes"), ("sen", "sen")),
    },
    feminine=frozenset(("tonelada", "hora", "hectárea", "libra", "milla")),
    scales={
        "mil": ("mil", "mil"),
        "M": ("millón", "millones"),
        "mill.": ("millón", "millones"),
        "millón": ("millón", "millones"),
        "millones": ("millón", "millones"),
        "mil millones": ("mil millones", "mil millones"),
        "billones": ("billón", "billones"),
    },
    of="de ",
    until="a",
    and_="con",
    plus="más",
    joint="y",
    half=("un medio", "medio"),
    denominators={
        2: ("medio", "medios"),
        3: ("tercio", "tercios"),
        4: ("cuarto", "cuartos"),
        5: ("quinto", "quintos"),
        6: ("sexto", "sextos"),
        8: ("octavo", "octavos"),
        10: ("décimo", "décimos"),
    },
    with_noun=_with_noun,
    date=_date,
    clock=_clock,
    clock_marks="[:h]",
    clock_word=" ?h(?:rs?)?\\b\\.?",
    lone_hour="",
    roman=_roman,
    rulers="Felipe|Carlos|Alfonso|Fernando|Isabel|Juan Carlos|Enrique|Luis|Napoleón|Pío|Benedicto|Pablo|León"
    "|Jorge|Pedro|Juan|Sancho",
    numbered=r"\b([Ss]iglos?|[Cc]apítulo|[Tt]omo|[Ff]ase|[Tt]ipo|[Aa]cto|Mundial) (ROMAN)\b",
    abbreviations={
        "Sr.": "señor",
        "Sra.": "señora",
        "Srta.": "señorita",
        "Dr.": "doctor",
        "Dra.": "doctora",
        "D.": "don",
        "Dña.": "doña",
        "Ud.": "usted",
        "Uds.": "ustedes",
        "etc.": "etcétera",
        "p. ej.": "por ejemplo",
        "EE. UU.": "Estados Unidos",
        "EE.UU.": "Estados Unidos",
        "Av.": "avenida",
        "Avda.": "avenida",
        "pág.": "página",
        "págs.": "páginas",
        "n.o": "número",
        "núm.": "número",
        "tel.": "teléfono",
        "Prof.": "profesor",
        "a. C.": "antes de Cristo",
        "d. C.": "después de Cristo",
        "aprox.": "aproximadamente",
    },
    symbols={
        "&": "y",
        "@": "arroba",
        "+": "más",
        "=": "igual a",
        "<": "menor que",
        ">": "mayor que",
        "°": "grados",
        "×": "por",
        "÷": "entre",
        "±": "más menos",
        "≈": "aproximadamente",
        "€": "euros",
        "$": "dólares",
        "£": "libras",
        "%": "por ciento",
        "§": "sección",
        "©": "copyright",
        "→": "a",
        "#": "número",
    },
    web=WebWords("punto", "arroba", "barra", "dos puntos", "más", "almohadilla"),
    mixed=lambda whole, part: f"{whole} y {part}",
    decade=(r"(?<=años )'?(?P<n>\d0)s?\b", lambda cardinal, n: cardinal(n)),
)
