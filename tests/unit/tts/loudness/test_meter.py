"""Loudness against the values that ITU-R BS.1770 and EBU Tech 3341 state, and against FFmpeg's own meter."""

from fractions import Fraction
from itertools import count

import av
import numpy as np
import pytest
import soxr

from speechd.tts.loudness.meter import SILENT, integrated_loudness
from speechd.types import Samples
from tests.conftest import Fixture
from tests.support.played_audio import decoded

RATES = [8000, 16_000, 22_050, 24_000, 48_000]


def tone(rate: int, decibels: float, seconds: float, hertz: float = 1000.0) -> Samples:
    clock = np.arange(round(seconds * rate)) / rate
    return (10 ** (decibels / 20) * np.sin(2 * np.pi * hertz * clock)).astype(np.float32)


def by_ffmpeg(samples: Samples, sample_rate: int) -> float:
    """What the filter `ebur128` reads at 48 kHz, for which the standard gives its filters."""
    if not hasattr(av.AudioFrame, "metadata"):
        pytest.skip("this PyAV does not show what FFmpeg's loudness meter reads; from 18.1 on it does")
    rate = 48_000
    samples = soxr.resample(samples, sample_rate, rate)
    graph = av.filter.Graph()
    source = graph.add_abuffer(sample_rate=rate, format="flt", layout="mono", time_base=Fraction(1, rate))
    graph.link_nodes(source, graph.add("ebur128", metadata="1"), graph.add("abuffersink")).configure()
    frame = av.AudioFrame.from_ndarray(samples[None], format="flt", layout="mono")
    frame.sample_rate, frame.pts = rate, 0
    graph.push(frame)
    graph.push(None)
    readings = []
    for _ in count():
        try:
            readings.append(graph.pull().metadata.get("lavfi.r128.I"))
        except (av.EOFError, av.BlockingIOError):
            return float(next(reading for reading in reversed(readings) if reading))
    raise AssertionError


@pytest.mark.parametrize("rate", RATES)
def test_a_full_scale_sine_measures_as_the_standard_says(rate: int) -> None:
    assert integrated_loudness(tone(rate, 0, 5, 997), rate) == pytest.approx(-3.01, abs=0.02)


@pytest.mark.parametrize("rate", RATES)
def test_quiet_stretches_do_not_count(rate: int) -> None:
    """Cases 3 and 5 of EBU Tech 3341, on one channel, which is 3 dB quieter than their two."""
    loud, quiet = tone(rate, -23, 60), tone(rate, -36, 10)
    assert integrated_loudness(np.concatenate([quiet, loud, quiet]), rate) == pytest.approx(-26.0, abs=0.1)
    steps = np.concatenate([tone(rate, -26, 20), tone(rate, -20, 20.1), tone(rate, -26, 20)])
    assert integrated_loudness(steps, rate) == pytest.approx(-26.0, abs=0.1)


@pytest.mark.parametrize("rate", RATES)
def test_noise_with_pauses_measures_as_by_ffmpeg(rate: int) -> None:
    noise = soxr.resample(np.random.default_rng(3).normal(0, 0.1, 9 * rate), 3, 4).astype(np.float32)
    noise *= (np.arange(12 * rate) // rate % 3 > 0) * np.float32(1)
    assert integrated_loudness(noise, rate) == pytest.approx(by_ffmpeg(noise, rate), abs=0.1)


def test_speech_measures_as_by_ffmpeg(english: Fixture) -> None:
    samples = decoded(english.path.read_bytes())[:2]
    assert integrated_loudness(*samples) == pytest.approx(by_ffmpeg(*samples), abs=0.2)


@pytest.mark.parametrize("size", [0, 1, 100, 6399, 16_000])
def test_silence_and_the_shortest_sounds(size: int) -> None:
    assert integrated_loudness(np.zeros(size, np.float32), 16_000) == SILENT
    assert integrated_loudness(tone(16_000, -6, size / 16_000), 16_000) >= SILENT
