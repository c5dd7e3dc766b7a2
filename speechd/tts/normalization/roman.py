"""Roman numerals."""

import re

ROMAN = r"(?=[IVXLC])(?:C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})"
"""Pattern of a numeral up to 399 in its usual form; what is larger is mostly a word (`MIX`, `DC`, `CD`)."""
_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}


def roman_number(text: str) -> int | None:
    """`XIV` -> 14; None where it is no numeral in its usual form."""
    if not re.fullmatch(ROMAN, text):
        return None
    values = [_VALUES[char] for char in text]
    return sum(-a if a < b else a for a, b in zip(values, [*values[1:], 0], strict=True))
