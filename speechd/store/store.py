"""Files, batches, jobs and their queue, opened at their first use.

This is the boundary of the database libraries: the API imports only light modules, and `StoreHandle.open` loads
speechd.store.opening.
"""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from speechd.auth.keys import KeyRing
from speechd.errors import SpeechdError
from speechd.settings import Settings

if TYPE_CHECKING:
    from speechd.store.audio_jobs.jobs import AudioJobs
    from speechd.store.audio_jobs.webhooks import Deliveries
    from speechd.store.batches import Batches
    from speechd.store.database import Database
    from speechd.store.files import Files
    from speechd.store.open_work.counts import WorkCounts
    from speechd.store.shared.state import SharedState
    from speechd.store.speakers.enrolled import EnrolledSpeakers
    from speechd.store.speakers.records import EnrolledSpeaker
    from speechd.store.uploads.uploads import Uploads
    from speechd.store.usage import SqlUsageStore

SQLITE_NAME = "speechd.db"
"""The database in the data folder, where no other is set."""


@dataclass(frozen=True, slots=True)
class Store:
    """The open store: files, batches, jobs and their queue."""

    database: "Database"
    files: "Files"
    uploads: "Uploads"
    batches: "Batches"
    audio: "AudioJobs"
    deliveries: "Deliveries"
    usage: "SqlUsageStore"
    speakers: "EnrolledSpeakers"
    counts: "WorkCounts"
    shared: "SharedState"
    retention: float
    """Seconds that batches and jobs are kept after their end; 0: for ever."""


class StoreHandle:
    """A handle on the store that API and worker of a process share. It belongs to one event loop."""

    def __init__(self, settings: Settings, keys: KeyRing | None = None) -> None:
        """
        Args:
            keys: of the process, where it has read them already.
        """
        self.settings = settings
        self._keys = keys
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

    @property
    def opened(self) -> Store | None:
        """The store, where it was used already."""
        return self._store

    async def open(self) -> Store:
        """The store, opened if it is not.

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

    async def open_usage(self) -> "SqlUsageStore":
        """What the keys have used, as all processes know it.

        Raises:
            StorageUnavailable, Misconfigured, FeatureNotInstalled: see `open`.
        """
        return (await self.open()).usage

    async def find_speakers(self, owner: str, names: Collection[str]) -> "Sequence[EnrolledSpeaker]":
        """See speechd.store.speakers.enrolled.EnrolledSpeakers.find.

        Raises:
            StorageUnavailable, Misconfigured, FeatureNotInstalled: see `open`.
        """
        return await (await self.open()).speakers.find(owner, names)

    def announce(self) -> None:
        """Wakes a worker of this process after a line was added or cancelled."""
        self.tasks_available.set()
        self.batches_due.set()

    async def close(self) -> None:
        if self._store is not None:
            await self._store.database.close()
            self._store = None

    async def _opened(self) -> Store:
        # On the loop, once: an early request that imports at the same time as a thread can meet half a module.
        from speechd.store.opening import open_store

        return await open_store(self.settings, self._keys)


async def _to_its_end(task: asyncio.Task[Store]) -> None:
    """Waits for the opening also when it is cancelled, so that nothing stays half open."""
    try:
        await asyncio.wait([task])
    except asyncio.CancelledError:
        await asyncio.wait([task])
        if task.exception() is None:
            await task.result().database.close()
        raise
