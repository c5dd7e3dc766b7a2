"""One worker's time on an open store: lines are claimed, run, kept alive and recorded, and batches are looked after."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from speechd.auth.usage import UsageCounters
from speechd.errors import InternalError, SpeechdError
from speechd.service import Service
from speechd.store.batch_maintenance import BatchMaintenance, MaintenanceTask
from speechd.store.queue import Making, Outcome, Queue, QueuedTask, Stop, never_ran
from speechd.store.store import Store, StoreHandle
from speechd.telemetry.metrics import LEASES_LOST, TASKS_ENDED
from speechd.worker import faults
from speechd.worker.activity import Activity
from speechd.worker.concurrency import ConcurrencyLimiter
from speechd.worker.faults import LEAVING_SECONDS, pause, report
from speechd.worker.task_runner import Retry, TaskResult, TaskRunner
from speechd.worker.webhook_sender import WebhookSender
from speechd.worker.worker_locks import WorkerLock

HEARTBEAT_SECONDS = 4.0
"""Between two signs of life; a lease bears four that are missed."""
LOOK_SECONDS = 1.0
"""Between two looks at a queue that had nothing to do."""
TIDY_SECONDS = 600.0
"""Between two rounds of removing what is over."""
SHORT_SECONDS = 1.0
"""Lines that take less on average are taken ahead, as many as are worked on, so that the next begins as one ends."""

log = logging.getLogger("speechd.worker")


async def run_session(
    service: Service,
    jobs: StoreHandle,
    store: Store,
    usage: UsageCounters,
    busy: Callable[[], bool],
    stopping: asyncio.Event,
) -> None:
    """Works until it is to stop, or fails unexpectedly. Running lines then return to the queue."""
    with WorkerLock(jobs.workers_folder) as lock:
        session = WorkerSession(service, jobs, store, lock, usage, busy, stopping)
        try:
            await session.work()
        finally:
            await session.leave()


class RunningTask:
    """A line that is being worked on."""

    def __init__(self, line: QueuedTask, work: "asyncio.Task[TaskResult | Retry]") -> None:
        self.line = line
        self.work = work
        self.lost = False
        """Another has it."""
        self.stopped: Stop | None = None
        """Its batch was cancelled, or its window is over."""

    def result(self) -> TaskResult | Retry | None:
        """How it ended; None: it was broken off."""
        return None if self.work.cancelled() else self.work.result()

    def close(self) -> None:
        """Frees what its result holds."""
        if self.work.done() and isinstance(result := self.result(), TaskResult):
            result.resources.close()


class WorkerSession:
    """A worker's time on an open store."""

    def __init__(
        self,
        service: Service,
        jobs: StoreHandle,
        store: Store,
        lock: WorkerLock,
        usage: UsageCounters,
        busy: Callable[[], bool],
        stopping: asyncio.Event,
    ) -> None:
        self._jobs = jobs
        self._store = store
        self._lock = lock
        self._busy = busy
        self._stopping = stopping
        self._concurrency = service.settings.worker_concurrency
        self._limiter = ConcurrencyLimiter(lambda: 1 if busy() else self._concurrency)
        self._queue = Queue(store.database, lock.name)
        self._maintenance = BatchMaintenance(store.database, store.files, self._queue, store.retention)
        self._runner = TaskRunner(service, store, usage)
        self._webhooks = WebhookSender(store, lock.name, service.settings.fetch_allow_hosts)
        self._activity = Activity(store.database)
        self._held: dict[str, RunningTask] = {}
        self._ended = asyncio.Event()
        """Some line has ended that is not recorded yet."""
        self._batch: MaintenanceTask | None = None

    async def work(self) -> None:
        """Until it is to stop, or fails unexpectedly."""
        await self._release_dead()
        with self._activity.watching():
            await self._work()

    async def _work(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._wake_to_stop())
            group.create_task(self._repeat("activity", self._activity.look, HEARTBEAT_SECONDS, rests=False))
            group.create_task(self._repeat("queue", self._take))
            group.create_task(self._repeat("lines", self._record_finished))
            group.create_task(self._repeat("batches", self._maintain_batches))
            group.create_task(self._repeat("heartbeat", self._heartbeat, HEARTBEAT_SECONDS))
            group.create_task(self._repeat("tidying", self._cleanup, TIDY_SECONDS, rests=False))
            group.create_task(self._repeat("webhooks", self._webhooks.deliver_due, LOOK_SECONDS))

    async def leave(self) -> None:
        """Returns running lines to the queue, so that others can take them at once."""
        for held in self._held.values():
            held.work.cancel()
        if self._held:
            await asyncio.wait([held.work for held in self._held.values()], timeout=LEAVING_SECONDS)
            with suppress(SpeechdError):  # then its lease runs out
                await self._record()

    async def _repeat(
        self, name: str, action: Callable[[], Coroutine[Any, Any, None]], every: float = 0, *, rests: bool = True
    ) -> None:
        """
        Args:
            rests: it is left out while the database has no work.
        """
        while not self._stopping.is_set():
            if rests:
                await self._activity.active.wait()
            try:
                await action()
            except SpeechdError as error:
                report(self._jobs, name, error)
                await pause(self._stopping, faults.PAUSE_SECONDS)
            else:
                report(self._jobs, name, None)
                await pause(self._stopping, every)

    async def _wake_to_stop(self) -> None:
        await self._stopping.wait()
        self._activity.wake()
        self._jobs.announce()
        self._ended.set()

    async def _take(self) -> None:
        """Claims as many lines as there is room for, or waits a little."""
        room = self._room()
        claimed = await self._queue.claim(room) if room > 0 else []
        for line in claimed:
            work = asyncio.create_task(self._in_turn(line), name=line.id)
            work.add_done_callback(lambda _: self._ended.set())
            self._held[line.id] = RunningTask(line, work)
        if not claimed:
            await _happened(self._jobs.tasks_available)

    def _room(self) -> int:
        """How many lines may be claimed; those that ended and wait to be recorded take room only when they pile up."""
        if self._busy():
            return 1 - len(self._held)
        at_once = self._concurrency
        ahead = at_once if self._limiter.usual_seconds < SHORT_SECONDS else 0
        going = sum(not held.work.done() for held in self._held.values())
        return min(at_once + ahead - going, at_once + 3 * ahead - len(self._held))

    async def _in_turn(self, line: QueuedTask) -> TaskResult | Retry:
        async with self._limiter.one():
            return await self._runner.run(line)

    async def _record_finished(self) -> None:
        """Records lines that have ended: all that did meanwhile at once, again and again until it succeeds."""
        await self._ended.wait()
        self._ended.clear()
        try:
            await self._record()
        except SpeechdError:
            self._ended.set()
            raise

    async def _record(self) -> None:
        over = {held: held.result() for held in self._held.values() if held.work.done() and not held.lost}
        ended: list[tuple[RunningTask, Outcome]] = []
        with_files: list[tuple[RunningTask, Making]] = []
        for held, result in over.items():
            if isinstance(result, TaskResult) and result.keep is not None:
                with_files.append((held, result.keep))
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
            for held, outcome in ended:
                _count(held, outcome.state)
        for held in {*(held for held, _ in ended), *(held for held in self._held.values() if held.lost)}:
            self._let_go(held)
        for held, keep in with_files:  # last, since these wait where there is no room for files
            await self._queue.finish(held.line, keep)
            _count(held, "completed")
            self._let_go(held)

    def _let_go(self, held: RunningTask) -> None:
        del self._held[held.line.id]
        held.close()
        self._jobs.tasks_available.set()
        if not self._held:
            self._jobs.batches_due.set()  # perhaps that was a batch's last line

    async def _maintain_batches(self) -> None:
        """Looks after one batch, or waits a little."""
        self._batch = batch = await self._maintenance.claim()
        if batch is None:
            await _happened(self._jobs.batches_due)
            return
        try:
            await self._maintenance.do(batch)
        except SpeechdError as error:
            await self._maintenance.postpone(batch, error)
            raise
        except Exception:
            log.exception("%s cannot be looked after", batch.id)
            await self._maintenance.postpone(batch, InternalError("Something went wrong inside the server."))
        finally:
            self._batch = None
        self._jobs.tasks_available.set()  # there may be lines now

    async def _heartbeat(self) -> None:
        """The heartbeat: renews the leases of running lines, and returns the lines of dead workers to the queue."""
        if self._held:
            held = await self._queue.renew(set(self._held))
            for id in held.lost & set(self._held):
                self._held[id].lost = True
                self._held[id].work.cancel()
            for id, why in held.stopped.items():
                if id in self._held:
                    self._held[id].stopped = why
                    self._held[id].work.cancel()
        if self._batch is not None:
            await self._maintenance.renew(self._batch)
        await self._release_dead()
        await self._maintenance.end_overdue()
        await self._store.audio.tend()

    async def _release_dead(self) -> None:
        dead = await asyncio.to_thread(self._lock.dead)
        taken_back = await self._queue.release(dead)
        LEASES_LOST.inc(taken_back)
        if dead:
            await self._maintenance.release(dead)
            await self._store.deliveries.release(dead)
            log.info("%d lines of %d dead workers returned to the queue", taken_back, len(dead))
        for name in dead:
            self._lock.remove_lock(name)

    async def _cleanup(self) -> None:
        """Removes what is over, and what processes that died have left."""
        while await self._store.files.forget_expired() or await self._store.uploads.forget_expired():
            pass
        await self._maintenance.forget_ended()
        await self._store.audio.forget_ended(self._store.retention)
        await self._store.usage.forget_ended()
        async with self._store.database.writing() as connection:
            await self._store.files.blobs.sweep(connection)


def _count(held: RunningTask, state: str) -> None:
    TASKS_ENDED.labels("job" if held.line.batch is None else "batch_line", state).inc()


async def _happened(event: asyncio.Event) -> None:
    """Waits until it happens, or a little while: what other processes do sets nothing here."""
    with suppress(TimeoutError):
        async with asyncio.timeout(LOOK_SECONDS):
            await event.wait()
    event.clear()
