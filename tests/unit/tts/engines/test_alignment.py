"""Words and their times, and the output that makes a voice tell them."""

import pytest

from speechd.tts.engines.alignment import PhonemeGroup, groups, with_durations, word_times

SILENT = frozenset(" .^$")


def test_blanks_and_punctuation_part_groups_and_take_time() -> None:
    timed = [("^", 0.1), ("h", 0.1), ("i", 0.2), (" ", 0.0), ("u", 0.3), (".", 0.2), ("$", 0.1)]
    assert groups(timed, SILENT) == [
        PhonemeGroup(2, 0.1, pytest.approx(0.4)),
        PhonemeGroup(1, pytest.approx(0.4), pytest.approx(0.7)),
    ]


def test_one_group_a_word() -> None:
    words = word_times(["one", "two."], [PhonemeGroup(3, 0.1, 0.4), PhonemeGroup(2, 0.4, 0.6)], len)
    assert [(word.word, word.start, word.end) for word in words] == [("one", 0.1, 0.4), ("two.", 0.4, 0.6)]


def test_words_run_together_share_their_group() -> None:
    words = word_times(["out", "of", "it"], [PhonemeGroup(5, 0.0, 1.0), PhonemeGroup(2, 1.0, 1.4)], len)
    assert [(word.word, round(word.start, 2), round(word.end, 2)) for word in words] == [
        ("out", 0.0, 0.6),
        ("of", 0.6, 1.0),
        ("it", 1.0, 1.4),
    ]


def test_a_word_of_several_groups_lasts_from_the_first_to_the_last() -> None:
    heard = [PhonemeGroup(3, 0.0, 0.3), PhonemeGroup(3, 0.4, 0.7), PhonemeGroup(2, 0.8, 1.0)]
    assert [(word.start, word.end) for word in word_times(["abcdef", "gh"], heard, len)] == [
        pytest.approx((0.0, 0.7)),
        pytest.approx((0.8, 1.0)),
    ]


def test_no_word_is_ever_lost_however_the_two_differ() -> None:
    heard = [PhonemeGroup(1, 0.0, 1.0)]
    words = word_times(["a"] * 30, heard, len)
    assert len(words) == 30
    assert (words[0].start, words[-1].end) == (0.0, pytest.approx(1.0))


def test_a_model_without_a_single_ceil_is_left_alone() -> None:
    assert with_durations(b"") == b""
