"""The events of one audio job, from the database: its worker may be another process."""

import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from speechd.api.responses.sse import ServerSentEvents
from speechd.errors import Overloaded
from speechd.formats.transcript import SEGMENT_EVENT
from speechd.store.audio_jobs.records import AudioJob, JobStatus, LiveSegment
from speechd.store.audio_jobs.view import to_response
from speechd.store.store import Store

LOOK_SECONDS = 0.5
"""Between two looks at a job that runs."""
WAITING_SECONDS = 1.0
"""The same while it waits."""
KEEP_ALIVE_SECONDS = 15.0
"""After so long without an event a comment is sent, so that no proxy takes the connection for dead."""
RECONNECT = b"retry: 2000\n\n"
"""Milliseconds after which a browser connects again."""
SEGMENTS_AT_ONCE = 500
MAX_STREAMS = 256
"""Event streams of one process."""
MAX_STREAMS_PER_CALLER = 64
FULL_SECONDS = 10.0
"""`retry-after` where too many streams are open."""

UPDATED = "audio.job.updated"
LAST_EVENTS: Mapping[JobStatus, str] = {
    "completed": "audio.job.completed",
    "failed": "audio.job.failed",
    "expired": "audio.job.failed",
    "cancelled": "audio.job.cancelled",
}
"""The last event, by the status of the job."""

_EVENT_ID = re.compile(r"([0-9]{1,12}\.[0-9]{1,9})-([0-9]{1,6})")


class JobEventStream(ServerSentEvents):
    """Events with a name, data and an id."""

    media_type = "text/event-stream"


class JobStreams:
    """Bounds how many streams are open in a process."""

    def __init__(self) -> None:
        self._open = Counter[str]()

    @contextmanager
    def counted(self, caller: str) -> Iterator[None]:
        """A stream is open during the block.

        Raises:
            Overloaded: too many are open, of all callers or of this one.
        """
        if self._open.total() >= MAX_STREAMS or self._open[caller] >= MAX_STREAMS_PER_CALLER:
            raise Overloaded("Too many event streams are open. Ask for the job itself.", retry_after=FULL_SECONDS)
        self._open[caller] += 1
        try:
            yield
        finally:
            self._open[caller] -= 1
            self._open += Counter()  # forgets callers without a stream


@dataclass(slots=True)
class EventPosition:
    """What a caller has got already."""

    attempt: float = 0.0
    """`started_at` of the job when its segments were made."""
    number: int = 0
    """Number of the next segment."""

    @classmethod
    def after(cls, last_event_id: str) -> "EventPosition":
        """Where a stream goes on after a `Last-Event-ID`; at the beginning where that is none of ours."""
        found = _EVENT_ID.fullmatch(last_event_id)
        return cls(float(found[1]), int(found[2])) if found else cls()

    @property
    def event_id(self) -> str:
        return f"{self.attempt!r}-{self.number}"


@dataclass(slots=True)
class JobFollower:
    """One caller that follows one job."""

    store: Store
    caller: str
    job_id: str
    position: EventPosition
    leaves: Callable[[], bool]
    """Whether the server shuts down. The stream then ends, and the caller connects to another one."""
    _shown: dict[str, Any] = field(default_factory=dict)
    _told_at: float = field(default_factory=time.monotonic)

    async def events(self) -> AsyncIterator[bytes]:
        """Its events, whole, until it has ended.

        Raises:
            AudioJobNotFound: it was deleted.
            StorageUnavailable: the database cannot be read now.
        """
        yield RECONNECT
        is_over = False
        while not is_over and not self.leaves():
            job, segments = await self._look()
            is_over = not job.is_open and len(segments) < SEGMENTS_AT_ONCE
            found = await self._updates(job, is_over)
            for segment in segments:
                self.position.number = segment.number + 1
                found.append(self._event(SEGMENT_EVENT, segment.segment))
            if is_over:
                found.append(await self._last(job))
            if found:
                self._told_at = time.monotonic()
                yield b"".join(found)
            elif time.monotonic() - self._told_at >= KEEP_ALIVE_SECONDS:
                self._told_at = time.monotonic()
                yield b": keep-alive\n\n"
            if not is_over and len(segments) < SEGMENTS_AT_ONCE:
                await asyncio.sleep(LOOK_SECONDS if job.status == "running" else WAITING_SECONDS)

    async def _look(self) -> tuple[AudioJob, list[LiveSegment]]:
        """The job and its segments since; the position is at the beginning where another attempt has begun."""
        position = self.position
        job, segments = await self.store.audio.follow(
            self.caller, self.job_id, position.attempt, position.number, SEGMENTS_AT_ONCE
        )
        if job.started_at is not None and job.started_at != position.attempt:
            self.position = EventPosition(job.started_at)
        return job, segments

    async def _updates(self, job: AudioJob, is_over: bool) -> list[bytes]:
        """The job, where it has changed. Its end has an event of its own, but the first event is always this one."""
        told = (await to_response(job, self.store.files.blobs, whole=False)).model_dump(mode="json")
        lasting = {**told, "progress": {**told["progress"], "seconds_left": None}}  # that alone is no change
        if lasting == self._shown or (is_over and self._shown):
            return []
        self._shown = lasting
        return [self._event(UPDATED, told)]

    async def _last(self, job: AudioJob) -> bytes:
        told = await to_response(job, self.store.files.blobs)
        data = await asyncio.to_thread(told.model_dump, mode="json")
        return await asyncio.to_thread(self._event, LAST_EVENTS[job.status], data)

    def _event(self, name: str, data: Mapping[str, Any]) -> bytes:
        text = json.dumps(data, ensure_ascii=False)
        return f"event: {name}\nid: {self.position.event_id}\ndata: {text}\n\n".encode()
