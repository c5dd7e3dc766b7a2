"""Identical work is done once: for those who ask while it runs, and for those who ask again soon after.

An SDK that times out asks again, without a word that it is the same request; so a long job would arrive three times.
Here the second asker joins the first one's computation, which lives on for a grace period after its asker has left, or
gets its result.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from speechd.cache.ttl_cache import TTLCache

T = TypeVar("T")

CacheStatus = Literal["miss", "joined", "hit"]
"""The asker's work was begun for it, was under way already, or was done already."""


@dataclass(eq=False, slots=True)
class _Computation(Generic[T]):
    """One computation under way."""

    task: "asyncio.Task[T]"
    waiters: int = 0


class RequestCoalescer(Generic[T]):
    """Computations under way and results of late, by what was asked."""

    def __init__(
        self,
        *,
        keep: float = 0.0,
        grace: float = 0.0,
        weigh: Callable[[T], float] = lambda result: 1.0,
        most: float = 256.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Args:
            keep: seconds that a result is remembered; 0 remembers none.
            grace: seconds that a computation lives on after the last who waited for it has left.
            weigh: what a result counts.
            most: what all remembered results may count together.
            clock: seconds of any steady clock.
        """
        self._grace = grace
        self._computations: dict[Hashable, _Computation[T]] = {}
        self.memory: TTLCache[T] = TTLCache(keep=keep, weigh=weigh, most=most, clock=clock)
        """The results of late."""

    async def run(
        self, key: Hashable, compute: Callable[[], Coroutine[Any, Any, T]], release: Callable[[], None]
    ) -> tuple[T, CacheStatus]:
        """The result of `compute`, of another call with an equal key if there is or was one.

        Args:
            key: equal for requests that must have equal answers.
            compute: called if this request is the first.
            release: gives back what `compute` needs; called once, when it is done or is seen not to be needed.
        """
        if (known := self.recall(key)) is not None:
            release()
            return known, "hit"
        flight = self._computations.get(key)
        how: CacheStatus = "miss" if flight is None else "joined"
        if flight is None:
            flight = self._depart(key, compute, release)
        else:
            release()
        flight.waiters += 1
        try:
            return await asyncio.shield(flight.task), how
        finally:
            flight.waiters -= 1
            if not flight.waiters and not flight.task.done():
                asyncio.get_running_loop().call_later(self._grace, self._abandon, key, flight)

    def recall(self, key: Hashable) -> T | None:
        """The remembered result for this key, if it is not too old."""
        return self.memory.recall(key)

    def remember(self, key: Hashable, result: T) -> None:
        """Keeps a result for those who ask again."""
        self.memory.remember(key, result)

    async def close(self) -> None:
        """Cancels what is under way."""
        tasks = [flight.task for flight in self._computations.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _depart(
        self, key: Hashable, compute: Callable[[], Coroutine[Any, Any, T]], release: Callable[[], None]
    ) -> _Computation[T]:
        flight = self._computations[key] = _Computation(asyncio.create_task(compute()))

        def land(task: "asyncio.Task[T]") -> None:
            release()
            if self._computations.get(key) is flight:
                del self._computations[key]
            if not task.cancelled() and task.exception() is None:
                self.remember(key, task.result())

        flight.task.add_done_callback(land)
        return flight

    def _abandon(self, key: Hashable, flight: _Computation[T]) -> None:
        """Nobody came back within the grace period."""
        if not flight.waiters and not flight.task.done():
            if self._computations.get(key) is flight:
                del self._computations[key]
            flight.task.cancel()
