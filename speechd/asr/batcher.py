"""Runs one engine for many recordings, on a thread for each of its replicas, as its Scheduler decides.

An idle engine starts at once on whatever is there. Batches form only
from windows that arrive while the engine is busy, so batching adds no waiting time.
"""

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from speechd.asr.engine import AsrEngine, Decoded, Interruptible, Job
from speechd.asr.scheduling.recording_queue import RecordingQueue
from speechd.asr.scheduling.scheduler import QueuedJob, QueuedRecording, Scheduler
from speechd.errors import EngineFailure, OutOfMemory
from speechd.fairness.queue_limits import UNLIMITED, QueueLimits
from speechd.priority import PrioritySource, interactive
from speechd.telemetry.tracing import add_span, span
from speechd.types import Timings


@dataclass(eq=False, slots=True)
class _DecodeRequest:
    job: Job
    future: "asyncio.Future[Decoded]"
    waited: float = 0.0
    """Seconds in the queue."""
    mates: int = 1
    """Windows in its batch."""

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
        watch: Callable[[int], contextlib.AbstractContextManager[None]] = lambda _: contextlib.nullcontext(),
        on_doubt: Callable[[str], None] = lambda _: None,
    ) -> None:
        """
        Args:
            watch: is open, with the number of windows, while the engine decodes a batch.
            on_doubt: told of each window that is decoded again with more context, what spoke against its text.
        """
        self._engine = engine
        self._watch = watch
        self._on_doubt = on_doubt
        self._clock = clock
        self._recordings = RecordingQueue(limits, clock)
        self._scheduler: Scheduler[_DecodeRequest] = Scheduler()
        self._threads = ThreadPoolExecutor(engine.replicas, thread_name_prefix="asr")
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
        return self._recordings.seconds

    @property
    def waiting_windows(self) -> int:
        """Windows in the queue."""
        return len(self._scheduler.waiting)

    @property
    def running_windows(self) -> int:
        """Windows that the engine decodes now."""
        return sum(len(batch.entries) for batch in self._running)

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
        queued = self._recordings.admit(seconds, priority, caller, self._probably_done())
        try:
            yield queued
        finally:
            self._recordings.discard(queued)

    def _probably_done(self) -> dict[QueuedRecording, float]:
        """Seconds of each recording that running batches have probably decoded by now. What is being decoded counts
        less with each moment, so that a wait is shorter by a second after each second."""
        done = defaultdict[QueuedRecording, float](float)
        for batch in self._running:
            for queued, amount in batch.done(self._clock(), self._speed):
                done[queued] += amount
        return done

    async def decode(self, job: Job, queued: QueuedRecording) -> Decoded:
        """Decodes one window when the schedule selects it. Cancelling removes it from the queue.

        Where the text of a short context looks wrong, the window is queued again with more context.

        Raises:
            EngineFailure: the engine failed on this window.
            Overloaded: the recording was admitted while the speed was not known, and would wait too long.
        """
        found = await self._decode_once(job, queued)
        while found.doubt:
            self._on_doubt(found.doubt)
            job, before = job.widened(found.doubt), found.timings
            found = await self._decode_once(job, queued)
            found = replace(found, timings=before + found.timings)
        return found

    async def _decode_once(self, job: Job, queued: QueuedRecording) -> Decoded:
        with span("window", speechd__start=job.window.start, speechd__seconds=job.window.duration) as opened:
            if job.detect:
                opened["speechd.detect"] = True
            return await self._queue_and_decode(job, queued)

    async def _queue_and_decode(self, job: Job, queued: QueuedRecording) -> Decoded:
        if queued.refusal is not None:
            raise queued.refusal
        future = asyncio.get_running_loop().create_future()
        entry = QueuedJob(_DecodeRequest(job, future), queued, await self._group(job), self._clock())
        self._scheduler.add(entry)
        self._runners = [runner for runner in self._runners if not runner.done()]
        if len(self._runners) < self._engine.replicas:
            self._runners.append(asyncio.create_task(self._run(), name="asr-batcher"))
        began = time.time()
        try:
            decoded: Decoded = await future
            _trace(entry.item, began, decoded.timings)
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
                entry.item.mates = len(batch)
                entry.queued.begun = entry.queued.begun or not entry.item.job.detect
            heard = await self._decode_running(_RunningBatch(batch, started))
            if busy and self._measure(heard, self._clock() - started):  # what few windows take says nothing of many
                await asyncio.sleep(0)  # what was decoded is counted first
                self._refuse_late()

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
        with self._watch(len(jobs)):
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._engine.decode, jobs)

    def _measure(self, audio: float, took: float) -> bool:
        """Whether the speed is known from now on."""
        self._spent += took
        is_new = False
        if audio > 0 and self._spent > 0:
            speed, is_new = audio / self._spent, not self._speed
            self._speed = speed if is_new else 0.8 * self._speed + 0.2 * speed
            self._spent = 0.0
            self._recordings.speed = self._speed * self._engine.replicas
        return is_new

    def _refuse_late(self) -> None:
        """Tells those who were admitted while the speed was not known, and would wait too long."""
        refused = self._recordings.refuse_late(self._probably_done())
        for entry in [entry for entry in self._scheduler.waiting if entry.queued in refused]:
            self._scheduler.discard(entry)
            if entry.queued.refusal is not None:
                _settle(entry.item.future, entry.queued.refusal)


def _heard(job: Job, decoded: Decoded) -> float:
    """Seconds of audio that this result completes. The rest of the window is queued again."""
    return min(decoded.heard, job.window.duration)


def _trace(request: _DecodeRequest, began: float, timings: Timings) -> None:
    """Its wait and its batch, as parts of the request's trace.

    Args:
        began: when it entered the queue, in Unix seconds.
        timings: its share of the batch.
    """
    started = began + request.waited
    add_span("queue", began, started)
    shares = {
        f"speechd__{name}_ms": round(getattr(timings, name) * 1000, 3) for name in ("encode", "generate", "align")
    }
    add_span("batch", started, time.time(), speechd__windows=request.mates, **shares)


def _settle(future: "asyncio.Future[Decoded]", outcome: Decoded | Exception) -> None:
    if future.done():  # cancelled meanwhile
        return
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
