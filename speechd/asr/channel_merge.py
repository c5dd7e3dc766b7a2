"""Merges the segments of several channels in order of time, while they are decoded."""

import heapq
from collections.abc import Iterable, Iterator

from speechd.types import Segment


class Merger:
    """Holds segments back until none with an earlier start can come."""

    def __init__(self) -> None:
        self._waiting: list[tuple[float, int, int, Segment]] = []
        self._count = 0
        self.merged: list[Segment] = []
        """The final ones, in order."""

    def push(self, segments: Iterable[Segment], horizon: float) -> Iterator[Segment]:
        """Takes segments, and yields those that are final in order of their starts.

        Args:
            segments: of one channel, in order.
            horizon: no later segment starts before this second; infinite at the end.
        """
        for segment in segments:
            self._count += 1
            heapq.heappush(self._waiting, (segment.start, segment.channel, self._count, segment))
        while self._waiting and self._waiting[0][0] < horizon:
            self.merged.append(heapq.heappop(self._waiting)[-1])
            yield self.merged[-1]
