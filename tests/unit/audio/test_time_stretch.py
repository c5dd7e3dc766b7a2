"""Tempo: exactly as long as asked, the pitch as it was, nothing lost at either end."""

import numpy as np
import pytest

from speechd.audio.time_stretch import Tempo, factors, stretched
from speechd.types import Samples

RATE = 16_000


def tone(seconds: float, hertz: float = 220.0) -> Samples:
    clock = np.arange(round(seconds * RATE)) / RATE
    return (0.5 * np.sin(2 * np.pi * hertz * clock)).astype(np.float32)


def pitch(samples: Samples) -> float:
    """Hz of the strongest partial."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * RATE / len(samples))


@pytest.mark.parametrize("speed", [0.25, 0.3, 0.5, 0.77, 1.0, 1.1, 1.9, 2.0, 2.5, 4.0, 5.0])
@pytest.mark.parametrize("seconds", [0.05, 0.3, 4.0])
def test_the_length_is_exact(speed: float, seconds: float) -> None:
    samples = tone(seconds)
    assert len(stretched(samples, RATE, speed)) == round(len(samples) / speed)


@pytest.mark.parametrize("speed", [0.25, 0.6, 1.5, 3.0, 5.0])
def test_the_pitch_stays(speed: float) -> None:
    assert pitch(stretched(tone(4.0), RATE, speed)) == pytest.approx(220, rel=0.02)


@pytest.mark.parametrize("speed", [0.3, 0.8, 1.7, 4.5])
def test_it_sounds_to_the_end(speed: float) -> None:
    out = stretched(tone(3.0), RATE, speed)
    assert np.abs(out[: RATE // 50]).max() > 0.3
    assert np.abs(out[-RATE // 12 :]).max() > 0.3, "but for one window of WSOLA"


@pytest.mark.parametrize("speed", [0.4, 1.0, 2.3])
def test_pieces_of_any_size_give_the_same_as_the_whole(speed: float) -> None:
    samples = tone(2.0, 180) * np.linspace(0, 1, 2 * RATE, dtype=np.float32)
    tempo = Tempo(RATE, speed)
    parts = [tempo.feed(part) for part in np.split(samples, [1, 700, 9000, 9001, 20_000])]
    np.testing.assert_allclose(np.concatenate([*parts, tempo.flush()]), stretched(samples, RATE, speed), atol=1e-4)


def test_the_first_samples_leave_early() -> None:
    tempo = Tempo(RATE, 2.0)
    assert len(tempo.feed(tone(1.0))) > 0.8 * RATE / 2


@pytest.mark.parametrize(("speed", "count"), [(1.0, 0), (1.5, 1), (2.0, 1), (2.1, 2), (4.0, 2), (5.0, 3), (0.25, 2)])
def test_no_factor_is_beyond_two(speed: float, count: int) -> None:
    found = factors(speed)
    assert len(found) == count
    assert all(0.5 - 1e-9 <= factor <= 2 + 1e-9 for factor in found)
    assert np.prod(found) == pytest.approx(speed)


def test_nothing_in_nothing_out() -> None:
    assert len(stretched(np.zeros(0, np.float32), RATE, 2.0)) == 0
