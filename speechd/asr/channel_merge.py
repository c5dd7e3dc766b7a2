"""Segments of channels that speak at the same time, put in order while they come."""

import heapq
from collections.abc import Iterable, Iterator

from speechd.types import Segment


class Merger:
    """Holds segments back until none with an earlier start can come."""

    def __init__(self) -> None:
        self._waiting: list[tuple[float, int, int, Segment]] = []
        self._count = 0
        self.merged: list[Segment] = []
        """Those that are settled, in order."""

    def push(self, segments: Iterable[Segment], horizon: float) -> Iterator[Segment]:
        """Takes segments, and yields in order of their starts those that are settled.

        Args:
            segments: of one channel, in order.
            horizon: what is still to come starts at this second at the earliest; infinite at the end.
        """
        for segment in segments:
            self._count += 1
            heapq.heappush(self._waiting, (segment.start, segment.channel, self._count, segment))
        while self._waiting and self._waiting[0][0] < horizon:
            self.merged.append(heapq.heappop(self._waiting)[-1])
            yield self.merged[-1]
