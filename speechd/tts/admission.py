"""How much one voice still has to say, whether it takes on more, and whose sentence is spoken next."""

import asyncio
import contextlib
import contextvars
import time
from asyncio import Future
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from speechd.fairness.queue_limits import UNLIMITED, OtherKey, QueueLimits, QueueState
from speechd.fairness.round_robin import RoundRobin
from speechd.priority import Priority, goes_before

WEIGHT = 0.2
"""Of the newest measurement of the speed."""
BACKGROUND_WAIT = 150.0
"""Seconds by which a background sentence is taken to have come later than it did: it passes a caller's only after them,
as in speechd.asr.scheduling.scheduler."""

T = TypeVar("T")


@dataclass(eq=False, slots=True)
class Reservation:
    """One text's place in the admission."""

    remaining: float
    """Characters that are not spoken yet."""
    priority: Priority = "interactive"
    caller: str = ""
    """Id of the key that it is for."""
    step: "Future[Any] | None" = None
    """The sentence that is waiting or being spoken. One that is done waits for the client, not for the voice."""

    @property
    def waiting(self) -> float:
        """Characters that wait for the voice."""
        return self.remaining if self.step is None or not self.step.done() else 0.0


class AdmissionQueue:
    """The texts that wait for one voice."""

    def __init__(self, limits: QueueLimits = UNLIMITED, clock: Callable[[], float] = time.monotonic) -> None:
        """
        Args:
            limits: of what may wait, in characters.
            clock: seconds of any steady clock.
        """
        self._limits = limits
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
    def reserve(self, characters: int, priority: Priority = "interactive", caller: str = "") -> Iterator[Reservation]:
        """A place for a text, until it is spoken or given up.

        Args:
            caller: id of the key that it is for.

        Raises:
            Overloaded: it would wait longer, or more would wait, than the limits allow; with the time after which
                there should be room. Background texts do not count against a caller's.
        """
        rivals = [other for other in self._reservations if not goes_before(priority, other.priority)]
        state = self._state(rivals, characters, caller)
        self._limits.check(state, caller, characters, waits=priority == "interactive")
        if not self._reservations:
            self._since = self._clock()
        reserve = Reservation(characters, priority, caller)
        self._reservations.add(reserve)
        try:
            yield reserve
        finally:
            self._reservations.discard(reserve)

    def _state(self, rivals: Sequence[Reservation], characters: int, caller: str) -> QueueState:
        """The voice as a new text finds it. Sentences are spoken in turn, so until its last sentence each other text
        has at most as many characters as it has itself."""
        held = dict[str, float]()
        for reserve in rivals:
            held[reserve.caller] = held.get(reserve.caller, 0.0) + reserve.waiting
        own = sum(min(reserve.waiting, characters) for reserve in rivals if reserve.caller == caller)
        others = [OtherKey(amount, characters) for other, amount in held.items() if other != caller]
        return QueueState(held, own, others, self._speed)

    def spoken(self, reserve: Reservation, characters: int) -> None:
        """Some of a text has been spoken."""
        reserve.remaining = max(0.0, reserve.remaining - characters)
        now = self._clock()
        if now > self._since:
            speed = characters / (now - self._since)
            self._speed = speed if not self._speed else (1 - WEIGHT) * self._speed + WEIGHT * speed
        self._since = now


@dataclass(frozen=True, slots=True, eq=False)
class _Sentence:
    """One sentence that waits for a thread."""

    due: float
    """When it has its place in the order. Background sentences let callers' pass until then."""
    caller: str
    turn: "Future[None]"


class SentenceThreads:
    """The threads of one voice: callers' sentences first, those of all keys in turn, and those of each key's texts in
    turn; belongs to one event loop."""

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
        self._turns = RoundRobin()

    async def run(self, step: Callable[[], T], priority: Priority, caller: str = "") -> T:
        """What `step` returns, called on a thread when its turn comes.

        Cancelling takes it out of the queue; once it runs, cancelling waits for its end, as a thread cannot be
        interrupted.
        """
        await self._turn(priority, caller)
        inside = partial(contextvars.copy_context().run, step)
        work = asyncio.get_running_loop().run_in_executor(self._threads, inside)
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

    async def _turn(self, priority: Priority, caller: str) -> None:
        handicap = BACKGROUND_WAIT if priority == "background" else 0.0
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(_Sentence(self._clock() + handicap, caller, turn))
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
        self._waiting = [sentence for sentence in self._waiting if not sentence.turn.done()]  # some were cancelled
        while self._free and self._waiting:
            sentence = self._next()
            self._waiting.remove(sentence)
            self._free -= 1
            sentence.turn.set_result(None)

    def _next(self) -> _Sentence:
        now = self._clock()
        ready = [sentence for sentence in self._waiting if sentence.due <= now] or self._waiting
        caller = self._turns.next(sentence.caller for sentence in ready)
        self._turns.serve(caller)
        return min((each for each in ready if each.caller == caller), key=lambda each: each.due)
