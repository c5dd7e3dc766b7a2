"""The work on batches besides their lines: validating the input, writing the results, expiry.

One worker does each at a time, under a lease. The result is visible completely or not at all.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, delete, exists, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from speechd.errors import SpeechdError
from speechd.store.batch_input import CheckedInput, InputFault, check
from speechd.store.batches import NOBODYS, UNENDED, stop_lines
from speechd.store.blobs.folder import BlobDraft
from speechd.store.database import Database
from speechd.store.files import Files
from speechd.store.queue import BATCH_PRIORITY, TASK_LEASE_SECONDS, Queue, lock_batch
from speechd.store.tables import batches, lines

BATCH_OUTPUT_PURPOSE = "batch_output"
ROWS_AT_ONCE = 100
"""Results that are in memory at a time while the output is written."""
BETWEEN_TRIES = 5.0
"""Seconds until a step that the storage refused is tried again."""

ENDED_AT = {"completed": "completed_at", "cancelled": "cancelled_at", "expired": "expired_at"}


@dataclass(frozen=True, slots=True)
class MaintenanceTask:
    """A batch that needs validation or finalization."""

    id: str
    owner: str
    endpoint: str
    status: str
    ends_as: str | None
    blob: str
    output_lifetime: int | None


class _LostLease(Exception):
    """Another worker holds the batch, or it was cancelled meanwhile."""


class BatchMaintenance:
    """The batches of one database, from the side of one worker."""

    def __init__(self, database: Database, files: Files, queue: Queue, retention: float = 0) -> None:
        """
        Args:
            retention: seconds after which a batch that has ended is deleted; 0: never.
        """
        self._database = database
        self._files = files
        self._queue = queue
        self._retention = retention

    async def claim(self) -> MaintenanceTask | None:
        """Claims a batch whose input must be validated or whose results must be written."""
        now = self._database.now()
        free = or_(batches.c.lease_until.is_(None), batches.c.lease_until < now)
        all_ended = batches.c.completed + batches.c.failed >= batches.c.total
        due = or_(batches.c.status.in_(("validating", "finalizing")), and_(batches.c.status == "cancelling", all_ended))
        first = select(batches.c.id).where(due, free).order_by(batches.c.id).limit(1)
        async with self._database.reading() as connection:
            if (await connection.execute(first)).first() is None:
                return None
        columns = [batches.c[name] for name in MaintenanceTask.__slots__]
        async with self._database.writing() as connection:
            id = await connection.scalar(first.with_for_update(skip_locked=True))
            held = {"worker": self._queue.worker, "lease_until": now + TASK_LEASE_SECONDS}
            taken = update(batches).where(batches.c.id == id).values(held).returning(*columns)
            row = (await connection.execute(taken)).first()
        return MaintenanceTask(**row._mapping) if row else None

    async def renew(self, task: MaintenanceTask) -> None:
        """Extends the lease of the worker."""
        async with self._database.writing() as connection:
            await connection.execute(self._change(task, lease_until=self._database.now() + TASK_LEASE_SECONDS))

    async def postpone(self, task: MaintenanceTask, error: SpeechdError) -> None:
        """Shows the batch's owner the error, and lets a worker try again soon."""
        fault = InputFault(error.error_code or "storage_unavailable", error.message)
        until = self._database.now() + BETWEEN_TRIES
        async with self._database.writing() as connection:
            told = self._change(task, lease_until=until, errors=CheckedInput(faults=[fault]).errors())
            await connection.execute(told)

    async def release(self, workers: set[str]) -> None:
        """Releases the batches that dead workers had claimed."""
        left = and_(batches.c.worker.in_(workers), batches.c.lease_until.is_not(None))
        async with self._database.writing() as connection:
            await connection.execute(update(batches).where(left).values(NOBODYS))

    async def do(self, task: MaintenanceTask) -> None:
        """
        Raises:
            StorageUnavailable, QuotaExceeded: there is no room; nothing has changed.
        """
        try:
            if task.status == "validating":
                await self._validate(task)
            else:
                await self._finalize(task)
        except _LostLease:
            return

    async def _validate(self, task: MaintenanceTask) -> None:
        def look_through() -> CheckedInput:
            with self._files.blobs.open(task.blob) as file:
                return check(file, task.endpoint)

        checked = await asyncio.to_thread(look_through)
        now = int(self._database.now())
        async with self._database.writing() as connection:
            await lock_batch(connection, task.id)
            if checked.faults:
                await self._must(connection, task, status="failed", failed_at=now, errors=checked.errors(), blob=None)
                await self._files.blobs.release(connection, {task.blob})
                return
            total = len(checked.rows)
            await self._must(connection, task, status="in_progress", in_progress_at=now, total=total, errors=None)
            rows = [row | {"owner": task.owner, "batch": task.id} for row in checked.rows]
            await self._queue.add(connection, rows, BATCH_PRIORITY)

    async def _finalize(self, task: MaintenanceTask) -> None:
        with self._files.blobs.draft() as output, self._files.blobs.draft() as errors:
            await self._write(task, output, errors)
            ends_as, now = task.ends_as or "completed", int(self._database.now())
            async with self._database.writing() as connection:
                await lock_batch(connection, task.id)
                await self._must(
                    connection,
                    task,
                    status=ends_as,
                    blob=None,
                    errors=None,
                    output_file_id=await self._enter(connection, task, output, "output"),
                    error_file_id=await self._enter(connection, task, errors, "error"),
                    **{ENDED_AT[ends_as]: now},
                )
                await connection.execute(delete(lines).where(lines.c.batch == task.id))
                await self._files.blobs.release(connection, {task.blob})

    async def _write(self, task: MaintenanceTask, output: BlobDraft, errors: BlobDraft) -> None:
        async for rows in self._results(task.id):
            good = b"".join(_result(row) for row in rows if row.state == "completed")
            bad = b"".join(_result(row) for row in rows if row.state != "completed")
            await asyncio.to_thread(output.write, good)
            await asyncio.to_thread(errors.write, bad)

    async def _results(self, batch: str) -> AsyncIterator[list[Any]]:
        """All lines of a batch in the order of its input."""
        number = 0
        while True:
            next_rows = (
                select(lines)
                .where(lines.c.batch == batch, lines.c.number > number)
                .order_by(lines.c.number)
                .limit(ROWS_AT_ONCE)
            )
            async with self._database.reading() as connection:
                rows = list((await connection.execute(next_rows)).all())
            if not rows:
                return
            yield rows
            number = rows[-1].number

    async def _enter(
        self, connection: AsyncConnection, task: MaintenanceTask, draft: BlobDraft, kind: str
    ) -> str | None:
        if not draft.bytes:
            return None
        name = f"{task.id}_{kind}.jsonl"
        kept = await self._files.enter(connection, draft, task.owner, name, BATCH_OUTPUT_PURPOSE, task.output_lifetime)
        return kept.id

    async def end_overdue(self) -> int:
        """Expires batches whose window is over. Returns their number."""
        now = self._database.now()
        over = and_(batches.c.status.in_(("validating", "in_progress")), batches.c.expires_at <= int(now))
        overdue = select(batches.c.id).where(over, batches.c.ends_as.is_(None))
        async with self._database.reading() as connection:
            ids = [row.id for row in await connection.execute(overdue)]
        for id in ids:
            async with self._database.writing() as connection:
                await lock_batch(connection, id)
                ends = update(batches).where(batches.c.id == id, over).values(ends_as="expired")
                if (await connection.execute(ends)).rowcount:
                    unseen = and_(batches.c.id == id, batches.c.status == "validating")
                    begun = {"status": "finalizing", "finalizing_at": int(now)} | NOBODYS
                    await connection.execute(update(batches).where(unseen).values(begun))
                    await stop_lines(connection, id, "expired", now)
        return len(ids)

    async def forget_ended(self) -> None:
        """Removes batches that ended long ago. Their files have a retention of their own."""
        if not self._retention:
            return
        old = batches.c.created_at < int(self._database.now() - self._retention)
        has_lines = exists().where(lines.c.batch == batches.c.id)
        async with self._database.writing() as connection:
            await connection.execute(delete(batches).where(old, batches.c.status.not_in(UNENDED), ~has_lines))

    def _change(self, task: MaintenanceTask, **values: Any) -> Any:
        mine = and_(batches.c.id == task.id, batches.c.worker == self._queue.worker, batches.c.status == task.status)
        return update(batches).where(mine).values(values)

    async def _must(self, connection: AsyncConnection, task: MaintenanceTask, **values: Any) -> None:
        """
        Raises:
            _Taken: this worker no longer holds it.
        """
        changed = await connection.execute(self._change(task, **NOBODYS, **values))
        if not changed.rowcount:
            raise _LostLease


def _result(row: Any) -> bytes:
    """One line of an output or error file, as OpenAI documents it."""
    response = None
    if row.status_code is not None:
        body = json.loads(row.response)
        response = {"status_code": row.status_code, "request_id": row.request_id, "body": body}
    error = json.loads(row.error) if row.error else None
    line = {"id": row.id, "custom_id": row.custom_id, "response": response, "error": error}
    return json.dumps(line, ensure_ascii=False).encode(errors="backslashreplace") + b"\n"
