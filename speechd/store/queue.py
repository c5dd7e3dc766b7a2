"""The queue: a worker claims lines under a lease, extends it by a heartbeat, and finishes each line once.

A line of a batch is counted in its batch in the same transaction that finishes it. A line without a batch stands for
itself; who adds one reads its outcome from its row. No library serves: procrastinate needs PostgreSQL, and huey forgets
a task when it is taken, so that one whose worker dies is lost.
"""

import json
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, and_, bindparam, case, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from speechd.ids import new_id
from speechd.store.database import Database
from speechd.store.tables import batches, lines

TASK_LEASE_SECONDS = 20.0
"""Seconds without a heartbeat after which a line goes to another worker."""
MAX_LOSSES = 5
"""Workers that may die while they run one line. After that the line fails."""
BATCH_PRIORITY = 100
SOON_PRIORITY = 10
"""Priority of jobs; lower comes first."""

Stop = Literal["cancelled", "expired"]
Reason = Literal["cancelled", "expired", "lost"]

STOP_REASONS: Mapping[Reason, tuple[str, str]] = {
    "cancelled": ("batch_cancelled", "This request was not executed because its batch was cancelled."),
    "expired": ("batch_expired", "This request could not be executed before the completion window expired."),
    "lost": ("worker_lost", "The server crashed on this request several times. It is not tried again."),
}
"""Code and message of lines without a reply."""
LOST_FOR_GOOD: Mapping[Reason, ColumnElement[bool]] = {
    "cancelled": lines.c.stop == "cancelled",
    "expired": lines.c.stop == "expired",
    "lost": lines.c.losses >= MAX_LOSSES - 1,
}
"""Lines that no other worker gets when their worker dies."""
OUTCOME = (lines.c.state, lines.c.status_code, lines.c.request_id, lines.c.response, lines.c.error)
"""The columns of an Outcome."""


@dataclass(frozen=True, slots=True)
class QueuedTask:
    """One request that was claimed."""

    id: str
    owner: str
    """The name of the caller's key; "" without keys."""
    url: str
    """As the caller wrote it."""
    dialect: str | None = None
    """Name of the dialect of its batch."""
    batch: str | None = None
    number: int = 0
    custom_id: str | None = None
    body: str | None = None
    """The request's JSON; None: it is in the batch's input."""
    source: str | None = None
    """Digest of the batch's input, where the whole line is at `offset`, `length` bytes long."""
    offset: int = 0
    length: int = 0
    blob: str | None = None
    """Digest of a recording that came with the request."""
    tries: int = 0
    """Number of retries after failures that may pass."""
    request_id: str | None = None
    """Id of the request that made it, where the answer has that id."""
    traceparent: str | None = None
    """Of that request."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a line ended."""

    state: Literal["completed", "failed", "cancelled"]
    status_code: int | None = None
    """HTTP status; None where there is no reply."""
    request_id: str | None = None
    response: str | None = None
    """The reply's JSON body."""
    error: str | None = None
    """JSON object of `code` and `message`, where there is no reply."""


Making = Callable[[AsyncConnection], Awaitable[Outcome]]


@dataclass(frozen=True, slots=True)
class LeaseReport:
    """The result of a heartbeat for the lines of a worker."""

    lost: frozenset[str]
    """Lines that other workers hold, or that were deleted."""
    stopped: Mapping[str, Stop]
    """Lines to stop, with the reason."""


