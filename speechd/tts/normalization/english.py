"""English as written -> English as read aloud: money, dates, times, units, abbreviations, addresses, symbols.

Piper's own front end reads `$12.50` as "dollar twelve point five zero" and takes `Dr. Smith` for two sentences. Each
rule is a pattern and a function; they run in order, the more specific ones first.
"""

import re
from collections.abc import Callable
from re import Match

from speechd.tts.normalization.numbers import MAX_DIGITS, cardinal, digits, number, ordinal, year

Rule = tuple[re.Pattern[str], Callable[[Match[str]], str]]

NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
MONTH = "(?:" + "|".join(f"{name}|{name[:3]}\\.?" for name in MONTHS) + "|Sept\\.?)"
CURRENCIES = {
    "$": ("dollar", "cent"),
    "€": ("euro", "cent"),
    "£": ("pound", "penny"),
    "¥": ("yen", "sen"),
    "₹": ("rupee", "paisa"),
}
PLURALS = {"penny": "pence", "yen": "yen", "sen": "sen", "foot": "feet", "inch": "inches", "hertz": "hertz"}
UNITS = {
    "km": "kilometer",
    "m": "meter",
    "cm": "centimeter",
    "mm": "millimeter",
    "kg": "kilogram",
    "g": "gram",
    "mg": "milligram",
    "lb": "pound",
    "lbs": "pound",
    "oz": "ounce",
    "ft": "foot",
    "mi": "mile",
    "L": "liter",
    "l": "liter",
    "ml": "milliliter",
    "s": "second",
    "ms": "millisecond",
    "min": "minute",
    "h": "hour",
    "hr": "hour",
    "hrs": "hour",
    "Hz": "hertz",
    "kHz": "kilohertz",
    "MHz": "megahertz",
    "GHz": "gigahertz",
    "kB": "kilobyte",
    "KB": "kilobyte",
    "MB": "megabyte",
    "GB": "gigabyte",
    "TB": "terabyte",
    "kW": "kilowatt",
    "kWh": "kilowatt hour",
    "W": "watt",
    "V": "volt",
    "A": "ampere",
    "mph": "mile per hour",
    "km/h": "kilometer per hour",
    "kbps": "kilobit per second",
    "Mbps": "megabit per second",
    "Gbps": "gigabit per second",
}
ABBREVIATIONS = {
    "Dr.": "Doctor",
    "Mr.": "Mister",
    "Mrs.": "Missus",
    "Ms.": "Miz",
    "Prof.": "Professor",
    "Gen.": "General",
    "Sgt.": "Sergeant",
    "Capt.": "Captain",
    "Rev.": "Reverend",
    "Hon.": "Honorable",
    "Jr.": "Junior",
    "Sr.": "Senior",
    "vs.": "versus",
    "etc.": "et cetera",
    "e.g.": "for example",
    "i.e.": "that is",
    "approx.": "approximately",
    "Inc.": "Incorporated",
    "Ltd.": "Limited",
    "Corp.": "Corporation",
    "Dept.": "Department",
    "dept.": "department",
    "Ave.": "Avenue",
    "Blvd.": "Boulevard",
    "Rd.": "Road",
    "Mt.": "Mount",
    "Ph.D.": "P H D",
    "Fig.": "Figure",
    "fig.": "figure",
    "Vol.": "Volume",
    "vol.": "volume",
    "Jan.": "January",
    "Feb.": "February",
    "Aug.": "August",
    "Sept.": "September",
    "Oct.": "October",
    "Nov.": "November",
    "Dec.": "December",
}
SYMBOLS = {
    "&": "and",
    "@": "at",
    "+": "plus",
    "=": "equals",
    "%": "percent",
    "<": "less than",
    ">": "greater than",
    "°": "degrees",
    "×": "times",
    "÷": "divided by",
    "±": "plus or minus",
    "≈": "about",
    "≤": "at most",
    "≥": "at least",
    "≠": "is not",
    "→": "to",
    "©": "copyright",
    "™": "trademark",
    "®": "registered",
    "§": "section",
    "π": "pi",
    "μ": "micro",
    "∞": "infinity",
    "√": "root of",
}
DEGREES = {"C": "Celsius", "F": "Fahrenheit"}
FRACTIONS = {"2": "half", "3": "third", "4": "quarter"}


