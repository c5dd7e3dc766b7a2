"""Results kept in memory for a while: until their time is over, or newer ones need the room."""

import asyncio
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

import cachetools

T = TypeVar("T")


class TTLCache(Generic[T]):
    """Results of late, by what was asked; the least recently used make room for new ones.

    It is cachetools' cache, and besides drops what is old although nobody asks: results are private.
    """

    def __init__(
        self,
        *,
        keep: float,
        weigh: Callable[[T], float] = lambda result: 1.0,
        maximum: float = 256.0,
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
        self._results = cachetools.TTLCache[Hashable, T](maximum, keep, timer=clock, getsizeof=weigh)

    def __len__(self) -> int:
        return len(self._results)

    def recall(self, key: Hashable) -> T | None:
        """The result for this key, if it is not too old."""
        return self._results.get(key)

    def remember(self, key: Hashable, result: T) -> None:
        """Keeps a result, unless it alone counts too much."""
        if self._keep <= 0 or self._weigh(result) > self._results.maxsize:
            return
        self._results[key] = result
        asyncio.get_running_loop().call_later(self._keep, self._results.expire)
