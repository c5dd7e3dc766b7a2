"""The sounds that recordings of people are mixed with."""

import numpy as np
import pytest

from tests.real import sounds


@pytest.mark.parametrize("make", [sounds.white_noise, sounds.pink_noise, sounds.music, sounds.tones])
def test_sounds_have_their_level_and_are_the_same_each_time(make) -> None:  # type: ignore[no-untyped-def]
    made = make(3, level=0.1)
    assert (made.dtype, made.shape) == (np.float32, (48_000,))
    assert np.sqrt(np.square(made).mean()) == pytest.approx(0.1, rel=0.05)
    assert np.abs(made).max() <= 1
    assert np.array_equal(made, make(3, level=0.1))


def test_the_level_counts_from_the_speech_and_not_from_its_pauses() -> None:
    voice = np.concatenate([sounds.tones(2, level=0.05), sounds.silence(1)])
    under = sounds.mixed_at(voice, sounds.white_noise(4), 10) - voice
    assert np.sqrt(np.square(under).mean()) == pytest.approx(0.05 / 10 ** (10 / 20), rel=0.05)
