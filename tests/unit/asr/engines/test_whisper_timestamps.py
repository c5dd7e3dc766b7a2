"""Segments and word times from tokens: counting, with no model."""

import itertools
from dataclasses import replace

import pytest

from speechd.asr.engines.whisper_timestamps import (
    TimedWord,
    TimestampSpan,
    distribute,
    fit_segment,
    fit_segments,
    fit_words,
    heard_seconds,
    in_order,
    last_begin,
    merge_punctuation,
    split_spans,
    time_words,
)
from speechd.types import Segment, Word

BEGIN = 1000


def at(seconds: float) -> int:
    """The timestamp token of a time."""
    return BEGIN + round(seconds / 0.02)


def test_tokens_between_two_times_are_a_span() -> None:
    tokens = [at(0.2), 1, 2, at(1.0), at(1.5), 3, at(2.0)]
    first, second = (at(0.2), 1, 2, at(1.0)), (at(1.5), 3, at(2.0))
    assert split_spans(tokens, BEGIN, 5) == [
        TimestampSpan(0.2, 1.0, (1, 2), first),
        TimestampSpan(1.5, 2.0, (3,), second),
    ]


def test_a_missing_last_time_is_the_end_of_the_window() -> None:
    assert split_spans([at(1.0), 1, 2], BEGIN, 4.5) == [TimestampSpan(1.0, 4.5, (1, 2), (at(1.0), 1, 2))]


def test_text_without_any_time_fills_the_window() -> None:
    assert split_spans([1, 2], BEGIN, 4.5) == [TimestampSpan(0.0, 4.5, (1, 2), (1, 2))]


def test_times_beyond_the_window_become_its_end() -> None:
    assert split_spans([at(0.0), 1, at(29.0)], BEGIN, 3.0) == [TimestampSpan(0.0, 3.0, (1,), (at(0.0), 1, at(29.0)))]


def test_times_that_run_backwards_give_an_empty_span_not_a_negative_one() -> None:
    assert split_spans([at(2.0), 1, at(1.0)], BEGIN, 3.0) == [TimestampSpan(2.0, 2.0, (1,), (at(2.0), 1, at(1.0)))]


def test_no_tokens_no_spans() -> None:
    assert split_spans([], BEGIN, 3.0) == []
    assert split_spans([at(0.0), at(3.0)], BEGIN, 3.0) == []


def test_a_word_lasts_from_its_first_token_to_the_next_words_first() -> None:
    path = [(0, 5), (0, 6), (1, 10), (2, 20), (2, 24), (3, 40)]
    words = time_words([" Good", " morning"], [1, 2], path, [0.9, 0.8, 0.6])
    assert words == [TimedWord(" Good", 1, 0.1, 0.2, 0.9), TimedWord(" morning", 2, 0.2, 0.8, pytest.approx(0.7))]


def word(text: str, start: float = 0.0, end: float = 1.0, tokens: int = 1) -> TimedWord:
    return TimedWord(text, tokens, start, end, 0.5)


def test_punctuation_joins_its_word_and_does_not_stretch_it() -> None:
    merged = merge_punctuation([word(" ¿"), word("Cómo", 1, 2), word("?", 2, 3), word(" Bien", 3, 4), word(".", 4, 9)])
    assert [(w.text, w.start, w.end, w.tokens) for w in merged] == [(" ¿Cómo?", 1, 2, 3), (" Bien.", 3, 4, 2)]


def test_an_apostrophe_inside_a_word_does_not_break_it() -> None:
    merged = merge_punctuation([word(" o", 1, 1.2), word("'clock", 1.2, 1.6, 2), word(".", 1.6, 2)])
    assert [(w.text, w.start, w.end) for w in merged] == [(" o'clock.", 1, 1.6)]


def test_words_are_moved_out_of_silence() -> None:
    speech = [(1.0, 2.0), (4.0, 5.0)]
    fitted = fit_words([word(" a", 0.2, 1.4), word(" b", 1.4, 3.8), word(" c", 3.8, 5.6)], speech)
    assert [(w.start, w.end) for w in fitted] == [(1.0, 1.4), (1.4, 2.0), (4.0, 5.0)]


def test_the_last_word_of_a_stretch_of_speech_ends_with_it() -> None:
    """The attention is often done with a word while it is still being said."""
    speech = [(0.0, 1.0), (2.0, 3.0), (5.0, 8.0)]
    fitted = fit_words([word(" a", 0, 0.3), word(" b", 0.3, 0.5), word(" c", 2, 2.9), word(" d", 5, 5.4)], speech)
    assert [w.end for w in fitted] == [0.3, 1.0, 3.0, 5.4]


def test_a_word_in_silence_stays_where_it_is() -> None:
    assert fit_words([word(" a", 2.5, 3)], [(1.0, 2.0)]) == [word(" a", 2.5, 3)]


