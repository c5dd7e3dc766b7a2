"""The worker: claims lines of the queue, runs them, maintains the batches, and retries when the storage fails.

It runs inside `speechd serve` or as a process of its own. Any number of them share one database.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from speechd.auth.keys import Key
from speechd.auth.usage import Meter, Usage
from speechd.errors import InternalError, SpeechdError
from speechd.service import Service
from speechd.store.store import Store, StoreHandle
from speechd.worker.concurrency import ConcurrencyLimiter

if TYPE_CHECKING:
    from speechd.store.batch_maintenance import MaintenanceTask
    from speechd.store.queue import Outcome, QueuedTask, Stop
    from speechd.worker.task_runner import Retry, TaskResult
    from speechd.worker.worker_locks import WorkerLock

HEARTBEAT_SECONDS = 4.0
"""Seconds between two heartbeats. A lease allows four missing ones."""
LOOK_SECONDS = 1.0
"""Seconds between two polls of an empty queue."""
TIDY_SECONDS = 600.0
"""Seconds between two cleanups."""
PAUSE_SECONDS = 3.0
"""Seconds between two attempts when the storage fails."""
LEAVING_SECONDS = 5.0
"""Seconds at most for releasing the claimed lines."""
SHORT_SECONDS = 1.0
"""Seconds. Lines that take less on average are claimed in advance, so that the next begins as one ends."""

log = logging.getLogger("speechd.worker")


class RunningTask:
    """A line that is running."""

    def __init__(self, line: "QueuedTask", work: "asyncio.Task[TaskResult | Retry]") -> None:
        self.line = line
        self.work = work
        self.lost = False
        """Another worker holds it."""
        self.stopped: Stop | None = None
        """Its batch was cancelled or has expired."""

    def result(self) -> "TaskResult | Retry | None":
        """How it ended; None: it was interrupted."""
        return None if self.work.cancelled() else self.work.result()

    def close(self) -> None:
        """Frees what its result holds."""
        from speechd.worker.task_runner import TaskResult

        if self.work.done() and isinstance(result := self.result(), TaskResult):
            result.resources.close()


class Worker:
    """One worker. It belongs to one event loop."""

    def __init__(
        self, service: Service, jobs: StoreHandle, usage: Usage, busy: Callable[[], bool] = lambda: False
    ) -> None:
        """
        Args:
            usage: counts audio for the keys of the lines.
            busy: tells whether requests wait in this process. Then the queue has lower priority.
        """
        self._service = service
        self._jobs = jobs
        self._usage = usage
        self._busy = busy
        self._stopping = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Works in the background of the block. Lines that are running at its end go back to the queue."""
        task = asyncio.create_task(self.run(), name="worker")
        try:
            yield
        finally:
            self._stopping.set()  # running transactions finish
            await asyncio.wait([task], timeout=2 * LEAVING_SECONDS)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def run(self) -> None:
        """Works until it is stopped, and starts again after an error."""
        while not self._stopping.is_set():
            try:
                await self._shift()
            except SpeechdError as error:
                report(self._jobs, "database", error)
            except Exception:
                log.exception("the worker failed and starts again")
            await _pause(self._stopping, PAUSE_SECONDS)

    async def _shift(self) -> None:
        store = await self._jobs.open()
        report(self._jobs, "database", None)
        from speechd.worker.worker_locks import WorkerLock

        with WorkerLock(self._jobs.workers_folder) as presence:
            shift = WorkerSession(self._service, self._jobs, store, presence, self._usage, self._busy, self._stopping)
            try:
                await shift.work()
            finally:
                await shift.leave()


def report(jobs: StoreHandle, what: str, error: SpeechdError | None) -> None:
    """Logs the beginning and the end of an error that stops a part of the work."""
    known = jobs.faults.get(what)
    if error is not None:
        if known is None or known.error_code != error.error_code:
            log.error("work on batches (%s) waits: %s", what, error.message)
        jobs.faults[what] = error
    elif known is not None:
        log.info("work on batches (%s) continues", what)
        del jobs.faults[what]


