"""Speakers of a live session: who speaks in a turn is told when it ends, and no speaker is ever numbered anew.

A whole recording is clustered with all that was said in it. A live session cannot wait for that, so its first turns
decide with less, and it needs a bound. The bound rises with the similarity of the speakers that are told apart already,
because on a telephone line all are similar.
"""

import numpy as np

from speechd.asr.diarization.engine import Vectors
from speechd.types import MAX_SPEAKERS

SAME_VOICE = 0.45
"""Cosine with a speaker's voice from which a turn is that speaker's. Nine tenths of pairs of turns have
.36 to .93 where one person speaks, -.04 to .33 where two do, and on a telephone line .12 to .47."""
LEAD = 0.1
"""What a turn needs beyond the greatest similarity of two known speakers."""
HIGHEST_BOUND = 0.6
"""The bound at most. With a higher one, a speaker whose voice was split once is split again and again."""
MIN_NEW_SECONDS = 1.5
"""Speech of a turn that can begin a new speaker; a shorter one goes to the nearest."""


class OnlineSpeakers:
    """The speakers so far."""

    def __init__(self) -> None:
        self._sums: list[Vectors] = []
        self.last = 0
        """Who spoke last. A turn that is too short to tell is given to this speaker; at the beginning to the first."""

    def assign(self, voice: Vectors, seconds: float, maximum: int = MAX_SPEAKERS) -> int:
        """The speaker of a stretch of speech that has ended, from 0.

        Args:
            voice: the sum of its windows' embeddings, shape (dimensions,), not zero.
            seconds: of speech in it.
            maximum: speakers at most.
        """
        self.last = self._assign(voice, seconds >= MIN_NEW_SECONDS and len(self._sums) < maximum)
        return self.last

    def _assign(self, voice: Vectors, may_begin: bool) -> int:
        if not self._sums:
            return self._begin(voice)
        similarity = self._centres() @ (voice / np.linalg.norm(voice))
        nearest, bound = int(similarity.argmax()), self._bound()
        if similarity[nearest] < bound and may_begin:
            return self._begin(voice)
        if similarity[nearest] >= bound:
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
