"""Asynchronous audio jobs, as their owners use them. Jobs of others are not found.

A job is a line of the queue without a batch, and a row with its other fields.
"""

import json
from collections.abc import Collection
from dataclasses import asdict
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, and_, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from speechd.errors import AudioJobNotFound, Overloaded
from speechd.fairness.shared_bound import Excess, SharedBound
from speechd.ids import new_id
from speechd.store.audio_jobs.live_segments import heard_jobs, read_segments, write_segments
from speechd.store.audio_jobs.records import (
    OPEN,
    AudioJob,
    AudioOrder,
    JobResult,
    LiveSegment,
    Progress,
    WebhookState,
)
from speechd.store.audio_jobs.webhooks import ENDED_DELIVERIES
from speechd.store.blobs.folder import BlobDraft
from speechd.store.database import Database
from speechd.store.files import MAX_PER_PAGE, FilePage, Files, page_of, text
from speechd.store.queue import SOON_PRIORITY, Queue, end_lines
from speechd.store.tables import audio_jobs, deliveries, files, lines, live_segments

AUDIO_OUTPUT_PURPOSE = "audio_output"
"""Of files that jobs make."""
FULL_RETRY_AFTER = 15.0
"""`retry-after` in seconds when too many jobs are open."""

_ITSELF = and_(lines.c.batch.is_(None), lines.c.state.in_(OPEN))


