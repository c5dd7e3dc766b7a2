"""Decides which windows are decoded next and together, and runs the engine on its threads.

`Scheduler` decides: it has plain data and numbers, no clock, no thread, no model. `Batcher` runs one engine from a
schedule, on a thread for each of its replicas. An idle engine starts at once on whatever is there. Batches form only
from windows that arrive while the engine is busy, so batching adds no waiting time.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

from speechd.asr.engine import AsrEngine, Decoded, Interruptible, Job
from speechd.errors import EngineFailure, OutOfMemory, Overloaded
from speechd.priority import PrioritySource, goes_before, interactive
from speechd.types import Timings

AGING = 4.0
"""Seconds of remaining audio that one second of waiting outweighs: a file with an hour more to go than its rivals waits
at most 15 minutes for its next window, however many short clips keep coming."""

BACKGROUND_HANDICAP = 600.0
"""Seconds of remaining audio by which background work is taken for longer than it is: it passes a caller's only after
150 seconds in the queue."""

T = TypeVar("T")


@dataclass(eq=False, slots=True)
class QueuedRecording:
    """One recording's place in the queue."""

    remaining: float
    """Seconds of its audio that are not decoded yet, as far as is known."""
    priority: PrioritySource = interactive
    """Of its work at this moment."""


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

    def urgency(self, now: float) -> tuple[float, int]:
        """Sorts first what has least left to do, corrected by how long it has waited."""
        handicap = BACKGROUND_HANDICAP if self.queued.priority() == "background" else 0.0
        return self.queued.remaining + handicap - AGING * (now - self.since), self.sequence


@dataclass(slots=True)
class Scheduler(Generic[T]):
    """The waiting items and their order: shortest remaining recording first, with aging."""

    waiting: list[QueuedJob[T]] = field(default_factory=list)
    _sequence: int = 0

    def add(self, entry: QueuedJob[T]) -> None:
        self._sequence += 1
        entry.sequence = self._sequence
        self.waiting.append(entry)

    def discard(self, entry: QueuedJob[T]) -> None:
        with contextlib.suppress(ValueError):
            self.waiting.remove(entry)

    def schedule(self, now: float, most: int) -> list[QueuedJob[T]]:
        """Removes and returns the most urgent entry and up to `most` - 1 others of its group, in order of urgency."""
        ranked = sorted(self.waiting, key=lambda entry: entry.urgency(now))
        batch = [entry for entry in ranked if entry.group == ranked[0].group][:most]
        for entry in batch:
            self.waiting.remove(entry)
        return batch


@dataclass(eq=False, slots=True)
class _DecodeRequest:
    job: Job
    future: "asyncio.Future[Decoded]"
    waited: float = 0.0
    """Seconds in the queue."""


class Batcher:
    """Runs one engine for many recordings at once. It is called on the event loop."""

    def __init__(
        self, engine: AsrEngine, *, max_queue_seconds: float = float("inf"), clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._max_queue_seconds = max_queue_seconds
        self._scheduler: Scheduler[_DecodeRequest] = Scheduler()
        self._threads = ThreadPoolExecutor(engine.replicas, thread_name_prefix="asr")
        self._queued: set[QueuedRecording] = set()
        self._runners: list[asyncio.Task[None]] = []
        self._batch_size = engine.batch_size
        """Halved for good when the device runs out of memory."""
        self._speed = 0.0
        """Audio seconds decoded per second of engine time, smoothed; 0 while unknown."""

    @property
    def queued_seconds(self) -> float:
        """Seconds of admitted audio that are not decoded yet."""
        return sum(queued.remaining for queued in self._queued)

    @contextlib.contextmanager
    def reserve(self, seconds: float, priority: PrioritySource = interactive) -> Iterator[QueuedRecording]:
        """A place in the queue for a recording of about `seconds`, until the recording is finished or given up.

        Raises:
            Overloaded: more audio waits than the bound allows; with the time after which there should be room.
                Background work does not count against a caller.
        """
        queued = self._admit(seconds, priority)
        try:
            yield queued
        finally:
            self._queued.discard(queued)

    def _admit(self, seconds: float, priority: PrioritySource) -> QueuedRecording:
        mine = priority()
        ahead = [queued.remaining for queued in self._queued if not goes_before(mine, queued.priority())]
        excess = sum(ahead) + seconds - self._max_queue_seconds
        if ahead and excess > 0:
            wait = excess / self._speed if self._speed else 10.0
            raise Overloaded(
                f"The server has {sum(ahead):.0f} s of audio waiting. Please try again in {wait:.0f}s.",
                retry_after=wait,
            )
        queued = QueuedRecording(seconds, priority)
        self._queued.add(queued)
        return queued

    async def decode(self, job: Job, queued: QueuedRecording) -> Decoded:
        """Decodes one window when the schedule selects it. Cancelling removes it from the queue.

        Raises:
            EngineFailure: the engine failed on this window.
        """
        future = asyncio.get_running_loop().create_future()
        entry = QueuedJob(_DecodeRequest(job, future), queued, await self._group(job), self._clock())
        self._scheduler.add(entry)
        self._runners = [runner for runner in self._runners if not runner.done()]
        if len(self._runners) < self._engine.replicas:
            self._runners.append(asyncio.create_task(self._run(), name="asr-batcher"))
        try:
            decoded: Decoded = await future
            queued.remaining = max(0.0, queued.remaining - _heard(job, decoded))
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
            for entry in batch:
                entry.item.waited = started - entry.since
            heard = await self._decode_batch([entry.item for entry in batch])
            self._measure(heard, self._clock() - started)

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
        if took > 0 and audio > 0:  # a batch that only detected languages does not measure the speed
            speed = audio / took
            self._speed = speed if not self._speed else 0.8 * self._speed + 0.2 * speed


def _heard(job: Job, decoded: Decoded) -> float:
    """Seconds of audio that this result completes. The rest of the window is queued again."""
    return min(decoded.heard, job.window.duration)


def _settle(future: "asyncio.Future[Decoded]", outcome: Decoded | Exception) -> None:
    if future.done():  # cancelled meanwhile
        return
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
