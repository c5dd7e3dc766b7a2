"""Identical work is done once: for those who ask while it runs, and for those who ask again soon after.

An SDK that times out asks again, without a word that it is the same request; so a long recording would be transcribed
three times. Here every request reads the parts of one shared computation, from the first part on. The computation stops
when its last reader has left, at once or after a grace period in which a retry may come.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Hashable
from contextlib import aclosing, asynccontextmanager
from typing import Generic, Literal, Protocol, TypeVar

from speechd.cache.ttl_cache import TTLCache
from speechd.priority import Priority, PrioritySource

Part = TypeVar("Part")
PartOut = TypeVar("PartOut", covariant=True)

CacheStatus = Literal["miss", "joined", "hit"]
"""The work was begun for this request, was under way already, or was done already."""


class Work(Protocol[PartOut]):
    """What can be computed for several requests at once."""

    def run(self, priority: PrioritySource) -> AsyncGenerator[PartOut, None]:
        """Yields the parts of the answer; the last one is the result."""
        ...

    def release(self) -> None:
        """Gives back what `run` needs; called once, when it is done or is seen not to be needed."""
        ...


class Computation(Generic[Part]):
    """One computation under way and who reads it; its parts are kept until the last reader is done."""

    def __init__(self, work: Work[Part], on_end: "Callable[[Computation[Part]], None]") -> None:
        """
        Args:
            work: run at once.
            on_end: called when the work has ended in any way, before any reader learns of it.
        """
        self.work = work
        self.readers: list[Priority] = []
        self.last_call: asyncio.TimerHandle | None = None
        """Ends it if it has no reader then."""
        self._parts: list[Part] = []
        self._changed = asyncio.Event()
        self._ended = False
        self._on_end = on_end
        self.task = asyncio.create_task(self._run(), name="shared computation")
        self.task.add_done_callback(self._end)

    @property
    def result(self) -> Part | None:
        """The last part, once the computation has succeeded; None where there is none."""
        succeeded = self.task.done() and not self.task.cancelled() and self.task.exception() is None
        return self._parts[-1] if succeeded and self._parts else None

    def priority(self) -> Priority:
        """That of its most urgent reader."""
        return "interactive" if "interactive" in self.readers else "background"

    async def parts(self) -> AsyncGenerator[Part, None]:
        """Every part from the first on, those to come as they come.

        Raises:
            Exception: whatever the computation failed with.
        """
        position = 0
        while True:
            changed = self._changed
            while position < len(self._parts):
                position += 1
                yield self._parts[position - 1]
            if self._ended:
                self.task.result()
                return
            if changed is self._changed:
                await changed.wait()

    async def _run(self) -> None:
        async with aclosing(self.work.run(self.priority)) as parts:
            async for part in parts:
                self._parts.append(part)
                self._wake()

    def _end(self, task: "asyncio.Task[None]") -> None:
        self.work.release()
        self._on_end(self)
        self._ended = True
        self._wake()

    def _wake(self) -> None:
        """Every reader looks for new parts."""
        self._changed.set()
        self._changed = asyncio.Event()


class RequestCoalescer(Generic[Part]):
    """Computations under way and recent results, by request; belongs to one event loop."""

    def __init__(
        self,
        *,
        keep: float = 0.0,
        grace: float = 0.0,
        weigh: Callable[[Part], float] = lambda result: 1.0,
        maximum: float = 256.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Args:
            keep: seconds that a result is remembered; 0 remembers none.
            grace: seconds that a computation continues after its last reader has left, where that reader may retry.
            weigh: what a result counts.
            most: what all remembered results may count together.
            clock: seconds of any steady clock.
        """
        self._grace = grace
        self._running: dict[Hashable, Computation[Part]] = {}
        self._memory: TTLCache[Part] = TTLCache(keep=keep, weigh=weigh, maximum=maximum, clock=clock)

    def recall(self, key: Hashable) -> Part | None:
        """The remembered result for this key, if it is not too old."""
        return self._memory.recall(key)

    @asynccontextmanager
    async def join(
        self, key: Hashable, work: Work[Part], *, priority: Priority = "interactive", retryable: bool = False
    ) -> AsyncGenerator[tuple[Computation[Part], CacheStatus]]:
        """The computation of `work`, or the one of equal key that is under way.

        Leaving the context as the last reader stops the computation and waits for its end; a reader that may retry
        leaves it running for the grace period.

        Args:
            key: equal for requests that must have equal answers.
            work: taken over; run if this request is the first, released in any case.
            priority: of this reader; the computation is as urgent as its most urgent reader.
            retryable: the caller may leave and ask again.
        """
        computation = self._running.get(key)
        status: CacheStatus = "miss" if computation is None else "joined"
        if computation is None:
            computation = self._begin(key, work)
        else:
            work.release()
        computation.readers.append(priority)
        try:
            yield computation, status
        finally:
            computation.readers.remove(priority)
            await self._leave(key, computation, self._grace if retryable else 0.0)

    async def close(self) -> None:
        """Cancels what is under way."""
        tasks = [computation.task for computation in self._running.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, key: Hashable, work: Work[Part]) -> Computation[Part]:
        def end(computation: Computation[Part]) -> None:
            self._forget(key, computation)
            if (result := computation.result) is not None:
                self._memory.remember(key, result)

        computation = self._running[key] = Computation(work, end)
        return computation

    async def _leave(self, key: Hashable, computation: Computation[Part], grace: float) -> None:
        if computation.readers or computation.task.done():
            return
        loop = asyncio.get_running_loop()
        when = loop.time() + grace
        if computation.last_call is not None:
            when = max(when, computation.last_call.when())
            computation.last_call.cancel()
        if when > loop.time():
            computation.last_call = loop.call_at(when, self._abandon, key, computation)
            return
        self._abandon(key, computation)
        await asyncio.wait([computation.task])

    def _abandon(self, key: Hashable, computation: Computation[Part]) -> None:
        """Ends what nobody reads."""
        if not computation.readers and not computation.task.done():
            self._forget(key, computation)
            computation.task.cancel()

    def _forget(self, key: Hashable, computation: Computation[Part]) -> None:
        """Nobody joins it any more."""
        if self._running.get(key) is computation:
            del self._running[key]
