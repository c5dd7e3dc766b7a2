"""Results kept in memory for a while: until their time is over, or newer ones need the room."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class TTLCache(Generic[T]):
    """Results of late, by what was asked."""

    def __init__(
        self,
        *,
        keep: float,
        weigh: Callable[[T], float] = lambda result: 1.0,
        most: float = 256.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Args:
            keep: seconds that a result is remembered; 0 remembers none.
            weigh: what a result counts.
            most: what all of them may count together.
            clock: seconds of any steady clock.
        """
        self._keep = keep
        self._weigh = weigh
        self._most = most
        self._clock = clock
        self._results: OrderedDict[Hashable, tuple[float, T]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._results)

    def recall(self, key: Hashable) -> T | None:
        """The result for this key, if it is not too old."""
        self._drop_old()
        return self._results[key][1] if key in self._results else None

    def remember(self, key: Hashable, result: T) -> None:
        """Keeps a result, unless it alone counts too much."""
        if self._keep <= 0 or self._weigh(result) > self._most:
            return
        self._results.pop(key, None)
        self._results[key] = (self._clock() + self._keep, result)
        while sum(self._weigh(kept) for _, kept in self._results.values()) > self._most:
            self._results.popitem(last=False)
        asyncio.get_running_loop().call_later(self._keep, self._drop_old)

    def _drop_old(self) -> None:
        """The first are the oldest."""
        while self._results and next(iter(self._results.values()))[0] <= self._clock():
            self._results.popitem(last=False)
