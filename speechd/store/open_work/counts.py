"""How much work is open: numbers that indexes answer, kept for some seconds, since Prometheus may ask at any time."""

import asyncio
from dataclasses import dataclass, field

from sqlalchemy import func, select

from speechd.store.database import Database
from speechd.store.tables import batches, deliveries, lines

KEEP_SECONDS = 5.0
OPEN_STATES = ("queued", "running")


@dataclass(frozen=True, slots=True)
class OpenWork:
    """The open work of one database, of all processes together."""

    jobs: dict[str, int] = field(default_factory=dict)
    """Audio jobs by state."""
    batch_lines: dict[str, int] = field(default_factory=dict)
    """Lines of batches by state."""
    batches: dict[str, int] = field(default_factory=dict)
    """By status; those that have ended too."""
    webhooks: int = 0
    """That are still to be delivered."""
    oldest_waiting: float = 0.0
    """Seconds that the next task in the queue waits; 0 where none does."""


class WorkCounts:
    """Counts the open work."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = asyncio.Lock()
        self._counted = OpenWork()
        self._until = 0.0

    async def read(self) -> OpenWork:
        """At most KEEP_SECONDS old.

        Raises:
            StorageUnavailable: the database cannot be read now.
        """
        async with self._lock:
            if self._database.now() >= self._until:
                self._counted = await self._count()
                self._until = self._database.now() + KEEP_SECONDS
        return self._counted

    async def _count(self) -> OpenWork:
        is_job = lines.c.batch.is_(None)
        by_state = select(is_job, lines.c.state, func.count()).where(lines.c.state.in_(OPEN_STATES))
        waiting = select(lines.c.created_at).where(lines.c.state == "queued")
        following = waiting.order_by(lines.c.priority, lines.c.turn, lines.c.id).limit(1)
        async with self._database.reading() as connection:
            counted = (await connection.execute(by_state.group_by(is_job, lines.c.state))).all()
            by_status = select(batches.c.status, func.count().label("number")).group_by(batches.c.status)
            statuses = (await connection.execute(by_status)).all()
            since = await connection.scalar(following)
            hooks = select(func.count()).select_from(deliveries).where(deliveries.c.state == "open")
            webhooks = await connection.scalar(hooks)
        none = dict.fromkeys(OPEN_STATES, 0)
        return OpenWork(
            jobs=none | {state: number for job, state, number in counted if job},
            batch_lines=none | {state: number for job, state, number in counted if not job},
            batches={row.status: row.number for row in statuses},
            webhooks=webhooks or 0,
            oldest_waiting=max(0.0, self._database.now() - since) if since is not None else 0.0,
        )
