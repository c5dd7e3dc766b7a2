"""Decides which windows are decoded next and together, and runs the engine on its threads.

`Scheduler` decides: it has plain data and numbers, no clock, no thread, no model. `Batcher` runs one engine from a
schedule, on a thread for each of its replicas. An idle engine starts at once on whatever is there. Batches form only
from windows that arrive while the engine is busy, so batching adds no waiting time.
"""

import asyncio
import contextlib
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Generic, TypeVar

from speechd.asr.engine import AsrEngine, Decoded, Interruptible, Job
from speechd.errors import EngineFailure, OutOfMemory
from speechd.fairness.queue_limits import UNLIMITED, QueueLimits, QueueState, ahead_in_turn
from speechd.fairness.round_robin import RoundRobin
from speechd.priority import PrioritySource, goes_before, interactive
from speechd.types import Timings

AGING = 4.0
"""Seconds of remaining audio that one second of waiting outweighs: a file with an hour more to go than its rivals waits
at most 15 minutes for its next window, however many short clips keep coming."""

BACKGROUND_HANDICAP = 600.0
"""Seconds of remaining audio by which background work is taken for longer than it is."""
BACKGROUND_WAIT = BACKGROUND_HANDICAP / AGING
"""Seconds in the queue after which background work can pass a caller's: 150."""

WINDOW_SECONDS = 30.0
"""Of the audio that is decoded at one turn, at most."""
WINDOWS_IN_FLIGHT = 16
"""Windows of one recording that are in memory at once: enough for two batches, and a limit for any length."""

T = TypeVar("T")


@dataclass(eq=False, slots=True)
class QueuedRecording:
    """One recording's place in the queue."""

    remaining: float
    """Seconds of its audio that are not decoded yet, as far as is known."""
    priority: PrioritySource = interactive
    """Of its work at this moment."""
    caller: str = ""
    """Id of the key that it is for. Keys are served in turn."""
    since: float = 0.0
    """When it was admitted, or its last window decoded."""

    def goes_first(self, seconds: float, now: float) -> float:
        """Seconds of it at most that go before a new recording of the same key, which has `seconds` to decode."""
        if self.remaining <= seconds:
            return self.remaining
        aged = self.remaining - AGING * (now - self.since) <= seconds
        return WINDOWS_IN_FLIGHT * WINDOW_SECONDS if aged else 0.0


@dataclass(eq=False, slots=True)
class QueuedJob(Generic[T]):
    """One item that waits for the engine."""

    item: T
    queued: QueuedRecording
    group: object
    """Items of equal group can share a batch."""
    since: float
    """When it began to wait, in seconds of any steady clock."""
    sequence: int = 0

    def yields(self, now: float) -> bool:
        """Whether it lets callers' work pass."""
        return self.queued.priority() == "background" and now - self.since < BACKGROUND_WAIT

    def urgency(self, now: float) -> tuple[float, int]:
        """Sorts first what has least left to do, corrected by how long it has waited."""
        handicap = BACKGROUND_HANDICAP if self.queued.priority() == "background" else 0.0
        return self.queued.remaining + handicap - AGING * (now - self.since), self.sequence


@dataclass(slots=True)
class Scheduler(Generic[T]):
    """The waiting items and their order: callers' work before background work, the keys in turn, and of each key its
    shortest remaining recording first, with aging."""

    waiting: list[QueuedJob[T]] = field(default_factory=list)
    _turns: RoundRobin = field(default_factory=RoundRobin)
    _sequence: int = 0

    def add(self, entry: QueuedJob[T]) -> None:
        self._sequence += 1
        entry.sequence = self._sequence
        self.waiting.append(entry)

    def discard(self, entry: QueuedJob[T]) -> None:
        with contextlib.suppress(ValueError):
            self.waiting.remove(entry)

    def schedule(self, now: float, maximum: int) -> list[QueuedJob[T]]:
        """Removes and returns the entry whose turn it is and up to `maximum` - 1 others of its group, each of them the
        next in turn."""
        ranked = sorted(self.waiting, key=lambda entry: entry.urgency(now))
        urgent = [entry for entry in ranked if not entry.yields(now)]
        caller = self._turns.next(entry.queued.caller for entry in urgent or ranked)
        group = next(entry.group for entry in urgent or ranked if entry.queued.caller == caller)
        batch: list[QueuedJob[T]] = []
        for yields in (False, True):  # background work gets what room callers leave in the batch
            mates = (entry for entry in ranked if entry.group == group and entry.yields(now) == yields)
            batch += islice(self._turns.in_turn(mates, _caller_of), maximum - len(batch))
        for entry in batch:
            self.waiting.remove(entry)
        return batch


