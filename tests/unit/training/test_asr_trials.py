"""The audio of the evaluation."""

import ctypes.util

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
