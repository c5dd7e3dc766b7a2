"""Turns out of windows, and words to their speakers."""

from itertools import pairwise

import numpy as np
import pytest

from speechd.asr.diarization.diarize import diarize
from speechd.asr.diarization.engine import joined_windows, no_windows
from speechd.asr.diarization.known_speakers import KnownSpeaker
from speechd.asr.diarization.turns import best_path
from speechd.asr.diarization.words import assign_words
from speechd.types import SpeakerOptions, SpeakerTurn, Word
from tests.unit.asr.diarization.voices import DIMENSIONS, embeddings, windows_of

AUTO = SpeakerOptions()
CONVERSATION = [2] * 8 + [0] * 8 + [2] * 8 + [1] * 8
"""The speaker of each window of a conversation without a pause."""


def test_speakers_are_numbered_as_they_are_first_heard() -> None:
    found = diarize(windows_of(CONVERSATION), [(0.0, 33.0)], AUTO)
    assert [turn.speaker for turn in found.turns] == [0, 1, 0, 2]
    assert found.speakers == 3
    assert [turn.start for turn in found.turns] == pytest.approx([0, 8.5, 16.5, 24.5], abs=1.1)


def test_turns_cover_the_speech_in_order_without_overlap() -> None:
    spans = [(0.0, 8.2), (8.9, 20.0), (22.0, 33.0)]
    turns = diarize(windows_of(CONVERSATION), spans, AUTO).turns
    assert all(before.end <= after.start + 1e-9 for before, after in pairwise(turns))
    assert sum(turn.duration for turn in turns) == pytest.approx(30.2, abs=1.0)
    assert not any(turn.start < 21 < turn.end for turn in turns)


def test_a_short_pause_is_part_of_a_turn_and_a_long_one_is_not() -> None:
    windows = windows_of([0] * 30)
    for pause, turns in ((0.4, 1), (0.9, 2)):
        found = diarize(windows, [(0.0, 15.0), (15.0 + pause, 31.0)], AUTO)
        assert len(found.turns) == turns, pause


@pytest.mark.parametrize("spans", [[], [(1.0, 1.2)], [(1.0, 1.2), (5.0, 5.2)]])
def test_without_a_window_all_speech_is_one_speaker(spans: list[tuple[float, float]]) -> None:
    found = diarize(no_windows(DIMENSIONS), spans, AUTO)
    assert [(turn.start, turn.end) for turn in found.turns] == spans
    assert found.speakers == bool(spans)


def test_known_speakers_get_their_names_and_strangers_none() -> None:
    voices = embeddings([0, 1, 2, 3], spread=0.1, seed=9)
    known = [KnownSpeaker("Ann", voices[1]), KnownSpeaker("Bob", voices[2]), KnownSpeaker("Eve", voices[3])]
    assert diarize(windows_of(CONVERSATION), [(0.0, 33.0)], AUTO, known).names == ("Bob", None, "Ann")


def test_the_best_path_does_not_change_for_one_frame() -> None:
    scores = np.zeros((20, 2))
    scores[:, 0] = 1.0
    scores[10] = (0, 3)
    assert set(best_path(scores).tolist()) == {0}
    scores[10:, 1] = 3.0
    assert best_path(scores).tolist() == [0] * 10 + [1] * 10


TURNS = (SpeakerTurn(0, 4, 0), SpeakerTurn(1, 2, 1), SpeakerTurn(6, 8, 2))


@pytest.mark.parametrize(
    ("start", "end", "speaker"),
    [(0.0, 0.5, 0), (3.5, 3.9, 0), (3.0, 6.5, 0), (4.5, 5.0, 0), (5.5, 5.8, 2), (9.0, 9.5, 2), (7.0, 7.0, 2)],
)
def test_a_word_is_of_whoever_talks_most_of_its_time_or_nearest(start: float, end: float, speaker: int) -> None:
    assert assign_words([Word("a", start, end)], TURNS) == (speaker,)


def test_words_without_turns_have_no_speaker() -> None:
    assert assign_words([Word("a", 0, 1), Word("b", 1, 2)], ()) == (None, None)


def test_windows_of_several_parts_are_in_the_order_of_time() -> None:
    parts = [windows_of([0, 0]).shifted(10), windows_of([1])]
    joined = joined_windows(parts, DIMENSIONS)
    assert joined.starts.tolist() == [0, 10, 11]
    assert joined.seconds == pytest.approx(5)


def test_a_voice_is_the_sum_of_its_windows() -> None:
    found = diarize(windows_of(CONVERSATION), [(0.0, 33.0)], SpeakerOptions(voices=True))
    assert len(found.voices) == found.speakers == 3
    sums = [np.frombuffer(voice.embeddings, "<f4") for voice in found.voices]
    assert [float(np.linalg.norm(each)) for each in sums] == pytest.approx([16, 8, 8], rel=0.15)
    assert [voice.seconds for voice in found.voices] == pytest.approx([18, 9, 9])
    assert diarize(windows_of(CONVERSATION), [(0.0, 33.0)], AUTO).voices == ()
    assert diarize(no_windows(DIMENSIONS), [(0.0, 0.2)], SpeakerOptions(voices=True)).voices == ()
