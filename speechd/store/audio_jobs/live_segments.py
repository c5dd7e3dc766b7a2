"""Segments of jobs that run, in the database: whoever follows a job may be in another process than its worker."""

import json
from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from speechd.store.audio_jobs.records import LiveSegment, NewSegments
from speechd.store.audio_jobs.webhooks import ENDED_DELIVERIES
from speechd.store.tables import lines, live_segments

MAX_LIVE_SEGMENTS = 20_000
"""Of one job. 12 hours of speech have about 9000."""
KEPT_SECONDS = 30.0
"""Seconds after the end of a job in which whoever followed it still gets its last segments."""
MAX_FORGOTTEN = 100
"""Jobs whose segments are removed in one transaction."""


async def write_segments(connection: AsyncConnection, job: str, new: NewSegments) -> None:
    """Replaces what has the same numbers, or higher ones: an earlier attempt's, or those of a report whose commit was
    not confirmed. Does nothing for an attempt that is no longer the job's."""
    current = await connection.scalar(select(lines.c.started_at).where(lines.c.id == job))
    if current != new.attempt:
        return
    rows = [
        {"job": job, "number": new.first + place, "attempt": new.attempt, "segment": json.dumps(segment)}
        for place, segment in enumerate(new.segments)
        if new.first + place < MAX_LIVE_SEGMENTS
    ]
    if rows:
        await connection.execute(delete(live_segments).where(_of(job, new.first)))
        await connection.execute(insert(live_segments), rows)


async def read_segments(
    connection: AsyncConnection, job: str, attempt: float, after: int, limit: int
) -> list[LiveSegment]:
    """The segments of one attempt from number `after` on, in order."""
    columns = (live_segments.c.number, live_segments.c.segment)
    these = select(*columns).where(_of(job, after), live_segments.c.attempt == attempt)
    rows = await connection.execute(these.order_by(live_segments.c.number).limit(limit))
    return [LiveSegment(row.number, json.loads(row.segment)) for row in rows]


async def heard_jobs(connection: AsyncConnection, now: float) -> Sequence[str]:
    """Some jobs that ended KEPT_SECONDS ago and still have live segments."""
    over = and_(lines.c.state.in_(ENDED_DELIVERIES), lines.c.ended_at < now - KEPT_SECONDS)
    these = select(live_segments.c.job).distinct().join(lines, lines.c.id == live_segments.c.job).where(over)
    return (await connection.scalars(these.limit(MAX_FORGOTTEN))).all()


def _of(job: str, first: int) -> ColumnElement[bool]:
    return and_(live_segments.c.job == job, live_segments.c.number >= first)