class AudioJobs:
    """The audio jobs of one database."""

    def __init__(self, database: Database, files: Files, bound: SharedBound, window: float) -> None:
        """
        Args:
            bound: of jobs that are open at once.
            window: seconds after which a job that has not ended expires.
        """
        self._database = database
        self._files = files
        self._queue = Queue(database, "")
        self._bound = bound
        self._window = window

    async def check_room(self, owner: str) -> None:
        """Call it before an upload is read.

        Raises:
            Overloaded: too many jobs are open, of all or of this owner.
            QuotaExceeded: the owner's share of the space for files is used up.
        """
        async with self._database.reading() as connection:
            await self._check_room(connection, owner)
            await self._files.blobs.check_room(connection, owner)

    async def create(self, order: AudioOrder, recording: BlobDraft | None) -> AudioJob:
        """Adds a job, with the recording of its request.

        Raises:
            Overloaded: too many jobs are open, of all or of this owner.
            QuotaExceeded, StorageUnavailable: there is no room for the recording.
        """
        id = new_id("audio_job")
        async with self._database.writing() as connection:
            await self._check_room(connection, order.owner)
            blob = await self._files.blobs.keep(connection, recording) if recording else None
            line = {"id": id, "blob": blob}
            line |= {name: getattr(order, name) for name in ("owner", "url", "request_id", "traceparent")}
            await self._queue.add(connection, [line | {"body": json.dumps(order.fields)}], SOON_PRIORITY)
            told = {name: getattr(order, name) for name in ("owner", "model", "format", "unit", "total")}
            told |= {"input_name": order.input_name or None, "input_type": order.input_type or None}
            expires = {"id": id, "expires_at": int(self._database.now() + self._window)}
            await connection.execute(insert(audio_jobs), [told | expires])
            if order.webhook is not None:
                hook = asdict(order.webhook) | {"job": id, "message": new_id("msg"), "state": "open"}
                await connection.execute(insert(deliveries), [hook])
            return await _find(connection, audio_jobs.c.id == id, id)

    async def get(self, owner: str, id: str) -> AudioJob:
        """
        Raises:
            AudioJobNotFound: there is none of that name for this owner.
        """
        async with self._database.reading() as connection:
            return await _find(connection, _of(owner, id), id)

    async def follow(
        self, owner: str, id: str, attempt: float, after: int, limit: int
    ) -> tuple[AudioJob, list[LiveSegment]]:
        """A job, and its segments from number `after` on; from the first one where another attempt has begun.

        Args:
            attempt: `started_at` of the job when it was last looked at.

        Raises:
            AudioJobNotFound: there is none of that name for this owner.
        """
        async with self._database.reading() as connection:
            job = await _find(connection, _of(owner, id), id)
            if job.started_at is None:
                return job, []
            first = after if attempt == job.started_at else 0
            return job, await read_segments(connection, id, job.started_at, first, limit)

    async def look(self, id: str) -> AudioJob:
        """A job of any owner, for its worker.

        Raises:
            AudioJobNotFound: it was deleted.
        """
        async with self._database.reading() as connection:
            return await _find(connection, audio_jobs.c.id == id, id)

    async def list(self, owner: str, *, after: str = "", limit: int = 20) -> FilePage:
        """Some of an owner's jobs, the newest first.

        Args:
            after: id of the job after which the page begins.
        """
        async with self._database.reading() as connection:
            page = await page_of(connection, audio_jobs, audio_jobs.c.owner == owner, after, limit, "desc")
            these = _described(audio_jobs.c.id.in_([row.id for row in page.rows]))
            rows = (await connection.execute(these.order_by(audio_jobs.c.id.desc()))).all()
        return FilePage([_job_of(row) for row in rows], page.has_more)

    async def open_amounts(self, owner: str) -> dict[str, float]:
        """What an owner's jobs that have not ended come to, by unit; those of unknown length are left out."""
        amount = select(audio_jobs.c.unit, func.sum(audio_jobs.c.total)).join(lines, lines.c.id == audio_jobs.c.id)
        amount = amount.where(audio_jobs.c.owner == owner, lines.c.state.in_(OPEN)).group_by(audio_jobs.c.unit)
        async with self._database.reading() as connection:
            return {unit: float(total or 0) for unit, total in await connection.execute(amount)}

    async def cancel(self, owner: str, id: str) -> AudioJob:
        """Cancels a job. A job that has ended does not change.

        Raises:
            AudioJobNotFound: there is none of that name for this owner.
        """
        async with self._database.writing() as connection:
            await _find(connection, _of(owner, id), id)
            await self._stop(connection, {id}, "cancelled")
            return await _find(connection, _of(owner, id), id)

    async def delete(self, owner: str, id: str) -> None:
        """Deletes a job and its results. Its worker stops.

        Raises:
            AudioJobNotFound: there is none of that name for this owner.
        """
        async with self._database.writing() as connection:
            await _find(connection, _of(owner, id), id)
            await self._remove(connection, {id})

    async def report(self, id: str, progress: Progress) -> None:
        """Records the progress of a job."""
        values = {name: getattr(progress, name) for name in ("done", "total", "segments", "segments_before")}
        async with self._database.writing() as connection:
            changed = await connection.execute(update(audio_jobs).where(audio_jobs.c.id == id).values(values))
            if progress.new is not None and changed.rowcount:
                await write_segments(connection, id, progress.new)

    async def enter(self, connection: AsyncConnection, owner: str, id: str, answer: JobResult) -> str | None:
        """Stores an answer in the transaction that ends its line. Returns the description of its file, as JSON.

        Raises:
            QuotaExceeded, StorageUnavailable: there is no room for it.
        """
        file = None
        if answer.filename:
            file = await self._files.enter(connection, answer.body, owner, answer.filename, AUDIO_OUTPUT_PURPOSE)
        values = {
            "blob": file.blob if file else await self._files.blobs.keep(connection, answer.body),
            "media_type": answer.media_type,
            "headers": json.dumps(dict(answer.headers)),
            "file_id": file.id if file else None,
            "segments": None,
            "segments_before": 0,
        }
        amount = {"done": answer.amount, "total": answer.amount}
        await connection.execute(update(audio_jobs).where(audio_jobs.c.id == id).values(values | amount))
        return json.dumps(file.as_object() | dict(answer.told)) if file else None

    async def goes_on(self, id: str) -> bool:
        """Whether it was neither cancelled nor deleted."""
        wanted = select(lines.c.id).where(lines.c.id == id, lines.c.state == "running")
        async with self._database.reading() as connection:
            return (await connection.execute(wanted)).first() is not None

    async def tend(self) -> None:
        """Expires jobs whose time is over, and removes live segments that are no longer needed."""
        late = select(audio_jobs.c.id).join(lines, lines.c.id == audio_jobs.c.id)
        late = late.where(_ITSELF, audio_jobs.c.expires_at <= int(self._database.now()))
        async with self._database.reading() as connection:
            overdue = set((await connection.scalars(late)).all())
            heard = await heard_jobs(connection, self._database.now())
        if overdue or heard:
            async with self._database.writing() as connection:
                await self._stop(connection, overdue, "expired")
                await connection.execute(delete(live_segments).where(live_segments.c.job.in_(heard)))

    async def forget_ended(self, retention: float) -> None:
        """Removes jobs that ended so many seconds ago; 0: none."""
        before = self._database.now() - retention
        old = select(audio_jobs.c.id).join(lines, lines.c.id == audio_jobs.c.id)
        old = old.where(lines.c.state.in_(ENDED_DELIVERIES), lines.c.ended_at < before).limit(MAX_PER_PAGE)
        if not retention:
            return
        async with self._database.writing() as connection:
            await self._remove(connection, set((await connection.scalars(old)).all()))

    async def _check_room(self, connection: AsyncConnection, owner: str) -> None:
        counts = select(lines.c.owner, func.count()).where(_ITSELF).group_by(lines.c.owner)
        held: dict[str, float] = {row[0]: row[1] for row in await connection.execute(counts)}
        excess = self._bound.excess(held, owner, 1)
        if excess is not None:
            raise _full(excess)

    async def _stop(self, connection: AsyncConnection, ids: set[str], why: Literal["cancelled", "expired"]) -> None:
        """The jobs end at once. A worker that runs one notices that it no longer holds it."""
        these = and_(lines.c.id.in_(ids), lines.c.state.in_(OPEN))
        await end_lines(connection, these, why, self._database.now())

    async def _remove(self, connection: AsyncConnection, ids: Collection[str]) -> None:
        blobs = set[str | None]()
        await connection.execute(delete(deliveries).where(deliveries.c.job.in_(ids)))
        await connection.execute(delete(live_segments).where(live_segments.c.job.in_(ids)))
        gone = delete(audio_jobs).where(audio_jobs.c.id.in_(ids)).returning(audio_jobs.c.blob, audio_jobs.c.file_id)
        for row in (await connection.execute(gone)).all():
            blobs.add(row.blob)
            made = delete(files).where(files.c.id == row.file_id).returning(files.c.blob)
            blobs.update((await connection.scalars(made)).all())
        left = delete(lines).where(lines.c.id.in_(ids)).returning(lines.c.blob)
        blobs.update((await connection.scalars(left)).all())
        await self._files.blobs.release(connection, {blob for blob in blobs if blob})


