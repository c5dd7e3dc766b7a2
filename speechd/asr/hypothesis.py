"""What a decoder proposes for a window, and whether to believe it.

The rules and thresholds are those of section 4.5 of the Whisper paper (Radford et al. 2022): text that repeats itself
or is improbable is tried again at a higher temperature; where the model also hears no speech, improbable text is
silence.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

MAX_COMPRESSION_RATIO = 2.4
MIN_AVG_LOGPROB = -1.0
MAX_NO_SPEECH_PROB = 0.6


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One window's text at one temperature, with the evidence for it."""

    tokens: tuple[int, ...]
    """Text and timestamp tokens."""
    text: str
    temperature: float
    avg_logprob: float
    """Mean natural log-probability of its tokens, the end token included."""
    no_speech_prob: float

    @property
    def compression_ratio(self) -> float:
        data = self.text.encode()
        return len(data) / len(zlib.compress(data))

    @property
    def silent(self) -> bool:
        return self.no_speech_prob > MAX_NO_SPEECH_PROB and self.avg_logprob < MIN_AVG_LOGPROB

    @property
    def acceptable(self) -> bool:
        probable = self.compression_ratio <= MAX_COMPRESSION_RATIO and self.avg_logprob >= MIN_AVG_LOGPROB
        return probable or self.silent

    @property
    def rank(self) -> tuple[bool, float]:
        return self.compression_ratio <= MAX_COMPRESSION_RATIO, self.avg_logprob


def best(attempts: Sequence[Hypothesis]) -> Hypothesis:
    """The last attempt if it can be believed, else the most probable that does not repeat itself."""
    return attempts[-1] if attempts[-1].acceptable else max(attempts, key=lambda attempt: attempt.rank)
