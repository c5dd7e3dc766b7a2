"""Speech regions from probabilities, and Silero over a stream."""

import numpy as np
import pytest
from faster_whisper import decode_audio

from speechd.audio.vad import FRAME, FRAME_SECONDS, Region, RegionFinder, SpeechDetector
from speechd.types import VadOptions
from tests.conftest import Fixture

OPTIONS = VadOptions(threshold=0.5, min_silence=3 * FRAME_SECONDS, min_speech=2 * FRAME_SECONDS)


def regions(probabilities: list[float], options: VadOptions = OPTIONS) -> list[Region]:
    finder = RegionFinder(options)
    return [*finder.push(np.array(probabilities, np.float32)), *finder.finish()]


def test_a_region_begins_at_the_threshold_and_ends_where_silence_began() -> None:
    assert regions([0.1, 0.6, 0.9, 0.9, 0.1, 0.1, 0.1, 0.1]) == [Region(1, 4)]


def test_a_pause_shorter_than_min_silence_does_not_end_a_region() -> None:
    assert regions([0.9, 0.9, 0.1, 0.1, 0.9, 0.1, 0.1, 0.1]) == [Region(0, 5)]


def test_probabilities_between_the_two_thresholds_go_on_with_what_was() -> None:
    assert regions([0.4, 0.9, 0.4, 0.4, 0.4, 0.4]) == [Region(1, 6)]


def test_a_click_is_not_speech() -> None:
    assert regions([0.1, 0.9, 0.1, 0.1, 0.1, 0.1]) == []


def test_speech_cut_off_by_the_end_is_kept() -> None:
    assert regions([0.1, 0.9, 0.9]) == [Region(1, 3)]


def test_regions_do_not_depend_on_how_the_stream_is_cut() -> None:
    rng = np.random.default_rng(0)
    probabilities = rng.random(500, np.float32)
    finder = RegionFinder(OPTIONS)
    pieces = [region for part in np.array_split(probabilities, 37) for region in finder.push(part)]
    assert [*pieces, *finder.finish()] == regions(probabilities.tolist())


def test_splitting_an_open_region_leaves_its_rest_open() -> None:
    finder = RegionFinder(OPTIONS)
    assert list(finder.push(np.full(10, 0.9, np.float32))) == []
    assert finder.split(6) == Region(0, 6)
    assert list(finder.finish()) == [Region(6, 10)]


def test_splitting_outside_the_open_region_is_refused() -> None:
    finder = RegionFinder(OPTIONS)
    with pytest.raises(ValueError, match="no open region"):
        finder.split(3)


def test_silero_gives_the_same_for_a_stream_as_for_the_whole() -> None:
    rng = np.random.default_rng(1)
    samples = rng.normal(0, 0.1, 90 * FRAME).astype(np.float32)
    whole = SpeechDetector()(samples)
    detector = SpeechDetector()
    parts = [detector(part) for part in (samples[: 7 * FRAME], samples[7 * FRAME : 8 * FRAME], samples[8 * FRAME :])]
    assert np.abs(whole - np.concatenate(parts)).max() < 1e-5
    assert len(whole) == 90


def test_silence_and_noise_are_not_speech() -> None:
    rng = np.random.default_rng(2)
    for samples in (np.zeros(100 * FRAME), rng.normal(0, 0.05, 100 * FRAME)):
        assert SpeechDetector()(samples.astype(np.float32))[10:].max() < 0.5


def spoken(samples: np.ndarray) -> list[Region]:
    padded = np.pad(samples, (0, -len(samples) % FRAME)).astype(np.float32)
    return regions(SpeechDetector()(padded).tolist(), VadOptions())


@pytest.mark.parametrize("level", [-20, -40, -60])
def test_a_quiet_recording_has_the_speech_of_a_loud_one(english: Fixture, level: int) -> None:
    samples = decode_audio(str(english.path))
    quiet, loud = spoken(samples * 10 ** (level / 20)), spoken(samples)
    assert len(quiet) == len(loud)
    for one, other in zip(quiet, loud, strict=True):
        assert abs(one.start - other.start) <= 3
        assert abs(one.end - other.end) <= 6


@pytest.mark.parametrize("level", [0.0, 1e-5, 1e-4, 1e-3, 1e-2])
def test_noise_of_any_level_is_no_speech(level: float) -> None:
    noise = np.random.default_rng(0).normal(0, level, 60 * FRAME * 31).astype(np.float32)
    assert spoken(noise) == []
