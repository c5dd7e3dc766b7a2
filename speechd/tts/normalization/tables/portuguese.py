"""Portuguese."""

import re

from speechd.tts.normalization.tables.table import Cardinal, LanguageTable
from speechd.tts.normalization.web import WebWords

_MONTHS = (
    "janeiro", "fevereiro", "março", "abril", "maio", "junho",
    "julho", "agosto", "setembro", "outubro", "novembro", "dezembro",
)  # fmt: skip
_ORDINALS = ("primeiro", "segundo", "terceiro", "quarto", "quinto", "sexto", "sétimo", "oitavo", "nono", "décimo")


def _with_noun(words: str, feminine: bool) -> str:
    """`duzentos e um` -> `duzentas e uma`."""
    if not feminine:
        return words
    words = re.sub(r"\bum$", "uma", re.sub(r"\bdois$", "duas", words))
    return re.sub(r"(ent|cent)os\b", r"\1as", words)


def _date(cardinal: Cardinal, day: int, month: int, year: int | None, before: str) -> str:
    said = f"{'primeiro' if day == 1 else cardinal(day)} de {_MONTHS[month - 1]}"
    return said if year is None else f"{said} de {cardinal(year)}"


def _clock(cardinal: Cardinal, hour: int, minute: int) -> str:
    said = _with_noun(cardinal(hour), feminine=True)
    return f"{said} hora{'' if hour == 1 else 's'}" if minute == 0 else f"{said} e {cardinal(minute)}"


def _roman(cardinal: Cardinal, number: int) -> str:
    return _ORDINALS[number - 1] if number <= len(_ORDINALS) else cardinal(number)


TABLE = LanguageTable(
    months=_MONTHS,
    month_abbreviations="jan|fev|mar|abr|mai|jun|jul|ago|set|out|nov|dez",
    units={
        "km": ("quilómetro", "quilómetros"),
        "m": ("metro", "metros"),
        "cm": ("centímetro", "centímetros"),
        "mm": ("milímetro", "milímetros"),
        "kg": ("quilograma", "quilogramas"),
        "g": ("grama", "gramas"),
        "mg": ("miligrama", "miligramas"),
        "t": ("tonelada", "toneladas"),
        "l": ("litro", "litros"),
        "L": ("litro", "litros"),
        "ml": ("mililitro", "mililitros"),
        "min": ("minuto", "minutos"),
        "s": ("segundo", "segundos"),
        "km/h": ("quilómetro por hora", "quilómetros por hora"),
        "m/s": ("metro por segundo", "metros por segundo"),
        "m^2": ("metro quadrado", "metros quadrados"),
        "km^2": ("quilómetro quadrado", "quilómetros quadrados"),
        "m^3": ("metro cúbico", "metros cúbicos"),
        "ha": ("hectare", "hectares"),
        "°C": ("grau Celsius", "graus Celsius"),
        "°": ("grau", "graus"),
        "%": ("por cento", "por cento"),
        "‰": ("por mil", "por mil"),
        "kB": ("quilobyte", "quilobytes"),
        "MB": ("megabyte", "megabytes"),
        "GB": ("gigabyte", "gigabytes"),
        "TB": ("terabyte", "terabytes"),
        "Mbps": ("megabit por segundo", "megabits por segundo"),
        "W": ("watt", "watts"),
        "kW": ("quilowatt", "quilowatts"),
        "kWh": ("quilowatt-hora", "quilowatts-hora"),
        "V": ("volt", "volts"),
        "Hz": ("hertz", "hertz"),
        "GHz": ("gigahertz", "gigahertz"),
    },
    currencies={
        "€": (("euro", "euros"), ("cêntimo", "cêntimos")),
        "EUR": (("euro", "euros"), ("cêntimo", "cêntimos")),
        "R$": (("real", "reais"), ("centavo", "centavos")),
        "BRL": (("real", "reais"), ("centavo", "centavos")),
        "$": (("dólar", "dólares"), ("cêntimo", "cêntimos")),
        "USD": (("dólar", "dólares"), ("cêntimo", "cêntimos")),
        "£": (("libra", "libras"), ("péni", "pence")),
        "¥": (("iene", "ienes"), ("sen", "sen")),
    },
    feminine=frozenset(("tonelada", "hora", "libra")),
    scales={
        "mil": ("mil", "mil"),
        "M": ("milhão", "milhões"),
        "mi": ("milhão", "milhões"),
        "milhão": ("milhão", "milhões"),
        "milhões": ("milhão", "milhões"),
        "mil milhões": ("mil milhões", "mil milhões"),
        "bi": ("bilhão", "bilhões"),
        "bilhão": ("bilhão", "bilhões"),
        "bilhões": ("bilhão", "bilhões"),
    },
    of="de ",
    until="a",
    and_="e",
    plus="mais",
    joint="e",
    half=("meio", "meio"),
    denominators={
        3: ("terço", "terços"),
        4: ("quarto", "quartos"),
        5: ("quinto", "quintos"),
        6: ("sexto", "sextos"),
        8: ("oitavo", "oitavos"),
        10: ("décimo", "décimos"),
    },
    with_noun=_with_noun,
    date=_date,
    clock=_clock,
    clock_marks="[:h]",
    clock_word=" ?h\\b",
    lone_hour=" ?h\\b",
    roman=_roman,
    rulers="Pedro|João|Carlos|Luís|Manuel|Afonso|Filipe|Henrique|Pio|Bento|Leão|João Paulo|Napoleão|Jorge|Isabel"
    "|Elizabeth|José|Sebastião",
    numbered=r"\b([Ss]éculos?|[Cc]apítulo|[Tt]omo|[Aa]to|[Pp]arte|[Tt]ipo|[Ff]ase|Mundial) (ROMAN)\b",
    abbreviations={
        "Sr.": "senhor",
        "Sra.": "senhora",
        "Srta.": "senhorita",
        "Dr.": "doutor",
        "Dra.": "doutora",
        "D.": "dom",
        "etc.": "et cetera",
        "p. ex.": "por exemplo",
        "p.ex.": "por exemplo",
        "Av.": "avenida",
        "R.": "rua",
        "pág.": "página",
        "págs.": "páginas",
        "n.o": "número",
        "tel.": "telefone",
        "Prof.": "professor",
        "Profa.": "professora",
        "a.C.": "antes de Cristo",
        "d.C.": "depois de Cristo",
        "EUA": "Estados Unidos",
        "aprox.": "aproximadamente",
    },
    symbols={
        "&": "e",
        "@": "arroba",
        "+": "mais",
        "=": "igual a",
        "<": "menor que",
        ">": "maior que",
        "°": "graus",
        "×": "vezes",
        "÷": "dividido por",
        "±": "mais ou menos",
        "≈": "cerca de",
        "€": "euros",
        "$": "dólares",
        "£": "libras",
        "%": "por cento",
        "§": "secção",
        "©": "copyright",
        "→": "para",
        "#": "número",
    },
    web=WebWords("ponto", "arroba", "barra", "dois pontos", "mais", "hashtag"),
    mixed=lambda whole, part: f"{whole} e {part}",
    decade=(r"(?<=anos )'?(?P<n>\d0)\b", lambda cardinal, n: cardinal(n)),
)
