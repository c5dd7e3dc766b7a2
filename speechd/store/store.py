"""Opens files, batches and their queue at their first use, because the libraries load slowly."""

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
    """The open store: files, batches, jobs and their queue."""

    database: "Database"
    files: "Files"
    batches: "Batches"
    audio: "AudioJobs"
    deliveries: "Deliveries"
    retention: float
    """Seconds that batches and jobs are kept after their end; 0: for ever."""

    def desk(self, worker: str) -> "tuple[Queue, BatchMaintenance]":
        """The parts of the store that a worker needs.

        Args:
            worker: a name that no other worker has or had.
        """
        from speechd.store.batch_maintenance import BatchMaintenance
        from speechd.store.queue import Queue

        queue = Queue(self.database, worker)
        return queue, BatchMaintenance(self.database, self.files, queue, self.retention)


class StoreHandle:
    """A handle on the store that API and worker of a process share. It belongs to one event loop."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.tasks_available = asyncio.Event()
        """Set when the queue may have a line for a worker of this process."""
        self.batches_due = asyncio.Event()
        """Set when a batch may need validation or finalization by this process."""
        self.faults: dict[str, SpeechdError] = {}
        """Current errors that stop parts of this process's work, by part."""
        self._lock = asyncio.Lock()
        self._store: Store | None = None

    @property
    def workers_folder(self) -> Path:
        """Folder of the locks of workers on one data folder."""
        return self.settings.data_dir / "workers"

    async def open(self) -> Store:
        """The store, which is opened at the first call.

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
        """Wakes a worker of this process after a line was added or cancelled."""
        self.tasks_available.set()
        self.batches_due.set()

    async def close(self) -> None:
        if self._store is not None:
            await self._store.database.close()
            self._store = None

    async def _opened(self) -> Store:
        # On the loop, once: an import on the loop and on a thread at the same time can see half a module.
        from speechd.store.audio_jobs.jobs import AudioJobs
        from speechd.store.audio_jobs.webhooks import Deliveries
        from speechd.store.batches import Batches
        from speechd.store.blobs import BlobFolder
        from speechd.store.database import open_database
        from speechd.store.files import Files

        retention = self.settings.files_retention_days * DAY
        folder = BlobFolder(self.settings.data_dir / "files", self.settings.files_quota_bytes)
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
    """Waits for the opening also when it is cancelled, so that nothing stays half open."""
    try:
        await asyncio.wait([task])
    except asyncio.CancelledError:
        await asyncio.wait([task])
        if task.exception() is None:
            await task.result().database.close()
        raise
