"""Windows hold all speech, no long silence, never more than the limit, and are cut where it is quiet."""

import itertools
from collections.abc import Iterator

import numpy as np
import pytest

from speechd.audio.vad import FRAME, FRAME_SECONDS
from speechd.audio.windows import Packing, cut_windows
from speechd.types import SAMPLE_RATE, Samples, VadOptions, Window

VAD = VadOptions(padding=0.1, min_silence=0.2, min_speech=0.05)


def loud(samples: Samples) -> np.ndarray:
    """A detector for tests: loud frames are speech."""
    return (np.abs(samples.reshape(-1, FRAME)).max(axis=1) > 0.05).astype(np.float32)


def recording(*parts: tuple[str, float]) -> Samples:
    """`("speech", seconds)` is loud, `("pause", seconds)` is silent; every sample says its own position."""
    pieces = [np.full(int(seconds * SAMPLE_RATE), 0.5 if kind == "speech" else 0.0) for kind, seconds in parts]
    samples = np.concatenate(pieces)
    return (samples + np.linspace(0, 0.01, len(samples))).astype(np.float32)


def cut(
    samples: Samples, packing: Packing | None = None, vad: VadOptions | None = VAD, size: int = 16_000
) -> list[Window]:
    chunks = (samples[start : start + size] for start in range(0, len(samples), size))
    return list(cut_windows(chunks, lambda: loud, packing or Packing(), vad))


def assert_taken_from(samples: Samples, window: Window) -> None:
    start = round(window.start * SAMPLE_RATE)
    piece = samples[start : start + len(window.samples)]
    assert np.array_equal(window.samples[: len(piece)], piece)
    assert len(window.samples) - len(piece) < FRAME  # the last frame of a recording is filled up


def test_near_speech_shares_a_window_and_far_speech_does_not() -> None:
    samples = recording(
        ("pause", 3), ("speech", 2), ("pause", 1), ("speech", 2), ("pause", 5), ("speech", 1), ("pause", 3)
    )
    first, second = cut(samples, Packing(max_gap=2))
    assert 2 <= first.start <= 2.95
    assert 8.05 <= first.start + first.duration <= 9.05
    assert 12 <= second.start <= 12.95
    assert 14.05 <= second.start + second.duration <= 15.05
    assert [round(end - start) for start, end in first.speech] == [2, 2]
    for window in (first, second):
        assert_taken_from(samples, window)


def test_silence_gives_no_window() -> None:
    assert cut(recording(("pause", 10))) == []
    assert cut(np.zeros(0, np.float32)) == []


def test_no_window_is_longer_than_the_limit_and_no_speech_is_lost() -> None:
    rng = np.random.default_rng(3)
    parts = [(kind, float(rng.uniform(0.3, 9))) for _ in range(30) for kind in ("speech", "pause")]
    samples = recording(*parts)
    windows = cut(samples, Packing(max_seconds=6))
    assert max(window.duration for window in windows) <= 6
    heard = np.zeros(len(samples), bool)
    for window in windows:
        assert_taken_from(samples, window)
        start = round(window.start * SAMPLE_RATE)
        heard[start : start + len(window.samples)] = True
    assert heard[samples > 0.3].all()


def test_windows_follow_each_other_without_overlap() -> None:
    samples = recording(*[("speech", 3.0), ("pause", 0.5)] * 20)
    windows = cut(samples, Packing(max_seconds=10))
    for before, after in itertools.pairwise(windows):
        assert before.start + before.duration <= after.start + 1e-6


def test_long_speech_is_cut_at_its_quietest_moment() -> None:
    samples = recording(("speech", 40))
    quiet = int(22.5 * SAMPLE_RATE)
    samples[quiet : quiet + 3 * FRAME] *= 0.2
    first, second = cut(samples)
    assert first.duration == pytest.approx(22.55, abs=0.1)
    assert second.start == pytest.approx(first.duration, abs=1e-6)


@pytest.mark.parametrize("size", [100, 512, 7_001, 16_000, 160_000])
def test_windows_do_not_depend_on_the_size_of_the_chunks(size: int) -> None:
    samples = recording(("pause", 1), ("speech", 33), ("pause", 0.7), ("speech", 4), ("pause", 3), ("speech", 2))
    for one, other in zip(cut(samples, size=size), cut(samples, size=1_000), strict=True):
        assert one.start == other.start
        assert one.speech == other.speech
        assert np.array_equal(one.samples, other.samples)


