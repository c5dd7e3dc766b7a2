"""The one place that opens files, batches and their queue: at their first use, since the libraries are heavy."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from speechd.errors import SpeechdError
from speechd.settings import Settings

if TYPE_CHECKING:
    from speechd.store.audio_jobs.jobs import AudioJobs
    from speechd.store.audio_jobs.webhooks import Deliveries
    from speechd.store.batch_maintenance import BatchMaintenance
    from speechd.store.batches import Batches
    from speechd.store.database import Database
    from speechd.store.files import Files
    from speechd.store.queue import Queue

HOUR, DAY = 3600.0, 86_400.0


@dataclass(frozen=True, slots=True)
class Store:
    """Everything durable, open."""

    database: "Database"
    files: "Files"
    batches: "Batches"
    audio: "AudioJobs"
    deliveries: "Deliveries"
    retention: float
    """Seconds that what has ended is kept; 0: for ever."""

    def desk(self, worker: str) -> "tuple[Queue, BatchMaintenance]":
        """What a worker works with.

        Args:
            worker: a name that no other worker has or had.
        """
        from speechd.store.batch_maintenance import BatchMaintenance
        from speechd.store.queue import Queue

        queue = Queue(self.database, worker)
        return queue, BatchMaintenance(self.database, self.files, queue, self.retention)


class StoreHandle:
    """What API and worker of a process hold; belongs to one event loop."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.tasks_available = asyncio.Event()
        """Set when a worker of this process may find a line to do."""
        self.batches_due = asyncio.Event()
        """Set when a worker of this process may find a batch to look after."""
        self.faults: dict[str, SpeechdError] = {}
        """What keeps parts of this process's work from going on, for as long as it does."""
        self._lock = asyncio.Lock()
        self._store: Store | None = None

    @property
    def workers_folder(self) -> Path:
        """Where workers on one data folder see each other."""
        return self.settings.data_dir / "workers"

    async def open(self) -> Store:
        """The ledger, opened if it is not.

        Raises:
            StorageUnavailable: it cannot be opened now; the next call tries again.
            Misconfigured, FeatureNotInstalled: it cannot be opened with these settings.
        """
        async with self._lock:
            if self._store is None:
                opening = asyncio.create_task(self._opened())
                await _to_its_end(opening)
                self._store = opening.result()
        return self._store

    def announce(self) -> None:
        """Something was added or cancelled: a worker of this process need not wait for its next look."""
        self.tasks_available.set()
        self.batches_due.set()

    async def close(self) -> None:
        if self._store is not None:
            await self._store.database.close()
            self._store = None

    async def _opened(self) -> Store:
        # On the loop, once: an early request that imports at the same time as a thread can meet half a module.
        from speechd.store.audio_jobs.jobs import AudioJobs
        from speechd.store.audio_jobs.webhooks import Deliveries
        from speechd.store.batches import Batches
        from speechd.store.blobs import BlobFolder
        from speechd.store.database import open_database
        from speechd.store.files import Files

        retention = self.settings.files_retention_days * DAY
        limits = self.settings
        folder = BlobFolder(limits.data_dir / "files", limits.files_quota_bytes, limits.min_free_bytes)
        database = await open_database(self.settings)
        files = Files(database, folder, retention)
        window = self.settings.audio_job_hours * HOUR
        return Store(
            database,
            files,
            Batches(database, files),
            AudioJobs(database, files, most=self.settings.max_audio_jobs, window=window),
            Deliveries(database),
            retention,
        )


async def _to_its_end(task: asyncio.Task[Store]) -> None:
    """Who is cancelled while it opens waits, so that nothing stays half open."""
    try:
        await asyncio.wait([task])
    except asyncio.CancelledError:
        await asyncio.wait([task])
        if task.exception() is None:
            await task.result().database.close()
        raise
