"""How much one voice still has to say, whether it takes on more, and whose sentence is spoken next."""

import asyncio
import contextlib
import heapq
import time
from asyncio import Future
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from speechd.errors import Overloaded
from speechd.priority import Priority, goes_before

UNKNOWN_WAIT = 10.0
"""`retry-after` in seconds of a refusal before the speed is measured."""
WEIGHT = 0.2
"""Of the newest measurement of the speed."""
BACKGROUND_WAIT = 150.0
"""Seconds by which a background sentence is taken to have come later than it did: it passes a caller's only after them,
as in speechd.asr.batcher."""

T = TypeVar("T")


@dataclass(eq=False, slots=True)
class Reservation:
    """One text's place in the admission."""

    remaining: float
    """Characters that are not spoken yet."""
    priority: Priority = "interactive"
    step: "Future[Any] | None" = None
    """The sentence that is waiting or being spoken. One that is done waits for the client, not for the voice."""

    @property
    def waiting(self) -> float:
        """Characters that wait for the voice."""
        return self.remaining if self.step is None or not self.step.done() else 0.0


class AdmissionQueue:
    """The texts that wait for one voice."""

    def __init__(self, maximum: float = float("inf"), clock: Callable[[], float] = time.monotonic) -> None:
        """
        Args:
            most: characters that may wait.
            clock: seconds of any steady clock.
        """
        self._maximum = maximum
        self._clock = clock
        self._reservations: set[Reservation] = set()
        self._speed = 0.0
        """Characters that the voice speaks in a second, for all texts together, smoothed; 0 while unknown."""
        self._since = 0.0

    @property
    def waiting(self) -> float:
        """Characters that wait for the voice."""
        return sum(reserve.waiting for reserve in self._reservations)

    @contextlib.contextmanager
    def reserve(self, characters: int, priority: Priority = "interactive") -> Iterator[Reservation]:
        """A place for a text, until it is spoken or given up.

        Raises:
            Overloaded: more waits than the bound allows; with the time after which there should be room. Background
                texts do not count against a caller's.
        """
        ahead = sum(reserve.waiting for reserve in self._reservations if not goes_before(priority, reserve.priority))
        excess = ahead + characters - self._maximum
        if ahead and excess > 0:
            wait = excess / self._speed if self._speed else UNKNOWN_WAIT
            raise Overloaded(
                f"The voice has {ahead:.0f} characters waiting. Please try again in {wait:.0f}s.",
                retry_after=wait,
            )
        if not self._reservations:
            self._since = self._clock()
        reserve = Reservation(characters, priority)
        self._reservations.add(reserve)
        try:
            yield reserve
        finally:
            self._reservations.discard(reserve)

    def spoken(self, reserve: Reservation, characters: int) -> None:
        """Some of a text has been spoken."""
        reserve.remaining = max(0.0, reserve.remaining - characters)
        now = self._clock()
        if now > self._since:
            speed = characters / (now - self._since)
            self._speed = speed if not self._speed else (1 - WEIGHT) * self._speed + WEIGHT * speed
        self._since = now


@dataclass(order=True, slots=True)
class _Sentence:
    """One sentence that waits for a thread; the smallest is next."""

    due: float
    sequence: int
    turn: "Future[None]" = field(compare=False)


class SentenceThreads:
    """The threads of one voice: callers' sentences first, those of all texts in turn; belongs to one event loop."""

    def __init__(self, threads: int, clock: Callable[[], float] = time.monotonic) -> None:
        """
        Args:
            threads: sentences spoken at once.
            clock: seconds of any steady clock.
        """
        self._free = threads
        self._clock = clock
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="speech")
        self._waiting: list[_Sentence] = []
        self._sequence = 0

    async def run(self, step: Callable[[], T], priority: Priority) -> T:
        """What `step` returns, called on a thread when its turn comes.

        Cancelling takes it out of the queue; once it runs, cancelling waits for its end, as a thread cannot be
        interrupted.
        """
        await self._turn(priority)
        work = asyncio.get_running_loop().run_in_executor(self._threads, step)
        try:
            return await asyncio.shield(work)
        finally:
            if not work.done():
                await asyncio.wait([work])
            if not work.cancelled():
                work.exception()
            self._give_back()

    def close(self) -> None:
        """Waits for the sentences that are being spoken; no call may follow."""
        self._threads.shutdown()

    async def _turn(self, priority: Priority) -> None:
        handicap = BACKGROUND_WAIT if priority == "background" else 0.0
        self._sequence += 1
        turn = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, _Sentence(self._clock() + handicap, self._sequence, turn))
        self._start_next()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # its turn had come at the same moment
                self._give_back()
            raise

    def _give_back(self) -> None:
        self._free += 1
        self._start_next()

    def _start_next(self) -> None:
        while self._free and self._waiting:
            turn = heapq.heappop(self._waiting).turn
            if not turn.done():  # else it was cancelled
                self._free -= 1
                turn.set_result(None)