def plural(word: str, amount: str) -> str:
    """The unit for an amount: `mile per hour`, `3` -> `miles per hour`."""
    if amount in ("1", "1.0"):
        return word
    head, space, tail = word.partition(" per ")
    head = PLURALS.get(head, head if head.endswith("hertz") else head + "s")
    return head + space + tail


def money(symbol: str, amount: str, scale: str | None = None) -> str:
    """`$`, `12.50` -> `twelve dollars and fifty cents`."""
    unit, small = CURRENCIES[symbol]
    if scale:
        return f"{number(amount)} {scale} {plural(unit, '2')}"
    whole, point, fraction = amount.replace(",", "").partition(".")
    if point and len(fraction) > 2:
        return f"{number(amount)} {plural(unit, '2')}"
    cents = int(fraction.ljust(2, "0")) if fraction else 0
    parts = [f"{number(whole)} {plural(unit, whole)}"] if int(whole[:MAX_DIGITS]) or not cents else []
    parts += [f"{cardinal(cents)} {plural(small, str(cents))}"] if cents else []
    return " and ".join(parts)


def date(years: str, month: str, day: str) -> str | None:
    """`2026`, `11`, `20` -> `November twentieth, twenty twenty six`; None where there is no such day."""
    if not (1 <= int(month) <= 12 and 1 <= int(day) <= 31):
        return None
    return f"{MONTHS[int(month) - 1]} {ordinal(int(day))}, {year(int(years))}"


def time(hour: str, minute: str, second: str | None = None, half: str | None = None) -> str | None:
    """`9`, `05`, None, `pm` -> `nine oh five p m`; None where there is no such time."""
    if int(hour) > 24 or int(minute) > 59:
        return None
    past = f"oh {cardinal(int(minute))}" if int(minute) < 10 else cardinal(int(minute))
    spoken = f"{cardinal(int(hour))} {past}"
    if int(minute) == 0:
        spoken = cardinal(int(hour)) if half or second else f"{cardinal(int(hour))} o'clock"
    if second:
        spoken += f" and {cardinal(int(second))} {plural('second', str(int(second)))}"
    return spoken + (f" {half[0].upper()} M" if half else "")


def web_address(text: str) -> str:
    """`https://example.com/a_b` -> `example dot com slash a b`."""
    bare = re.sub(r"^[a-z]+://(www\.)?", "", text.partition("?")[0].partition("#")[0], flags=re.I).rstrip("/")
    for mark, word in (("@", " at "), (".", " dot "), ("/", " slash "), (":", " colon ")):
        bare = bare.replace(mark, word)
    return re.sub(r"[-_~%&=+]+", " ", bare)


def _full_month(text: str) -> str:
    return next(name for name in MONTHS if name.startswith(text[:3]))


def _month_day(match: Match[str]) -> str:
    spoken = f"{_full_month(match['month'])} {ordinal(int(match['day']))}"
    return f"{spoken}, {year(int(match['year']))}" if match["year"] else spoken


def _fraction(match: Match[str]) -> str:
    top, bottom = match[1], match[2]
    if bottom not in FRACTIONS or len(top) > 2:
        return f"{number(top)} over {number(bottom)}"
    name = "halves" if bottom == "2" and top != "1" else plural(FRACTIONS[bottom], top)
    return f"{number(top)} {name}"


def _number_or_year(match: Match[str]) -> str:
    text = match[0]
    if re.fullmatch(r"1[1-9]\d\d|20\d\d", text):
        return year(int(text))
    if len(text) > 1 and text.startswith("0") and "." not in text:
        return digits(text)
    return number(text)


def _or_as_it_was(spoken: Callable[[Match[str]], str | None]) -> Callable[[Match[str]], str]:
    return lambda match: spoken(match) or match[0]


def _rule(pattern: str, spoken: Callable[[Match[str]], str], flags: int = 0) -> Rule:
    return re.compile(pattern, flags), spoken


