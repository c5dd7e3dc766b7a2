"""Whether the database has work. While it has none, its workers rest until a process writes to it."""

import asyncio
import contextlib
from collections.abc import Iterator

from sqlalchemy import exists, or_, select

from speechd.store.audio_jobs.webhooks import ENDED_DELIVERIES
from speechd.store.batches import UNENDED
from speechd.store.database import Database
from speechd.store.tables import batches, deliveries, lines, live_segments
from speechd.worker.file_changes import FileChanges

REST_SECONDS = 600.0
"""After which a worker that rests looks all the same."""

OPEN_WORK = (
    exists().where(batches.c.status.in_(UNENDED)),
    exists().where(lines.c.state.in_(("queued", "running"))),
    exists().where(live_segments.c.job == lines.c.id, lines.c.state.in_(ENDED_DELIVERIES)),  # they are to be removed
    exists().where(deliveries.c.state == "open"),
)
"""What a worker has to do now or later: every time that it keeps belongs to one of these."""


class Activity:
    """The work of one database, as one worker sees it. A database that cannot be watched counts as active always."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._changes = FileChanges(database.file.parent, database.file.name) if database.file else None
        self._is_watched = False
        self.active = asyncio.Event()
        """Set while there may be work."""
        self.active.set()

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Watches the database during the context."""
        if self._changes is None:
            yield
            return
        with self._changes.watching() as self._is_watched:
            yield

    async def look(self) -> None:
        """Finds out. Where there is no work it returns when the database has been written to.

        Raises:
            StorageUnavailable: the database cannot be read now.
        """
        if self._changes is None or not self._is_watched:
            return
        self._changes.happened.clear()
        if await self._has_work():
            return
        self.active.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(REST_SECONDS):
                await self._changes.happened.wait()
        self.active.set()

    def wake(self) -> None:
        """Ends the rest."""
        self.active.set()
        if self._changes is not None:
            self._changes.happened.set()

    async def _has_work(self) -> bool:
        async with self._database.reading() as connection:
            return bool(await connection.scalar(select(or_(*OPEN_WORK))))
