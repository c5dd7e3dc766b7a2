"""What is written and what a person reads aloud."""

import pytest

from speechd.tts.normalization.english import read_aloud


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("Dr. Smith met Mrs. Jones.", "Doctor Smith met Missus Jones."),
        ("It costs $12.50.", "It costs twelve dollars and fifty cents."),
        ("$1, £0.01, €3", "one dollar, one penny, three euros"),
        ("US$1.5 million", "one point five million dollars"),
        ("on 2026-11-20", "on November twentieth, twenty twenty six"),
        ("on 11/20/2026", "on November twentieth, twenty twenty six"),
        ("Nov. 3rd, 1984", "November third, nineteen eighty four"),
        ("at 9:05 pm", "at nine oh five P M"),
        ("at 14:30", "at fourteen thirty"),
        ("at 9:00", "at nine o'clock"),
        ("by 9 a.m. sharp", "by nine A M sharp"),
        ("5 km at 12 km/h", "five kilometers at twelve kilometers per hour"),
        ("1 mph, 3 ft", "one mile per hour, three feet"),
        ("3.5 GB", "three point five gigabytes"),
        ("-5 and 20°C", "minus five and twenty degrees Celsius"),
        ("45% of 1,234", "forty five percent of one thousand two hundred thirty four"),
        ("the 21st", "the twenty first"),
        ("1/2, 3/4, 7/9", "one half, three quarters, seven ninths"),
        ("in 1984, 2006 and 1900", "in nineteen eighty four, two thousand six and nineteen hundred"),
        ("Call 555-1234", "Call five five five, one two three four"),
        ("agent 007", "agent zero zero seven"),
        ("v1.2.3", "version one point two point three"),
        ("pages 10-20, No. 5, #1", "pages ten to twenty, number five, number one"),
        ("St. Mary on Main St.", "Saint Mary on Main Street."),
        ("J. R. Tolkien, e.g. here, etc.", "J R Tolkien, for example here, et cetera."),
        ("AT&T", "AT and T"),
    ],
)
def test_it_reads_as_people_do(written: str, said: str) -> None:
    assert " ".join(read_aloud(written).split()) == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("https://www.example.com/a_b?x=1", "example dot com slash a b"),
        ("me.too@mail.org", "me dot too at mail dot org"),
        ("See https://a.io/b. Then go.", "See a dot io slash b. Then go."),
        ("example.com", "example dot com"),
    ],
)
def test_addresses(written: str, said: str) -> None:
    assert " ".join(read_aloud(written).split()) == said


def test_what_looks_like_a_date_or_time_and_is_none_is_still_read() -> None:
    assert "thirteen" in read_aloud("2026-13-45")
    assert "ninety nine" in read_aloud("25:99")


@pytest.mark.parametrize("text", ["1" * 10_000, "1/" * 5000, "$" * 5000, "a." * 5000, "1-" * 5000, "x@" * 5000])
def test_hostile_repetitions_end_soon_and_with_words(text: str) -> None:
    said = read_aloud(text)
    assert not any(char.isdigit() for char in said)