RULES: tuple[Rule, ...] = (
    _rule(r"\bhttps?://\S{1,2000}?(?=[.,;:!?)\"']*(?:\s|$))", lambda m: web_address(m[0]), re.I),
    _rule(r"\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,6}", lambda m: web_address(m[0])),
    _rule(r"\bwww(?:\.[\w-]{1,63}){1,6}(?:/[\w./-]{0,500}[\w/])?", lambda m: web_address(m[0]), re.I),
    _rule(r"\b[A-Za-z][\w-]{0,62}\.(?:com|org|net|io|dev|edu|gov|ai)\b", lambda m: web_address(m[0])),
    _rule(r"(?<=[A-Za-z])(?=\d)", lambda _: " "),
    _rule(
        rf"(?:\bUS)?([$€£¥₹])\s?({NUMBER})(?:\s?(thousand|million|billion|trillion)\b)?",
        lambda m: money(m[1], m[2], m[3]),
    ),
    _rule(r"\b(\d{4})-(\d\d)-(\d\d)(?=T\d|\b)T?", _or_as_it_was(lambda m: _spaced(date(m[1], m[2], m[3])))),
    _rule(r"\b(\d\d?)/(\d\d?)/(\d{4})\b", _or_as_it_was(lambda m: date(m[3], m[1], m[2]))),
    _rule(rf"\b(?P<month>{MONTH})\s+(?P<day>[0-3]?\d)(?:st|nd|rd|th)?\b(?:,?\s+(?P<year>\d{{4}})\b)?", _month_day),
    _rule(
        r"\b(\d\d?):([0-5]\d)(?::([0-5]\d))?(?:\s?([AaPp])\.?[Mm]\b\.?)?",
        _or_as_it_was(lambda m: time(m[1], m[2], m[3], m[4])),
    ),
    _rule(r"\b(\d\d?)\s?([AaPp])\.?[Mm]\b\.?", lambda m: f"{cardinal(int(m[1]))} {m[2].upper()} M"),
    _rule(rf"({NUMBER})\s?°\s?([CF])\b", lambda m: f"{number(m[1])} degrees {DEGREES[m[2]]}"),
    _rule(rf"(?<![\w.,])(-?(?:{NUMBER}))\s?%", lambda m: f"{number(m[1])} percent"),
    _rule(
        rf"(?<![\w.,])(-?(?:{NUMBER}))\s?({'|'.join(sorted(map(re.escape, UNITS), key=len, reverse=True))})\b(?!['’])",
        lambda m: f"{number(m[1])} {plural(UNITS[m[2]], m[1])}",
    ),
    _rule(r"\b(\d{1,15})(?:st|nd|rd|th)\b", lambda m: ordinal(int(m[1]))),
    _rule(r"(?<![\w-])\+?(?:\d{1,3}[ -])?(?:\(\d{3}\) ?|\d{3}-)\d{3}-\d{4}\b", lambda m: digits(m[0])),
    _rule(r"(?<![\w-])\d{3}-\d{4}(?![\w-])", lambda m: digits(m[0])),
    _rule(r"\b\d{1,15}(?:\.\d{1,15}){2,10}\b", lambda m: " point ".join(number(part) for part in m[0].split("."))),
    _rule(r"(?<![\w/])(\d{1,15})/(\d{1,15})(?![\w/])", _fraction),
    _rule(r"(?<=\d)\s?[-–]\s?(?=\d)", lambda _: " to "),
    _rule(r"\bNo\.\s?(?=\d)", lambda _: "number "),
    _rule(r"#\s?(?=\d)", lambda _: "number "),
    _rule(r"\bSt\.(?=\s[A-Z])", lambda _: "Saint"),
    _rule(r"\bSt\.", lambda _: "Street"),
    _rule(
        r"(?<!\w)(?:" + "|".join(map(re.escape, ABBREVIATIONS)) + r")(?=\W|$)",
        lambda m: _abbreviation(m),
    ),
    _rule(r"\b([A-Za-z])\.(?:\s?(?=[A-Z]\.)|(?=[a-z]\.))", lambda m: f"{m[1].upper()} "),
    _rule(r"\b([A-Z])\.(?=\s[A-Za-z])", lambda m: m[1]),
    _rule(r"(?<![\w.,])[-−](?=\d)", lambda _: "minus "),
    _rule(rf"(?:{NUMBER})", _number_or_year),
    _rule("[" + re.escape("".join(SYMBOLS)) + "]", lambda m: f" {SYMBOLS[m[0]]} "),
    _rule(r"(?<=\w)/(?=\w)", lambda _: " slash "),
)


def _spaced(text: str | None) -> str | None:
    return None if text is None else text + " "


def _abbreviation(match: Match[str]) -> str:
    """The long form; `etc.` at the very end keeps its full stop."""
    long = ABBREVIATIONS[match[0]]
    return f"{long}." if not match.string[match.end() :].strip() else long


def read_aloud(text: str) -> str:
    """The text with everything written out that is not read as it is written."""
    for pattern, spoken in RULES:
        text = pattern.sub(spoken, text)
    return text