class WorkerSession:
    """One session of a worker on an open store."""

    def __init__(
        self,
        service: Service,
        jobs: StoreHandle,
        store: Store,
        presence: "WorkerLock",
        usage: Usage,
        busy: Callable[[], bool],
        stopping: asyncio.Event,
    ) -> None:
        from speechd.worker.audio_task_runner import AudioRunner
        from speechd.worker.webhook_sender import WebhookSender

        self._jobs = jobs
        self._store = store
        self._presence = presence
        self._usage = usage
        self._busy = busy
        self._stopping = stopping
        self._concurrency = service.settings.worker_concurrency
        self._turns = ConcurrencyLimiter(lambda: 1 if busy() else self._concurrency)
        self._queue, self._chores = store.desk(presence.name)
        self._runner = AudioRunner(service, store)
        self._courier = WebhookSender(store, presence.name, service.settings.fetch_allow_hosts)
        self._held: dict[str, RunningTask] = {}
        self._ended = asyncio.Event()
        """Whether a line has ended and is not recorded yet."""
        self._chore: MaintenanceTask | None = None

    async def work(self) -> None:
        """Works until it is stopped or fails."""
        await self._release_dead()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._wake_to_stop())
            group.create_task(self._repeat("queue", self._take))
            group.create_task(self._repeat("lines", self._record_finished))
            group.create_task(self._repeat("batches", self._maintain_batches))
            group.create_task(self._repeat("heartbeat", self._heartbeat, HEARTBEAT_SECONDS))
            group.create_task(self._repeat("tidying", self._cleanup, TIDY_SECONDS))
            group.create_task(self._repeat("webhooks", self._courier.deliver_due, LOOK_SECONDS))

    async def leave(self) -> None:
        """Releases the running lines, so that other workers can claim them at once."""
        for held in self._held.values():
            held.work.cancel()
        if self._held:
            await asyncio.wait([held.work for held in self._held.values()], timeout=LEAVING_SECONDS)
            with suppress(SpeechdError):  # else its lease expires
                await self._record()

    async def _repeat(self, name: str, action: Callable[[], Coroutine[Any, Any, None]], pause: float = 0) -> None:
        while not self._stopping.is_set():
            try:
                await action()
            except SpeechdError as error:
                report(self._jobs, name, error)
                await _pause(self._stopping, PAUSE_SECONDS)
            else:
                report(self._jobs, name, None)
                await _pause(self._stopping, pause)

    async def _wake_to_stop(self) -> None:
        await self._stopping.wait()
        self._jobs.announce()
        self._ended.set()

    async def _take(self) -> None:
        """Claims as many lines as can run, or waits a little."""
        room = self._room()
        claimed = await self._queue.claim(room) if room > 0 else []
        for line in claimed:
            work = asyncio.create_task(self._in_turn(line), name=line.id)
            work.add_done_callback(lambda _: self._ended.set())
            self._held[line.id] = RunningTask(line, work)
        if not claimed:
            await _happened(self._jobs.tasks_available)

    def _room(self) -> int:
        """How many lines may be claimed. Ended lines that are not recorded count only when there are many."""
        if self._busy():
            return 1 - len(self._held)
        at_once = self._concurrency
        ahead = at_once if self._turns.usual_seconds < SHORT_SECONDS else 0
        going = sum(not held.work.done() for held in self._held.values())
        return min(at_once + ahead - going, at_once + 3 * ahead - len(self._held))

    async def _in_turn(self, line: "QueuedTask") -> "TaskResult | Retry":
        async with self._turns.one():
            return await self._runner.run(line)

    async def _record_finished(self) -> None:
        """Records all ended lines in one transaction, and retries until it succeeds."""
        await self._ended.wait()
        self._ended.clear()
        try:
            await self._record()
        except SpeechdError:
            self._ended.set()
            raise

    async def _record(self) -> None:
        from speechd.store.queue import never_ran
        from speechd.worker.task_runner import Retry, TaskResult

        over = {held: held.result() for held in self._held.values() if held.work.done() and not held.lost}
        ended: list[tuple[RunningTask, Outcome]] = []
        with_files: list[tuple[RunningTask, TaskResult]] = []
        for held, result in over.items():
            if isinstance(result, TaskResult) and result.draft is not None:
                with_files.append((held, result))
            elif isinstance(result, TaskResult):
                ended.append((held, result.outcome))
            elif result is None and held.stopped is not None:
                ended.append((held, never_ran(held.stopped)))
            else:
                delay = result.delay if isinstance(result, Retry) else 0
                await self._queue.put_back(held.line, delay, failed=result is not None)
                self._let_go(held)
        if ended:
            await self._queue.finish_all([(held.line, outcome) for held, outcome in ended])
            self._charge(held for held, _ in ended)
        for held in {*(held for held, _ in ended), *(held for held in self._held.values() if held.lost)}:
            self._let_go(held)
        for held, done in with_files:  # last, because these wait when the disk is full
            if await self._queue.finish(held.line, partial(done.enter, files=self._store.files, line=held.line)):
                self._charge([held])
            self._let_go(held)

    def _charge(self, held: Iterable[RunningTask]) -> None:
        """Charges audio to the limits of the keys. An error of the counters does not undo the work."""
        for each in held:
            result = each.result()
            if result is not None and result.audio_seconds and each.line.owner:
                with suppress(SpeechdError):
                    Meter(Key(each.line.owner, ""), self._usage, audio=True).charge_audio(result.audio_seconds)

    def _let_go(self, held: RunningTask) -> None:
        del self._held[held.line.id]
        held.close()
        self._jobs.tasks_available.set()
        if not self._held:
            self._jobs.batches_due.set()  # this may be a batch's last line

    async def _maintain_batches(self) -> None:
        """Validates or finalizes one batch, or waits a little."""
        self._chore = chore = await self._chores.claim()
        if chore is None:
            await _happened(self._jobs.batches_due)
            return
        try:
            await self._chores.do(chore)
        except SpeechdError as error:
            await self._chores.postpone(chore, error)
            raise
        except Exception:
            log.exception("%s cannot be validated or finalized", chore.id)
            await self._chores.postpone(chore, InternalError("Something went wrong inside the server."))
        finally:
            self._chore = None
        self._jobs.tasks_available.set()  # the batch may have lines now

    async def _heartbeat(self) -> None:
        """The heartbeat: extends own leases, and releases the lines of dead workers."""
        if self._held:
            held = await self._queue.renew(set(self._held))
            for id in held.lost & set(self._held):
                self._held[id].lost = True
                self._held[id].work.cancel()
            for id, why in held.stopped.items():
                if id in self._held:
                    self._held[id].stopped = why
                    self._held[id].work.cancel()
        if self._chore is not None:
            await self._chores.renew(self._chore)
        await self._release_dead()
        await self._chores.end_overdue()
        await self._store.audio.tend()

    async def _release_dead(self) -> None:
        dead = await asyncio.to_thread(self._presence.dead)
        taken_back = await self._queue.release(dead)
        if dead:
            await self._chores.release(dead)
            await self._store.deliveries.release(dead)
            log.info("%d lines of %d dead workers returned to the queue", taken_back, len(dead))
        for name in dead:
            self._presence.remove_lock(name)

    async def _cleanup(self) -> None:
        """Removes what has expired, and files of dead processes."""
        while await self._store.files.forget_expired():
            pass
        await self._chores.forget_ended()
        await self._store.audio.forget_ended(self._store.retention)
        async with self._store.database.writing() as connection:
            await self._store.files.blobs.sweep(connection)


async def _pause(stopping: asyncio.Event, seconds: float) -> None:
    """Sleeps until the time is over or the worker stops."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stopping.wait()


async def _happened(event: asyncio.Event) -> None:
    """Waits for the event or the timeout: other processes do not set the event."""
    with suppress(TimeoutError):
        async with asyncio.timeout(LOOK_SECONDS):
            await event.wait()
    event.clear()
