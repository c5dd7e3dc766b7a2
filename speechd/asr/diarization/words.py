"""Gives words to the speakers who said them."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Sequence
from itertools import accumulate

from speechd.types import SpeakerTurn, Word


def assign_words(words: Sequence[Word], turns: Sequence[SpeakerTurn]) -> tuple[int | None, ...]:
    """The speaker of each word: who talks during most of its time, else who talks nearest to it.

    Args:
        words: in any order, on the clock of the turns.
        turns: in the order of time. They may overlap.

    Returns:
        A speaker for each word; None for each where nobody talks.
    """
    timeline = SpeakerTimeline(turns)
    return tuple(timeline.speaker_of(word.start, word.end) for word in words)


class SpeakerTimeline:
    """Turns that can be asked who talks at a time."""

    def __init__(self, turns: Sequence[SpeakerTurn]) -> None:
        """
        Args:
            turns: in the order of time. They may overlap.
        """
        self._turns = turns
        self._latest: list[SpeakerTurn] = list(accumulate(turns, _later_end))

    def speaker_of(self, start: float, end: float) -> int | None:
        """Who talks during most of this time, else who talks nearest to it; None where nobody ever talks."""
        first = bisect_right(self._latest, start, key=lambda turn: turn.end)
        last = bisect_left(self._turns, end, key=lambda turn: turn.start)
        shares: dict[int, float] = defaultdict(float)
        for turn in self._turns[first:last]:
            shares[turn.speaker] += max(0.0, min(end, turn.end) - max(start, turn.start))
        if any(shares.values()):
            return max(shares, key=shares.__getitem__)
        near = [*self._latest[max(0, first - 1) : first], *self._turns[last : last + 1], *self._turns[first:last]]
        return min(near, key=lambda turn: max(turn.start - end, start - turn.end)).speaker if near else None


def _later_end(one: SpeakerTurn, other: SpeakerTurn) -> SpeakerTurn:
    return other if other.end > one.end else one
