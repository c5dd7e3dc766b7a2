"""What every synthesiser gives: speech at 16 kHz, cut to the words, with word times if it can."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..features import SAMPLE_RATE, Float, resample, speech_bounds

WordTimes = list[tuple[float, float]]
"""Start and end in seconds of each word between blanks."""


@dataclass(frozen=True)
class Speech:
    """One spoken sentence."""

    samples: Float
    """Mono at 16 kHz, in [-0.5, 0.5], without silence around it."""
    voice: str
    """Synthesiser and voice."""
    words: WordTimes | None
    """True word times, or None where the synthesiser does not tell."""

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return len(self.samples) / SAMPLE_RATE


class Synthesiser(Protocol):
    """Speaks sentences with one of its voices."""

    def speak(self, text: str, language: str, held_out: bool) -> Speech | None:
        """Speak with a random voice; None where nothing came out.

        With `held_out` the voice is one that training never hears.
        """
        ...


def finish(samples: Float, rate: int, voice: str, speed: float = 1.0, words: WordTimes | None = None) -> Speech | None:
    """Resample (`speed` > 1 is faster and higher), cut silence and set the level.

    `words` are in seconds of the unchanged samples.
    """
    at_rate = resample(samples, rate * speed)
    bounds = speech_bounds(at_rate)
    if bounds is None or bounds[1] - bounds[0] < SAMPLE_RATE // 10:
        return None
    first, last = bounds
    cut = at_rate[first:last]
    level = 0.5 / (np.abs(cut).max() + 1e-9)
    times = _shift(words, 1 / speed, first / SAMPLE_RATE, len(cut) / SAMPLE_RATE)
    return Speech((cut * level).astype(np.float32), voice, times)


def _shift(words: WordTimes | None, scale: float, offset: float, end: float) -> WordTimes | None:
    """Move word times to the cut samples; the last word ends with the speech."""
    if not words:
        return None
    moved = [(max(0.0, a * scale - offset), min(end, b * scale - offset)) for a, b in words]
    return [*moved[:-1], (moved[-1][0], end)]
