"""Finds channels that carry the same sound and silences the copies, so that nothing is transcribed twice.

A dual-mono recording has one voice on two channels. A telephone system plays its announcements on both channels and
records each caller on one. So every few seconds are compared again, and a copy is dropped only while it is a copy.
"""

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from speechd.types import SAMPLE_RATE, Samples

COMPARED_BLOCK = SAMPLE_RATE // 4
"""Samples in which channels must differ to count as different: less than a word."""
MAX_RESIDUAL = 0.1
"""Share of the power that may be left when one channel is taken from the other: -10 dB, what a lossy codec adds at
worst. Two speakers who do not hear each other leave all of it, and an echo is quieter than this allows."""
MAX_GAIN_DIFFERENCE = 2.0
"""A copy is at most this much louder or quieter (6 dB)."""
INAUDIBLE = 1e-8
"""Mean square of the noise of a codec: -80 dBFS."""


class DuplicateChannelFilter:
    """Compares the channels of one recording."""

    def __init__(self) -> None:
        self._own: npt.NDArray[np.bool_] = np.zeros(0, np.bool_)

    @property
    def apart(self) -> int:
        """Channels so far that were more than copies of another; at least 1."""
        return max(1, int(self._own.sum()))

    def silenced(self, chunks: Iterable[Samples]) -> Iterator[Samples]:
        """The chunks. A channel that copies an earlier channel becomes silence. Mono is unchanged.

        Args:
            chunks: shape (n,) or (channels, n), a few seconds each.
        """
        for chunk in chunks:
            if chunk.ndim > 1:
                copies = [any(is_copy(first, second) for first in chunk[:n]) for n, second in enumerate(chunk)]
                self._own = np.logical_not(copies) | (self._own if len(self._own) else False)
                chunk = np.where(np.array(copies)[:, None], np.float32(0), chunk)
            yield chunk


def is_copy(first: Samples, second: Samples) -> bool:
    """Whether the second channel has no sound that the first lacks. Two silent channels are equal."""
    power, other = float(np.mean(np.square(first))), float(np.mean(np.square(second)))
    if max(power, other) < INAUDIBLE:
        return True
    if min(power, other) == 0:
        return False
    gain = float(np.dot(first, second)) / (power * len(first))
    if not 1 / MAX_GAIN_DIFFERENCE <= abs(gain) <= MAX_GAIN_DIFFERENCE:
        return False
    left, heard = _blocks(second - gain * first), _blocks(second)
    return bool(np.all(left <= MAX_RESIDUAL * np.maximum(heard, other) + INAUDIBLE))


def _blocks(samples: Samples) -> npt.NDArray[np.float32]:
    """The mean square of each block of samples."""
    padded = np.pad(samples, (0, -len(samples) % COMPARED_BLOCK)).reshape(-1, COMPARED_BLOCK)
    return np.asarray(np.square(padded).mean(axis=1), np.float32)