class Queue:
    """The lines of one database, from the side of one worker."""

    def __init__(self, database: Database, worker: str) -> None:
        """
        Args:
            worker: a name that no other worker has or had.
        """
        self._database = database
        self.worker = worker
        self._idle = True
        """Whether the last claim found no line."""

    async def add(self, connection: AsyncConnection, rows: Sequence[Mapping[str, Any]], priority: int) -> None:
        """Puts new lines at the end of the queue, in the caller's transaction.

        Batches take turns, line by line, so a short one is not behind a long one. Owners of jobs take turns: a job is
        behind the others of its owner, and not behind all those of another.

        Args:
            rows: columns of `lines`, those of one batch or a single job; `owner` and `url` at least.
        """
        waiting = and_(lines.c.state == "queued", lines.c.priority == priority)
        turn = await connection.scalar(select(func.min(lines.c.turn)).where(waiting)) or 0
        if rows and not rows[0].get("batch"):
            own = and_(waiting, lines.c.batch.is_(None), lines.c.owner == rows[0]["owner"])
            turn += await connection.scalar(select(func.count()).where(own)) or 0
        base = {"priority": priority, "state": "queued", "created_at": self._database.now()}
        made = [{"id": new_id("batch_req"), "turn": turn + place} | base | dict(row) for place, row in enumerate(rows)]
        for start in range(0, len(made), 1000):
            await connection.execute(insert(lines), made[start : start + 1000])

    async def claim(self, maximum: int) -> list[QueuedTask]:
        """Claims up to `most` lines that may begin now, the most urgent first. Each goes to one worker only."""
        now = self._database.now()
        if self._idle:
            async with self._database.reading() as connection:  # a read waits for no writer
                if not (await connection.execute(_claimable(now, 1))).first():
                    return []
        async with self._database.writing() as connection:
            free = await connection.execute(_claimable(now, maximum).with_for_update(skip_locked=True))
            chosen = [row.id for row in free]
            self._idle = not chosen
            if self._idle:
                return []
            held = {
                "state": "running",
                "worker": self.worker,
                "lease_until": now + TASK_LEASE_SECONDS,
                "started_at": now,
            }
            await connection.execute(update(lines).where(lines.c.id.in_(chosen)).values(held))
            rows = (await connection.execute(_described(chosen))).all()
        return [QueuedTask(**row._mapping) for row in rows]

    async def renew(self, held: Collection[str]) -> LeaseReport:
        """The heartbeat: extends the leases of lines that this worker still holds."""
        until = self._database.now() + TASK_LEASE_SECONDS
        mine = and_(lines.c.id.in_(held), lines.c.worker == self.worker, lines.c.state == "running")
        async with self._database.writing() as connection:
            await connection.execute(update(lines).where(mine).values(lease_until=until))
            rows = (await connection.execute(select(lines.c.id, lines.c.stop).where(mine))).all()
        return LeaseReport(
            lost=frozenset(held) - {row.id for row in rows},
            stopped={row.id: row.stop for row in rows if row.stop},
        )

    async def finish(self, line: QueuedTask, outcome: Outcome | Making) -> bool:
        """Records how a line ended and counts it in its batch; False if the line is not this worker's any more.

        Args:
            outcome: how it ended, or a function that returns it inside the same transaction.
        """
        async with self._database.writing() as connection:
            if not await self._lock_mine(connection, [line]):
                return False
            if not isinstance(outcome, Outcome):
                outcome = await outcome(connection)
            await self._end(connection, [(line, outcome)])
        return True

    async def finish_all(self, ended: Sequence[tuple[QueuedTask, Outcome]]) -> None:
        """The same for many lines in one transaction. Lines that this worker no longer holds are left out."""
        async with self._database.writing() as connection:
            mine = await self._lock_mine(connection, [line for line, _ in ended])
            await self._end(connection, [(line, outcome) for line, outcome in ended if line.id in mine])

    async def _lock_mine(self, connection: AsyncConnection, held: Sequence[QueuedTask]) -> set[str]:
        """Ids of those lines that this worker still holds."""
        for batch in sorted({line.batch for line in held if line.batch is not None}):
            await lock_batch(connection, batch)
        mine = and_(
            lines.c.id.in_([line.id for line in held]), lines.c.worker == self.worker, lines.c.state == "running"
        )
        return {row.id for row in await connection.execute(select(lines.c.id).where(mine).with_for_update())}

    async def _end(self, connection: AsyncConnection, ended: Sequence[tuple[QueuedTask, Outcome]]) -> None:
        if not ended:
            return
        now = self._database.now()
        values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in _ended(ended[0][1], now)}
        each = update(lines).where(lines.c.id == bindparam("line")).values(values)
        rows = [
            {"line": line.id} | {f"new_{name}": value for name, value in _ended(outcome, now).items()}
            for line, outcome in ended
        ]
        await connection.execute(each, rows)
        counts = Counter((line.batch, outcome.state == "completed") for line, outcome in ended)
        for batch in sorted({line.batch for line, _ in ended if line.batch is not None}):
            await count_ended(connection, batch, counts[batch, True], counts[batch, False], now)

    async def put_back(self, line: QueuedTask, delay: float = 0, failed: bool = False) -> None:
        """Releases a line, for any worker to claim later.

        Args:
            delay: seconds until then.
            failed: it was tried, and the failure may be temporary.
        """
        mine = and_(lines.c.id == line.id, lines.c.worker == self.worker, lines.c.state == "running")
        free = {"state": "queued", "worker": None, "lease_until": None, "not_before": self._database.now() + delay}
        async with self._database.writing() as connection:
            await lock_batch(connection, line.batch)
            for reason in ("cancelled", "expired"):
                await end_lines(connection, and_(mine, lines.c.stop == reason), reason, self._database.now())
            await connection.execute(update(lines).where(mine).values(free | {"tries": lines.c.tries + int(failed)}))

    async def release(self, workers: Collection[str] = ()) -> int:
        """Releases the lines of dead workers, and lines whose lease is over.

        A line that was lost too often fails. So does one that was being stopped.

        Returns:
            How many lines were released.
        """
        now = self._database.now()
        left = and_(lines.c.state == "running", or_(lines.c.worker.in_(workers), lines.c.lease_until < now))
        async with self._database.reading() as connection:
            if not (await connection.execute(select(lines.c.id).where(left).limit(1))).first():
                return 0
        async with self._database.writing() as connection:
            ended = 0
            for reason, ends in LOST_FOR_GOOD.items():
                ended += await end_lines(connection, and_(left, ends), reason, now)
            free = {"state": "queued", "worker": None, "lease_until": None, "losses": lines.c.losses + 1}
            freed = await connection.execute(update(lines).where(left).values(free))
        return ended + freed.rowcount