@dataclass(eq=False, slots=True)
class _DecodeRequest:
    job: Job
    future: "asyncio.Future[Decoded]"
    waited: float = 0.0
    """Seconds in the queue."""

    @property
    def seconds(self) -> float:
        """Of audio that it may complete."""
        return 0.0 if self.job.detect else self.job.window.duration


@dataclass(eq=False, slots=True)
class _RunningBatch:
    entries: Sequence[QueuedJob[_DecodeRequest]]
    started: float

    def done(self, now: float, speed: float) -> Iterator[tuple[QueuedRecording, float]]:
        """Seconds of each recording that are probably decoded by now.

        Args:
            speed: audio seconds that a replica decodes in a second.
        """
        windows = [(entry.queued, entry.item.seconds) for entry in self.entries]
        audio = sum(seconds for _, seconds in windows)
        part = min(1.0, (now - self.started) * speed / audio) if audio else 0.0
        return ((queued, seconds * part) for queued, seconds in windows)


class Batcher:
    """Runs one engine for many recordings at once. It is called on the event loop."""

    def __init__(
        self,
        engine: AsrEngine,
        *,
        limits: QueueLimits = UNLIMITED,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self.doubts: Counter[str] = Counter()
        """Windows that were decoded again with the full context, by what spoke against the short one's text."""
        self._clock = clock
        self._limits = limits
        self._scheduler: Scheduler[_DecodeRequest] = Scheduler()
        self._threads = ThreadPoolExecutor(engine.replicas, thread_name_prefix="asr")
        self._queued: set[QueuedRecording] = set()
        self._runners: list[asyncio.Task[None]] = []
        self._running: set[_RunningBatch] = set()
        self._batch_size = engine.batch_size
        """Halved for good when the device runs out of memory."""
        self._speed = 0.0
        """Audio seconds that a busy replica decodes in a second, smoothed; 0 while unknown."""
        self._spent = 0.0
        """Seconds of busy replicas since the speed was measured: batches that only detect languages take time, too."""

    @property
    def queued_seconds(self) -> float:
        """Seconds of admitted audio that are not decoded yet."""
        return sum(queued.remaining for queued in self._queued)

    @contextlib.contextmanager
    def reserve(
        self, seconds: float, priority: PrioritySource = interactive, caller: str = ""
    ) -> Iterator[QueuedRecording]:
        """A place in the queue for a recording of about `seconds`, until the recording is finished or given up.

        Args:
            caller: id of the key that it is for.

        Raises:
            Overloaded: it would wait longer, or more audio would wait, than the limits allow; with the time after
                which there should be room. Background work does not count against a caller.
        """
        queued = self._admit(seconds, priority, caller)
        try:
            yield queued
        finally:
            self._queued.discard(queued)

    def _admit(self, seconds: float, priority: PrioritySource, caller: str) -> QueuedRecording:
        mine = priority()
        rivals = [queued for queued in self._queued if not goes_before(mine, queued.priority())]
        state = self._state(rivals, seconds, caller)
        self._limits.check(state, caller, seconds, waits=mine == "interactive")
        queued = QueuedRecording(seconds, priority, caller, self._clock())
        self._queued.add(queued)
        return queued

    def _state(self, rivals: Sequence[QueuedRecording], seconds: float, caller: str) -> QueueState:
        """The queue as a new recording of `seconds` finds it. What is being decoded counts less with each moment, so
        that a wait is shorter by a second after each second."""
        now, held, longest, own = self._clock(), dict[str, float](), dict[str, float](), 0.0
        done = defaultdict[QueuedRecording, float](float)
        for batch in self._running:
            for queued, amount in batch.done(now, self._speed):
                done[queued] += amount
        for queued in rivals:
            left = max(0.0, queued.remaining - done[queued])
            held[queued.caller] = held.get(queued.caller, 0.0) + left
            longest[queued.caller] = max(longest.get(queued.caller, 0.0), left)
            own += min(left, queued.goes_first(seconds, now)) if queued.caller == caller else 0.0
        others = [(held[other], min(longest[other], WINDOW_SECONDS)) for other in held if other != caller]
        return QueueState(held, ahead_in_turn(own, others), self._speed * self._engine.replicas)

    async def decode(self, job: Job, queued: QueuedRecording) -> Decoded:
        """Decodes one window when the schedule selects it. Cancelling removes it from the queue.

        Where the text of a short context looks wrong, the window is queued again with the full context.

        Raises:
            EngineFailure: the engine failed on this window.
        """
        found = await self._decode_once(job, queued)
        if not found.doubt:
            return found
        self.doubts[found.doubt] += 1
        again = await self._decode_once(replace(job, full_context=True, encoded=None), queued)
        return replace(again, timings=found.timings + again.timings)

    async def _decode_once(self, job: Job, queued: QueuedRecording) -> Decoded:
        future = asyncio.get_running_loop().create_future()
        entry = QueuedJob(_DecodeRequest(job, future), queued, await self._group(job), self._clock())
        self._scheduler.add(entry)
        self._runners = [runner for runner in self._runners if not runner.done()]
        if len(self._runners) < self._engine.replicas:
            self._runners.append(asyncio.create_task(self._run(), name="asr-batcher"))
        try:
            decoded: Decoded = await future
            queued.remaining = max(0.0, queued.remaining - _heard(job, decoded))
            queued.since = self._clock()
            return replace(decoded, timings=decoded.timings + Timings(queue=entry.item.waited))
        finally:
            self._scheduler.discard(entry)

    async def close(self) -> None:
        """Waits for the running batch, or breaks it off where the engine can, fails all waiting windows, and frees the
        engine's memory."""
        for entry in self._scheduler.waiting:
            if not entry.item.future.done():
                entry.item.future.set_exception(EngineFailure("The server is shutting down."))
        self._scheduler.waiting.clear()
        if isinstance(self._engine, Interruptible):  # nobody waits for its windows any more
            self._engine.interrupt()
        await asyncio.gather(*self._runners, return_exceptions=True)
        await asyncio.get_running_loop().run_in_executor(self._threads, self._engine.close)
        self._threads.shutdown()

    async def _group(self, job: Job) -> Hashable:
        """Off the event loop where a caller's text is to be tokenised for it."""
        if job.options.prompt or job.options.hotwords:
            return await asyncio.to_thread(self._engine.group, job)
        return self._engine.group(job)

    async def _run(self) -> None:
        while self._scheduler.waiting:
            started = self._clock()
            batch = self._scheduler.schedule(started, self._batch_size)
            busy = len(batch) == self._batch_size or bool(self._scheduler.waiting)
            for entry in batch:
                entry.item.waited = started - entry.since
            heard = await self._decode_running(_RunningBatch(batch, started))
            if busy:  # what few windows take says nothing of many
                self._measure(heard, self._clock() - started)

    async def _decode_running(self, running: _RunningBatch) -> float:
        """The same as _decode_batch. Meanwhile new recordings can see how far it is."""
        self._running.add(running)
        try:
            return await self._decode_batch([entry.item for entry in running.entries])
        finally:
            self._running.discard(running)

    async def _decode_batch(self, requests: Sequence[_DecodeRequest]) -> float:
        """Decodes one batch. If it fails, decodes smaller batches, so that only the faulty window fails.

        Returns:
            Seconds of audio that are decoded.
        """
        try:
            results = await self._on_thread([request.job for request in requests])
        except Exception as error:  # noqa: BLE001 - handed to whoever waits for it
            if len(requests) == 1:
                _settle(requests[0].future, error)
                return 0.0
            half = (len(requests) + 1) // 2 if isinstance(error, OutOfMemory) else 1
            if isinstance(error, OutOfMemory):
                self._batch_size = min(self._batch_size, half)
            parts = [requests[start : start + half] for start in range(0, len(requests), half)]
            return sum([await self._decode_batch(part) for part in parts])
        for request, result in zip(requests, results, strict=True):
            _settle(request.future, result)
        return sum(_heard(request.job, result) for request, result in zip(requests, results, strict=True))

    async def _on_thread(self, jobs: Sequence[Job]) -> list[Decoded]:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._engine.decode, jobs)

    def _measure(self, audio: float, took: float) -> None:
        self._spent += took
        if audio > 0 and self._spent > 0:
            speed = audio / self._spent
            self._speed = speed if not self._speed else 0.8 * self._speed + 0.2 * speed
            self._spent = 0.0


def _heard(job: Job, decoded: Decoded) -> float:
    """Seconds of audio that this result completes. The rest of the window is queued again."""
    return min(decoded.heard, job.window.duration)


def _caller_of(entry: QueuedJob[T]) -> str:
    return entry.queued.caller


def _settle(future: "asyncio.Future[Decoded]", outcome: Decoded | Exception) -> None:
    if future.done():  # cancelled meanwhile
        return
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
