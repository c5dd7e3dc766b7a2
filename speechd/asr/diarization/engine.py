"""The protocol between diarization and a model that tells voices apart.

An engine is synchronous. It takes PCM and the stretches of speech in it, and returns short windows of that speech, each
with an embedding: a vector of unit length. Two windows of one voice have a higher cosine similarity than two of
different voices. What a similarity means differs between recordings, so nothing here compares it with a constant.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from speechd.types import Samples

Vectors = npt.NDArray[np.float32]
"""Embeddings, shape (n, dimensions), each of unit length."""
EMBEDDING = np.dtype("<f4")
"""How an embedding is kept: little-endian float32."""
Seconds = npt.NDArray[np.float64]
"""Times, shape (n,)."""


@dataclass(frozen=True, slots=True, eq=False)
class SpeakerWindows:
    """Windows of speech in the order of time, with the voice in each. They overlap where speech is long."""

    starts: Seconds
    ends: Seconds
    embeddings: Vectors

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def seconds(self) -> float:
        """Speech that they cover, each moment once."""
        reached = np.maximum.accumulate(np.concatenate([[0.0], self.ends[:-1]])) if len(self) else self.ends
        return float(np.clip(self.ends - np.maximum(self.starts, reached), 0, None).sum())

    def chosen(self, which: npt.NDArray[np.bool_]) -> "SpeakerWindows":
        """Some of the windows: those for which `which`, shape (n,), holds."""
        return SpeakerWindows(self.starts[which], self.ends[which], self.embeddings[which])

    def shifted(self, seconds: float) -> "SpeakerWindows":
        """The same windows on a clock that started `seconds` earlier."""
        return replace(self, starts=self.starts + seconds, ends=self.ends + seconds)


def no_windows(dimensions: int) -> SpeakerWindows:
    """The windows of a recording without speech."""
    return SpeakerWindows(np.zeros(0), np.zeros(0), np.zeros((0, dimensions), np.float32))


def joined_windows(parts: Sequence[SpeakerWindows], dimensions: int) -> SpeakerWindows:
    """The windows of all parts on the clock that they share, in the order of time."""
    if not parts:
        return no_windows(dimensions)
    starts = np.concatenate([part.starts for part in parts])
    order = np.argsort(starts, kind="stable")
    ends = np.concatenate([part.ends for part in parts])
    return SpeakerWindows(starts[order], ends[order], np.concatenate([part.embeddings for part in parts])[order])


class SpeakerEngine(Protocol):
    """Tells voices apart."""

    dimensions: int
    """Numbers of an embedding."""

    def embed(self, samples: Samples, spans: Sequence[tuple[float, float]]) -> SpeakerWindows:
        """The windows of a stretch of audio. Several threads may call it at once.

        Args:
            samples: mono, shape (n,).
            spans: where speech is, as (start, end) in seconds of `samples`, in order. Spans that are too short to
                tell a voice have no window.

        Raises:
            EngineFailure: the model failed.
        """
        ...

    def close(self) -> None:
        """Frees its memory. No call may follow."""
        ...
