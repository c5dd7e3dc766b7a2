"""Numbers as English words."""

ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
    "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
SCALES = ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred"))
IRREGULAR_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
MAX_DIGITS = 15
"""Longer numbers are read digit by digit, as people do."""


def cardinal(number: int) -> str:
    """1204 -> `one thousand two hundred four`; below a quadrillion."""
    if number < 20:
        return ONES[number]
    if number < 100:
        return TENS[number // 10 - 2] + (f" {ONES[number % 10]}" if number % 10 else "")
    size, name = next((size, name) for size, name in SCALES if number >= size)
    rest = f" {cardinal(number % size)}" if number % size else ""
    return f"{cardinal(number // size)} {name}{rest}"


def ordinal(number: int) -> str:
    """21 -> `twenty first`."""
    head, _, last = cardinal(number).rpartition(" ")
    if last in IRREGULAR_ORDINALS:
        last = IRREGULAR_ORDINALS[last]
    elif last.endswith("y"):
        last = last[:-1] + "ieth"
    else:
        last += "th"
    return f"{head} {last}".strip()


def year(number: int) -> str:
    """1984 -> `nineteen eighty four`, 2006 -> `two thousand six`, 1900 -> `nineteen hundred`."""
    century, rest = divmod(number, 100)
    if number < 1000 or (century % 10 == 0 and rest < 10):
        return cardinal(number)
    if rest == 0:
        return f"{cardinal(century)} hundred"
    return f"{cardinal(century)} {'oh ' if rest < 10 else ''}{cardinal(rest)}"


def digits(text: str) -> str:
    """Every digit by itself: `555-01` -> `five five five zero one`."""
    return " ".join(ONES[int(char)] for char in text if char.isascii() and char.isdigit())


def number(text: str) -> str:
    """A written number, `-1,234.50` for instance, as words; longer than 15 digits digit by digit."""
    sign = "minus " if text.startswith(("-", "−")) else ""
    whole, point, fraction = text.lstrip("+-−").replace(",", "").partition(".")
    spoken = digits(whole) if len(whole) > MAX_DIGITS else cardinal(int(whole)) if whole else ""
    return sign + (spoken + (f" point {digits(fraction)}" if point and fraction else "")).strip()


def plural_number(text: str) -> str:
    """`9` -> `nines`, `20` -> `twenties`, `1000` -> `thousands`."""
    head, _, last = cardinal(int(text)).rpartition(" ")
    if head == "one" and last in ("hundred", "thousand", "million"):
        head = ""
    last = (
        "sixes"
        if last == "six"
        else last[:-1] + "ies"
        if last.endswith("y")
        else last + ("es" if last == "zero" else "s")
    )
    return f"{head} {last}".strip()


def decade(text: str) -> str | None:
    """`1980` -> `nineteen eighties`, `80` -> `eighties`, `2000` -> `two thousands`; None where it is none."""
    if len(text) == 2:
        return plural_number(text)
    if text == "1000":
        return None
    if int(text) % 1000 == 0:
        return f"{cardinal(int(text) // 1000)} thousands"
    century, rest = divmod(int(text), 100)
    return f"{cardinal(century)} {'hundreds' if rest == 0 else plural_number(str(rest))}"
