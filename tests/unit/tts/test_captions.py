"""Spoken words become lines that can be read."""

from speechd.tts.captions import MAX_LINE, captions
from speechd.types import Word


def words(text: str, step: float = 0.3) -> list[Word]:
    return [Word(word, n * step, (n + 1) * step) for n, word in enumerate(text.split())]


def test_a_sentence_ends_a_line() -> None:
    said = captions(words("Hello there. How are you?"), "en", 1.5, "v")
    assert [segment.text for segment in said.segments] == [" Hello there.", " How are you?"]
    assert (said.segments[1].start, said.language, said.duration) == (0.6, "en", 1.5)


def test_no_line_is_too_long_and_no_word_is_lost() -> None:
    text = "one sentence that goes on and on without ever coming to the point of it all " * 5
    said = captions(words(text), "en", 60, "v")
    assert all(len(segment.text.strip()) <= MAX_LINE for segment in said.segments)
    assert said.text.split() == text.split()


def test_slow_words_part_too() -> None:
    assert len(captions(words("one two three four", step=2.0), "en", 8, "v").segments) == 2


def test_nothing_said_is_no_line() -> None:
    assert captions([], "en", 0, "v").segments == ()