async def lock_batch(connection: AsyncConnection, batch: str | None) -> None:
    """Locks the batch before its lines, which prevents a deadlock."""
    if batch is not None:
        await connection.execute(select(batches.c.id).where(batches.c.id == batch).with_for_update())


async def end_lines(connection: AsyncConnection, which: ColumnElement[bool], reason: Reason, now: float) -> int:
    """Ends open lines without a reply and counts them in their batches."""
    outcome = never_ran(reason)
    ended = await connection.scalars(update(lines).where(which).values(_ended(outcome, now)).returning(lines.c.batch))
    each = Counter(ended.all())
    for batch, number in each.items():
        if batch is not None:
            await count_ended(connection, batch, 0, number, now)
    return each.total()


async def count_ended(connection: AsyncConnection, batch: str, completed: int, failed: int, now: float) -> None:
    """Counts lines that have just ended. After the last one the batch is finalized."""
    is_last = and_(
        batches.c.status == "in_progress",
        batches.c.completed + batches.c.failed + completed + failed >= batches.c.total,
    )
    await connection.execute(
        update(batches)
        .where(batches.c.id == batch)
        .values(
            completed=batches.c.completed + completed,
            failed=batches.c.failed + failed,
            status=case((is_last, "finalizing"), else_=batches.c.status),
            finalizing_at=case((is_last, int(now)), else_=batches.c.finalizing_at),
        )
    )


def never_ran(reason: Reason) -> Outcome:
    """The outcome of a line without a reply."""
    code, message = STOP_REASONS[reason]
    state: Literal["failed", "cancelled"] = "cancelled" if reason == "cancelled" else "failed"
    return Outcome(state, error=json.dumps({"code": code, "message": message}))


def _ended(outcome: Outcome, now: float) -> dict[str, Any]:
    free = {"worker": None, "lease_until": None, "ended_at": now}
    return free | {column.name: getattr(outcome, column.name) for column in OUTCOME}


def _claimable(now: float, maximum: int) -> Select[tuple[str]]:
    return (
        select(lines.c.id)
        .where(lines.c.state == "queued", lines.c.not_before <= now)
        .order_by(lines.c.priority, lines.c.turn, lines.c.id)
        .limit(maximum)
    )


def _described(ids: Collection[str]) -> Select[Any]:
    kept = (
        "id",
        "owner",
        "url",
        "batch",
        "number",
        "custom_id",
        "body",
        "offset",
        "length",
        "blob",
        "tries",
        "request_id",
        "traceparent",
    )
    return (
        select(*(lines.c[name] for name in kept), batches.c.blob.label("source"), batches.c.dialect)
        .outerjoin(batches, batches.c.id == lines.c.batch)
        .where(lines.c.id.in_(ids))
        .order_by(lines.c.priority, lines.c.turn, lines.c.id)
    )
