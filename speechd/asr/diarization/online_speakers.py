"""Speakers of a live session: a turn is given to a speaker when it ends, and no speaker is ever numbered anew.

A whole recording is clustered with all that was said in it. A live session cannot wait for that, so its first turns
decide with less, and it needs a bound. The bound rises with the similarity of the speakers that are told apart already,
because on a telephone line all are similar.
"""

import numpy as np

from speechd.asr.diarization.engine import SpeakerWindows, Vectors
from speechd.types import MAX_SPEAKERS, SpeakerOptions

SAME_VOICE = 0.5
"""Cosine with a speaker's voice from which a turn is that speaker's (measured on telephone speech: .42 to .55 between
people, .81 to .86 of one)."""
LEAD = 0.1
"""What a turn needs beyond the greatest similarity of two known speakers."""
HIGHEST_BOUND = 0.7
MIN_NEW_SECONDS = 1.5
"""Speech of a turn that can begin a new speaker; a shorter one goes to the nearest."""


class OnlineSpeakers:
    """The speakers so far."""

    def __init__(self, options: SpeakerOptions | None = None) -> None:
        """
        Args:
            options: only the upper bound counts.
        """
        self._maximum = min(MAX_SPEAKERS, (options or SpeakerOptions()).bounds[1])
        self._sums: list[Vectors] = []
        self._last: int | None = None

    def assign(self, windows: SpeakerWindows) -> int | None:
        """The speaker of a finished turn, from 0. One that is too short to tell is the last speaker's, or None at the
        beginning."""
        if not len(windows):
            return self._last
        self._last = self._assign(windows.embeddings.sum(axis=0), windows.seconds >= MIN_NEW_SECONDS)
        return self._last

    def _assign(self, voice: Vectors, long: bool) -> int:
        if not self._sums:
            return self._begin(voice)
        similarity = self._centres() @ (voice / np.linalg.norm(voice))
        nearest = int(similarity.argmax())
        if similarity[nearest] < self._bound() and long and len(self._sums) < self._maximum:
            return self._begin(voice)
        if similarity[nearest] >= self._bound():
            self._sums[nearest] = self._sums[nearest] + voice
        return nearest

    def _begin(self, voice: Vectors) -> int:
        self._sums.append(voice)
        return len(self._sums) - 1

    def _centres(self) -> Vectors:
        sums = np.stack(self._sums)
        return np.asarray(sums / np.linalg.norm(sums, axis=1, keepdims=True), np.float32)

    def _bound(self) -> float:
        centres = self._centres()
        closest = float(np.triu(centres @ centres.T, 1).max()) if len(centres) > 1 else 0.0
        return min(HIGHEST_BOUND, max(SAME_VOICE, closest + LEAD))