def test_each_span_gets_the_words_of_its_tokens() -> None:
    spans = [TimestampSpan(0, 1, (1, 2, 3)), TimestampSpan(1, 2, (4,))]
    shares = distribute([word(" a", tokens=1), word(" b.", tokens=2), word(" c", tokens=1)], spans)
    assert [[w.word for w in share] for share in shares] == [["a", "b."], ["c"]]


def test_a_segment_takes_the_edges_of_its_words() -> None:
    segment = Segment(0.0, 9.0, " a b", words=(Word("a", 1.0, 1.5), Word("b", 1.5, 2.5)))
    assert (fit_segment(segment, ()).start, fit_segment(segment, ()).end) == (1.0, 2.5)


def test_a_segment_without_words_takes_the_edges_of_the_speech_in_it() -> None:
    fitted = fit_segment(Segment(0.0, 3.4, " a"), [(0.3, 1.0), (1.5, 2.9), (5.0, 6.0)])
    assert (fitted.start, fitted.end) == (0.3, 2.9)


def test_times_never_run_backwards() -> None:
    first = Segment(1.0, 3.0, " a", words=(Word("a", 1.0, 3.0),))
    second = Segment(2.0, 2.5, " b", words=(Word("b", 2.0, 2.2), Word("c", 2.1, 2.5)))
    ordered = in_order([first, second])
    assert [(s.start, s.end) for s in ordered] == [(1.0, 3.0), (3.0, pytest.approx(3.02))]
    words = [w for s in ordered for w in s.words]
    assert all(before.end <= after.start for before, after in itertools.pairwise(words))
    assert all(w.start <= w.end for w in words)


@pytest.mark.parametrize(
    ("tokens", "complete", "heard"),
    [
        ([], True, 30),
        ([1, 2], True, 30),
        ([at(0), 1, at(2)], True, 30),
        ([at(0), 1, at(2), at(2), 3, at(9)], True, 30),
        ([at(0), 1, at(2), at(2)], True, 2),
        ([at(0), 1, at(2), at(3)], True, 2),
        ([at(0), 1, at(2), at(2), 3, at(9), at(9)], True, 9),
        ([at(0), 1, at(2), at(2), 3, at(9), at(9), 4], True, 9),
        ([at(0), at(0)], True, 0),
        ([at(0), 1, at(2), at(2), 3], False, 2),
        ([at(0), 1, at(2), at(2), 3, at(9)], False, 2),
        ([at(0), 1, at(2)], False, 2),
        ([at(0), 1, 2], False, 30),
        ([at(0), 1, at(40), at(40)], True, 30),
    ],
)
def test_how_far_a_window_was_heard(tokens: list[int], complete: bool, heard: float) -> None:
    assert heard_seconds(tokens, BEGIN, 30, complete=complete) == pytest.approx(heard)


@pytest.mark.parametrize(
    "times",
    [
        [(1.0, 1.0), (1.0, 1.0), (1.0, 1.5)],
        [(1.0, 1.2), (1.2, 1.2), (1.2, 1.2)],
        [(3.0, 3.0)],
        [(1.5, 1.2), (1.1, 1.0), (9.0, 9.0)],
        [(1.0, 1.01)] * 60,
    ],
)
def test_every_word_takes_time(times: list[tuple[float, float]]) -> None:
    words = tuple(Word(f"w{n}", start, end) for n, (start, end) in enumerate(times))
    segment = Segment(words[0].start, max(end for _, end in times), "text", words=words)
    first, second = in_order([segment, replace(segment, start=0.5)])
    assert second.start >= first.end
    for word in (*first.words, *second.words):
        assert word.end > word.start
    for before, after in itertools.pairwise((*first.words, *second.words)):
        assert after.start >= before.end - 1e-9


@pytest.mark.parametrize(
    ("tokens", "seconds"),
    [([1, 2], 0.0), ([1000, 5, 1050], 0.0), ([1000, 5, 1050, 1055, 6, 7, 1200], 1.1), ([1000, 5, 1050, 1050], 0.0)],
)
def test_the_last_text_begins_at_the_timestamp_before_it(tokens: list[int], seconds: float) -> None:
    assert last_begin(tokens, 1000) == pytest.approx(seconds)


def test_a_segment_that_words_move_knows_its_times_without_them() -> None:
    speech = [(0.3, 1.0), (1.5, 2.9)]
    bare = [Segment(0.0, 1.2, " a"), Segment(1.1, 3.4, " b")]
    timed = [
        replace(bare[0], words=(Word("a", 0.5, 1.3),)),
        replace(bare[1], words=(Word("b", 1.2, 2.0),)),
    ]
    fitted = fit_segments(timed, speech)
    assert [(segment.start, segment.end) for segment in fitted] == [(0.5, 1.3), (1.3, 2.0)]
    plain = fit_segments(bare, speech)
    assert [segment.plain() for segment in fitted] == plain
    assert [segment.plain_times for segment in plain] == [None, None]


def test_times_without_words_are_on_the_same_clock() -> None:
    (fitted,) = fit_segments([Segment(0.0, 1.0, " a", words=(Word("a", 0.5, 0.75),))], ())
    assert fitted.shifted(2).plain_times == (2.0, 3.0)