def _full(excess: Excess) -> Overloaded:
    share = (
        f"{excess.limit:g} audio jobs of your key are open. SPEECHD_KEY_SHARE allows no more while others have some."
    )
    whole = f"{excess.limit:g} audio jobs are open. SPEECHD_MAX_AUDIO_JOBS allows no more."
    told = f"{share if excess.of_share else whole} Please try again in {FULL_RETRY_AFTER:g}s."
    return Overloaded(told, retry_after=FULL_RETRY_AFTER)


def _of(owner: str, id: str) -> ColumnElement[bool]:
    return and_(audio_jobs.c.owner == owner, audio_jobs.c.id == text(id))


_OF_LINE = (
    *("id", "owner", "url", "state", "created_at", "started_at", "ended_at", "request_id", "status_code"),
    *("response", "error", "traceparent"),
)
_OF_JOB = (
    *("model", "format", "expires_at", "unit", "done", "total", "segments", "segments_before", "blob", "media_type"),
    *("headers", "file_id", "input_name", "input_type"),
)


def _described(wanted: ColumnElement[bool]) -> Select[Any]:
    hook = [deliveries.c[name].label(f"webhook_{name}") for name in WebhookState.__slots__]
    columns = [lines.c[name] for name in _OF_LINE] + [audio_jobs.c[name] for name in _OF_JOB]
    return (
        select(*columns, lines.c.blob.label("input_blob"), *hook)
        .select_from(audio_jobs)
        .join(lines, lines.c.id == audio_jobs.c.id)
        .outerjoin(deliveries, deliveries.c.job == audio_jobs.c.id)
        .where(wanted)
    )


async def _find(connection: AsyncConnection, wanted: ColumnElement[bool], id: str) -> AudioJob:
    row = (await connection.execute(_described(wanted))).first()
    if row is None:
        raise AudioJobNotFound(f"There is no audio job `{id[:100]}`, or you do not have access to it.", param="job_id")
    return _job_of(row)


def _job_of(row: Any) -> AudioJob:
    told = dict(row._mapping)
    hook = {name: told.pop(f"webhook_{name}") for name in WebhookState.__slots__}
    return AudioJob(**told, webhook=WebhookState(**hook) if hook["url"] is not None else None)
