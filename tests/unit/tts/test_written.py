"""Captions show what is written, with what is said beside it and its place in the text."""

from itertools import pairwise

import pytest

from speechd.tts.captions import captions
from speechd.tts.engine import VoiceInfo
from speechd.tts.text import Reader
from speechd.tts.written import words_as_written
from speechd.types import Word

ENGLISH = VoiceInfo(sample_rate=16_000, language="en")


def shown(text: str, voice: VoiceInfo = ENGLISH) -> list[Word]:
    """The words of a text, each said in one second."""
    found: list[Word] = []
    for piece in Reader(voice, {"nginx": "engine x"}).pieces(text):
        assert piece.origin
        spoken = [Word(word, len(found) + n, len(found) + n + 1) for n, word in enumerate(piece.text.split())]
        found += words_as_written(spoken, piece.origin)
    return found


def test_a_word_has_its_written_form_what_is_said_and_its_place() -> None:
    text = "It costs $100."
    assert [(word.word, word.spoken, word.start, word.end) for word in shown(text)] == [
        ("It", "It", 0, 1),
        ("costs", "costs", 1, 2),
        ("$100.", "one hundred dollars.", 2, 5),
    ]
    assert [text[word.start_char : word.end_char] for word in shown(text)] == ["It", "costs", "$100."]


@pytest.mark.parametrize(
    "text",
    [
        "On 2026-11-20 at 9:05 pm, $1.5M was paid 😊. Great!",
        "“Quoted” text (in 1984) — it’s 50% off…",
        "😊 Hello there 👍🏽 you two.",
        "Call +1 (555) 123-4567 or mail me@x.org: 24/7!",
        "Chapter IV of World War II, Nov. 20, 2026.",
        "Run nginx on Dr. Smith's PC.",
        "Mixed 1½ cups & 3/4 tsp. of salt",
        "Ein Satz auf Englisch. It is 5 km from the house to the sea.",
        "COVID-19, the 1980s and #BlackFriday2026",
    ],
)
def test_captions_read_as_the_text_was_written(text: str) -> None:
    said = captions(shown(text), "en", 99, "v")
    assert said.text.split() == text.split()


@pytest.mark.parametrize(
    ("text", "caption"),
    [
        ("<p>One <b>bold</b> word.</p><p>Bread &amp; butter</p>", "One bold word. Bread & butter"),
        ("# Title\n\n- **one** and\n- `two`", "Title one and two"),
        ("See [the docs](https://x.y/z).", "See the docs."),
        ("Run:\n```\nls -l\n```\nDone.", "Run: code block. Done."),
        ("snake_case is _fine_ and 2*3", "snake_case is fine and 2*3"),
    ],
)
def test_markup_is_not_shown(text: str, caption: str) -> None:
    assert captions(shown(text), "en", 99, "v").text == caption


def test_each_place_is_in_the_text_and_in_order() -> None:
    text = "<p>On 3 May, <i>Dr.</i> Lee paid €2.3B &mdash; 10-15% more.</p>\n" * 30
    words = shown(text)
    places = [(word.start_char or 0, word.end_char or 0) for word in words]
    assert all(start < end <= len(text) for start, end in places)
    assert all(before[1] <= after[0] for before, after in pairwise(places))
    assert sum(text[start:end].startswith("€2.3B") for start, end in places) == 30


def test_other_languages_too() -> None:
    words = shown("Am 20.11.2026 kostet es 12,50 €.", VoiceInfo(sample_rate=16_000, language="de"))
    assert [word.word for word in words] == ["Am", "20.11.2026", "kostet", "es", "12,50 €."]
    assert words[-1].spoken == "zwölf Euro und fünfzig Cent."
