"""Numbers as words."""

import pytest

from speechd.tts.normalization.numbers import cardinal, digits, number, ordinal, year


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0, "zero"),
        (13, "thirteen"),
        (40, "forty"),
        (105, "one hundred five"),
        (1204, "one thousand two hundred four"),
        (2_000_001, "two million one"),
        (999_999_999_999_999, "nine hundred ninety nine trillion " + cardinal(999_999_999_999)),
    ],
)
def test_cardinals(value: int, said: str) -> None:
    assert cardinal(value) == said


@pytest.mark.parametrize(
    ("value", "said"), [(1, "first"), (12, "twelfth"), (20, "twentieth"), (43, "forty third"), (100, "one hundredth")]
)
def test_ordinals(value: int, said: str) -> None:
    assert ordinal(value) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (1984, "nineteen eighty four"),
        (1905, "nineteen oh five"),
        (1900, "nineteen hundred"),
        (2000, "two thousand"),
        (2006, "two thousand six"),
        (2026, "twenty twenty six"),
        (800, "eight hundred"),
    ],
)
def test_years(value: int, said: str) -> None:
    assert year(value) == said


def test_written_numbers() -> None:
    assert number("-1,234.50") == "minus one thousand two hundred thirty four point five zero"
    assert number("1" * 20) == digits("1" * 20) == " ".join(["one"] * 20)
