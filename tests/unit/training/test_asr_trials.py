"""The audio of the evaluation."""

import ctypes.util
from itertools import pairwise
from pathlib import Path

import pytest

np = pytest.importorskip("numpy", reason="the extra 'train' is not installed")
if not ctypes.util.find_library("espeak-ng"):
    pytest.skip("espeak-ng is not installed", allow_module_level=True)

from models.training.asr import trials  # noqa: E402


def test_clips_are_the_same_whatever_was_spoken_before() -> None:
    first = trials.clips("domain", "en", 3)
    trials.clips("domain", "fr", 2)
    again = trials.clips("domain", "en", 3)
    assert [t.text for t in first] == [t.text for t in again]
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a.samples, b.samples)


def test_recordings_last_one_to_five_minutes_and_say_every_sentence_in_order() -> None:
    recordings = trials.recordings("fr")
    texts = [t.text for t in trials.clips("domain", "fr", 320)]
    assert " ".join(r.text for r in recordings) == " ".join(texts)
    for recording in recordings:
        duration = len(recording.samples) / trials.SAMPLE_RATE
        assert 45 < duration < 310
        assert recording.spans[-1][1] < duration
        assert all(a[1] < b[0] for a, b in pairwise(recording.spans))


def test_the_long_fixture_is_read_with_its_text() -> None:
    trial = trials.long_fixture(Path("audio_fixtures/manifest.json"))
    assert len(trial.samples) > 170 * trials.SAMPLE_RATE
    assert len(trial.text.split()) > 300
