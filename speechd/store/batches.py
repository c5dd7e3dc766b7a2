"""Batches, as their owners use them: create, read, cancel. Batches of others are not found."""

import json
import re
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import and_, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from speechd.errors import BatchNotFound, InvalidRequest
from speechd.ids import new_id
from speechd.store.batch_order import BatchOrder
from speechd.store.database import Database
from speechd.store.files import FilePage, Files, page_of, text
from speechd.store.queue import Stop, end_lines, lock_batch
from speechd.store.tables import batches, lines

PURPOSE = "batch"
"""Of files that can be a batch's input."""
MIN_WINDOW, MAX_WINDOW = 24, 7 * 24
"""Hours."""
UNENDED = ("validating", "in_progress", "finalizing", "cancelling")

NOBODYS = {"worker": None, "lease_until": None}

_WINDOW = re.compile(r"([0-9]{1,3})(h|d)")


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch, as its owner sees it; all times in Unix seconds."""

    id: str
    endpoint: str
    input_file_id: str
    completion_window: str
    status: str
    created_at: int
    expires_at: int
    total: int = 0
    completed: int = 0
    failed: int = 0
    metadata: str | None = None
    """JSON."""
    errors: str | None = None
    """JSON."""
    output_file_id: str | None = None
    error_file_id: str | None = None
    in_progress_at: int | None = None
    finalizing_at: int | None = None
    completed_at: int | None = None
    failed_at: int | None = None
    expired_at: int | None = None
    cancelling_at: int | None = None
    cancelled_at: int | None = None

    @property
    def ended(self) -> bool:
        return self.status not in UNENDED


COLUMNS = tuple(batches.c[name] for name in Batch.__slots__)


class Batches:
    """The batches of one database."""

    def __init__(self, database: Database, files: Files) -> None:
        self._database = database
        self._files = files

    async def create(self, order: BatchOrder) -> Batch:
        """Adds a batch. Its lines are validated later.

        Raises:
            InvalidRequest: the window is not valid, or the file is not for batches.
            FileNotFound: there is no such file for this owner.
            QuotaExceeded: the owner's share of the space for files is used up, so there is none for the results.
        """
        seconds = window_seconds(order.completion_window)
        file = await self._files.get(order.owner, order.input_file_id)
        if file.purpose != PURPOSE:
            raise InvalidRequest(
                f"The file was uploaded with the purpose `{file.purpose}`. Upload it with the purpose `{PURPOSE}`.",
                param="input_file_id",
            )
        await self._files.check_room(order.owner)
        now = int(self._database.now())
        batch = Batch(
            id=new_id("batch"),
            endpoint=order.endpoint,
            input_file_id=file.id,
            completion_window=order.completion_window,
            status="validating",
            created_at=now,
            expires_at=now + seconds,
            metadata=json.dumps(order.metadata) if order.metadata is not None else None,
        )
        hidden = {
            "owner": order.owner,
            "dialect": order.dialect,
            "blob": file.blob,
            "output_lifetime": order.output_lifetime,
        }
        async with self._database.writing() as connection:
            await connection.execute(insert(batches), [asdict(batch) | hidden])
        return batch

    async def get(self, owner: str, id: str) -> Batch:
        """
        Raises:
            BatchNotFound: there is none of that name for this owner.
        """
        async with self._database.reading() as connection:
            return await _find(connection, owner, id)

    async def list(self, owner: str, *, after: str = "", limit: int = 20) -> FilePage:
        """Some of an owner's batches, the newest first.

        Args:
            after: id of the batch after which the page begins.
        """
        async with self._database.reading() as connection:
            page = await page_of(connection, batches, batches.c.owner == owner, after, limit, "desc")
        return FilePage([_batch(row) for row in page.rows], page.has_more)

    async def cancel(self, owner: str, id: str) -> Batch:
        """Cancels a batch: no further line begins. A batch that has ended, or is ending, does not change.

        Raises:
            BatchNotFound: there is none of that name for this owner.
        """
        async with self._database.writing() as connection:
            await lock_batch(connection, text(id))
            batch = await _find(connection, owner, id)
            if batch.status in ("validating", "in_progress"):
                now = self._database.now()
                begun = {"status": "cancelling", "cancelling_at": int(now), "ends_as": "cancelled"} | NOBODYS
                await connection.execute(update(batches).where(batches.c.id == id).values(begun))
                await stop_lines(connection, id, "cancelled", now)
                batch = await _find(connection, owner, id)
        return batch


async def stop_lines(connection: AsyncConnection, batch: str, why: Stop, now: float) -> None:
    """Ends the waiting lines of a batch, and asks the workers of running lines to stop."""
    await end_lines(connection, and_(lines.c.batch == batch, lines.c.state == "queued"), why, now)
    running = and_(lines.c.batch == batch, lines.c.state == "running")
    await connection.execute(update(lines).where(running).values(stop=why))


def window_seconds(window: str) -> int:
    """`24h`, `36h`, `7d` in seconds.

    Raises:
        InvalidRequest: it is not valid, or out of bounds.
    """
    found = _WINDOW.fullmatch(window)
    hours = int(found[1]) * (24 if found[2] == "d" else 1) if found else 0
    if not MIN_WINDOW <= hours <= MAX_WINDOW:
        raise InvalidRequest(
            "`completion_window` must be from `24h` to `7d`: hours or days, such as `36h` or `3d`.",
            param="completion_window",
        )
    return hours * 3600


async def _find(connection: AsyncConnection, owner: str, id: str) -> Batch:
    asked = select(*COLUMNS).where(batches.c.owner == owner, batches.c.id == text(id))
    row = (await connection.execute(asked)).first()
    if row is None:
        raise BatchNotFound(f"There is no batch `{id[:100]}`, or you do not have access to it.", param="batch_id")
    return Batch(**row._mapping)


def _batch(row: Any) -> Batch:
    return Batch(**{column.name: row._mapping[column.name] for column in COLUMNS})
