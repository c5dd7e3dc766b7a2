"""The limiter: nothing above the ceiling, also between samples; what is below stays as it is."""

import numpy as np
import pytest

from speechd.audio.limiter import CEILING, limited, true_peak
from speechd.types import Samples

RATES = [16_000, 22_050]


def tone(rate: int, level: float, hertz: float, seconds: float = 0.5, phase: float = 0.0) -> Samples:
    clock = np.arange(round(seconds * rate)) / rate
    return (level * np.sin(2 * np.pi * hertz * clock + phase)).astype(np.float32)


def test_a_peak_between_samples_is_seen() -> None:
    samples = tone(16_000, 1.0, 4000, phase=np.pi / 4)
    assert np.abs(samples).max() == pytest.approx(np.sqrt(0.5), abs=0.001)
    assert true_peak(samples[200:-200], 16_000) == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("level", [0.75, 1.0, 3.0, 10.0])
def test_nothing_is_above_the_ceiling(rate: int, level: float) -> None:
    noise = np.random.default_rng(5).normal(0, level / 4, rate // 2).astype(np.float32)
    for samples in (
        tone(rate, level, 300),
        tone(rate, level, rate / 4, phase=np.pi / 4),
        np.sign(noise) * level,
        noise,
    ):
        assert true_peak(limited(samples.astype(np.float32), rate), rate) <= CEILING * 1.01
        assert len(limited(samples, rate)) == len(samples)


def test_what_is_quiet_enough_is_left_alone() -> None:
    quiet = tone(16_000, 0.69, 300)
    assert limited(quiet, 16_000) is quiet
    assert len(limited(np.zeros(0, np.float32), 16_000)) == 0


@pytest.mark.parametrize("rate", RATES)
def test_the_wave_keeps_its_shape_and_what_is_far_from_a_peak_its_level(rate: int) -> None:
    samples = tone(rate, 0.5, 200, 2.0)
    loud = slice(rate // 2, rate // 2 + rate // 10)
    samples[loud] *= 3
    out = limited(samples, rate)
    np.testing.assert_array_equal(out[: rate // 3], samples[: rate // 3])
    np.testing.assert_array_equal(out[rate:], samples[rate:])
    spectrum = np.abs(np.fft.rfft(out[loud] * np.hanning(rate // 10)))
    partial = round(200 * 0.1)
    assert spectrum[2 * partial : 5 * partial].max() < 0.02 * spectrum[partial], "no overtones were added"


@pytest.mark.parametrize("size", [1, 2, 31, 33])
def test_the_shortest_sounds(size: int) -> None:
    assert np.abs(limited(np.full(size, 2.0, np.float32), 16_000)).max() <= CEILING * 1.05