def test_padding_longer_than_the_pause_never_swallows_the_next_word() -> None:
    samples = recording(("speech", 4), ("pause", 0.3), ("speech", 4), ("pause", 1))
    first, second = cut(samples, Packing(max_seconds=6), VadOptions(padding=0.5, min_silence=0.1))
    assert second.start <= 4.3
    assert first.start + first.duration <= second.start + 1e-6


@pytest.mark.parametrize("padding", [7.5, 15, 60])
def test_padding_longer_than_a_window_leaves_room_for_speech(padding: float) -> None:
    """A caller may ask for a minute of it."""
    for parts, seconds in (([("speech", 0.1)], 0.1), ([("pause", 20), ("speech", 40), ("pause", 20)], 40)):
        windows = cut(recording(*parts), vad=VadOptions(padding=padding, min_speech=0))
        heard = sum(end - start for window in windows for start, end in window.speech)
        assert heard == pytest.approx(seconds, abs=0.1)
        assert all(window.duration <= Packing().max_seconds for window in windows)


def test_without_detection_everything_is_kept_as_it_is() -> None:
    samples = recording(("pause", 3), ("speech", 1), ("pause", 2))
    (window,) = cut(samples, vad=None)
    assert window.start == 0
    assert np.array_equal(window.samples[: len(samples)], samples)


def test_little_more_than_two_windows_are_ever_in_memory() -> None:
    """The cutter asks for a chunk only when it needs one, and gives a window as soon as it is complete."""
    asked = 0

    def endless() -> Iterator[Samples]:
        nonlocal asked
        while True:
            asked += 1
            yield recording(("speech", 1))

    windows = cut_windows(endless(), lambda: loud, Packing(max_seconds=10), VAD)
    for number in range(1, 6):
        window = next(windows)
        assert asked <= (window.start + window.duration) + 10 + 3, number


def test_speech_times_are_frames_on_the_windows_clock() -> None:
    (window,) = cut(recording(("pause", 1), ("speech", 2), ("pause", 1)))
    ((start, end),) = window.speech
    assert window.start + start == pytest.approx(1, abs=FRAME_SECONDS)
    assert window.start + end == pytest.approx(3, abs=FRAME_SECONDS)


def test_a_window_begins_with_a_recording_that_began_less_than_a_second_before_and_ends_with_it() -> None:
    samples = recording(("pause", 0.9), ("speech", 2), ("pause", 0.9))
    (window,) = cut(samples)
    assert window.start == 0
    assert window.duration == pytest.approx(3.8, abs=FRAME_SECONDS)


@pytest.mark.parametrize("late", [0.0, 0.2, 0.5])
def test_a_window_begins_and_ends_in_the_pause_though_the_detector_hears_late_and_stops_early(late: float) -> None:
    """What the detector misses is as loud as what it hears."""
    rng = np.random.default_rng(0)
    samples = recording(("pause", 3), ("speech", 2), ("pause", 4))
    samples[3 * SAMPLE_RATE : 5 * SAMPLE_RATE] = 0.2
    samples += rng.normal(0, 0.003, len(samples)).astype(np.float32)

    def slow(frames: Samples) -> np.ndarray:
        nonlocal heard
        times = (heard + np.arange(len(frames) // FRAME)) * FRAME_SECONDS
        heard += len(times)
        return ((times >= 3 + late) & (times < 5 - late)).astype(np.float32)

    heard = 0
    (window,) = cut_windows(iter([samples]), lambda: slow, Packing(), VadOptions())
    assert 2 <= window.start <= 3
    assert 5 <= window.start + window.duration <= 6


def test_where_speech_follows_soon_the_border_is_the_quietest_moment_between() -> None:
    samples = recording(("speech", 5), ("pause", 0.6), ("speech", 5), ("pause", 2))
    samples[int(5.1 * SAMPLE_RATE) : int(5.5 * SAMPLE_RATE)] += 0.03
    samples[int(5.3 * SAMPLE_RATE) : int(5.42 * SAMPLE_RATE)] = 0.0
    first, second = cut(samples, Packing(max_seconds=8), VadOptions(min_silence=0.2))
    assert first.start + first.duration == pytest.approx(5.36, abs=0.07)
    assert second.start == pytest.approx(first.start + first.duration)


def test_a_full_window_ends_at_the_longest_pause_in_its_last_third() -> None:
    parts = (
        [("speech", 4.0), ("pause", 0.5)] * 5
        + [("speech", 2.0), ("pause", 0.9)]
        + [("speech", 3.0), ("pause", 0.5)] * 4
    )
    samples = recording(*parts)
    first, second = cut(samples, Packing(max_seconds=30), VadOptions(min_silence=0.2))[:2]
    assert 24.5 <= first.start + first.duration <= second.start <= 25.4
