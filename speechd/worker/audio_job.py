"""An audio request that is answered later: run as a caller who waits would see it, watched while it runs."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import ExitStack, asynccontextmanager, suppress
from typing import Any, BinaryIO

from speechd.dialects import common_url
from speechd.errors import StorageUnavailable
from speechd.operations.context import RequestContext
from speechd.operations.known_speakers import stored_voices
from speechd.operations.recording import fetch, measure
from speechd.operations.speech import SPEECH_URL, SpeechCall
from speechd.operations.transcription import AUDIO_FORMS, TranscriptionCall, TranscriptionReply
from speechd.service import Service
from speechd.store.audio_jobs.jobs import AudioJobs
from speechd.store.audio_jobs.live_segments import MAX_LIVE_SEGMENTS
from speechd.store.audio_jobs.records import JobResult, NewSegments, Progress
from speechd.store.blobs.folder import BlobDraft
from speechd.store.queue import QueuedTask
from speechd.store.store import Store
from speechd.types import Clip, Segment, SpeechPart

WATCH_SECONDS = 1.0
"""Between two reports of how far a job is, which are also when a job that was stopped is noticed."""
MAX_SEGMENTS = 100
"""Segments that are shown of a job that runs: the newest."""
BASIC = "basic"
"""The format of mu-law without a header, which a caller asks for by `Accept`."""


async def run_job(
    service: Service, store: Store, line: QueuedTask, context: RequestContext, resources: ExitStack
) -> JobResult:
    """What a caller who waited would have got.

    Args:
        resources: closed once the answer is recorded.

    Raises:
        SpeechdError: whatever is wrong with it.
    """
    job = await store.audio.look(line.id)
    progress = JobProgress(job.total, job.started_at or 0.0)
    async with _watched(store.audio, line.id, progress):
        if common_url(line.url) == SPEECH_URL:
            draft = resources.enter_context(store.files.blobs.draft())
            return await _speak(service, line, context, job.format == BASIC, progress, draft)
        reply = await _transcribe(service, store, line, context, progress)
    draft = resources.enter_context(store.files.blobs.draft())
    await asyncio.to_thread(lambda: draft.write(reply.content()))
    return JobResult(draft, reply.format.media_type, reply.headers, reply.transcript.duration)


async def _transcribe(
    service: Service, store: Store, line: QueuedTask, context: RequestContext, progress: "JobProgress"
) -> TranscriptionReply:
    fields = json.loads(line.body or "{}")
    form_type = AUDIO_FORMS[common_url(line.url)]
    call = TranscriptionCall.parse(form_type, fields, context, stored_voices(fields))
    progress.begin_at(call.form.start)
    if line.blob is not None:
        file = store.files.blobs.open(line.blob)  # in no thread, which would leave it open if this is cancelled
    else:
        file = await _fetched(service, call.form.url or "", progress, call.form.clip)
    return await call.answer(service, file, progress.hear)


async def _fetched(service: Service, url: str, progress: "JobProgress", clip: Clip) -> BinaryIO:
    with ExitStack() as owned:
        file = owned.enter_context(await fetch(service, url))
        progress.expect(await measure(service, file, clip))
        owned.pop_all()
        return file


async def _speak(
    service: Service,
    line: QueuedTask,
    context: RequestContext,
    headerless: bool,
    progress: "JobProgress",
    draft: BlobDraft,
) -> JobResult:
    call = SpeechCall.parse(json.loads(line.body or "{}"), context, headerless=headerless)

    async def write(audio: bytes) -> None:
        await asyncio.to_thread(draft.write, audio)

    reply = await call.answer(service, write, progress.speak)
    headers = reply.headers | {"cache-control": "no-store"}
    characters = reply.speech.characters
    return JobResult(draft, reply.format.media_type, headers, characters, filename=reply.filename, told=reply.body())


class JobProgress:
    """How far a job is, on its way from who works to who reports."""

    def __init__(self, total: float | None, attempt: float = 0.0) -> None:
        """
        Args:
            total: seconds or characters in all, if that is known.
            attempt: when this attempt at the job began, in Unix seconds.
        """
        self._attempt = attempt
        self._new: list[Mapping[str, Any]] = []
        self._done = self._start = 0.0
        self._total = total
        self._segments: deque[dict[str, Any]] = deque(maxlen=MAX_SEGMENTS)
        self._count = 0
        self._is_new = True

    def begin_at(self, start: float) -> None:
        """
        Args:
            start: the second of the recording at which the job begins.
        """
        self._start = start

    def expect(self, total: float | None) -> None:
        self._total, self._is_new = total, True

    def hear(self, segment: Segment) -> None:
        told = {"id": self._count, "start": round(segment.start, 3), "end": round(segment.end, 3), "text": segment.text}
        told |= {"speaker": segment.speaker} if segment.speaker else {}
        self._segments.append(told)
        if self._count < MAX_LIVE_SEGMENTS:
            self._new.append(told)
        self._count += 1
        self._done, self._is_new = max(self._done, segment.end - self._start), True

    def speak(self, part: SpeechPart) -> None:
        self._done, self._is_new = self._done + part.characters, True

    def news(self) -> Progress | None:
        """What has changed since the last report that was `reported`; None where nothing has."""
        if not self._is_new:
            return None
        self._is_new = False
        segments = json.dumps(list(self._segments)) if self._count else None
        first = min(self._count, MAX_LIVE_SEGMENTS) - len(self._new)
        new = NewSegments(self._attempt, first, tuple(self._new)) if self._new else None
        return Progress(self._done, self._total, segments, self._count - len(self._segments), new)

    def reported(self, progress: Progress) -> None:
        """This progress is recorded."""
        if progress.new is not None:
            del self._new[: len(progress.new.segments)]

    def not_reported(self) -> None:
        """The last progress could not be recorded: it is told again."""
        self._is_new = True


@asynccontextmanager
async def _watched(jobs: AudioJobs, id: str, progress: JobProgress) -> AsyncIterator[None]:
    """Reports how far the block is, also at its end, and cancels it when the job is stopped."""
    task = asyncio.current_task()
    over = asyncio.Event()
    watching = asyncio.create_task(_watch(jobs, id, progress, over, task.cancel if task else over.set))
    try:
        yield
    finally:
        over.set()
        await asyncio.wait([watching])
        with suppress(StorageUnavailable):
            await _report(jobs, id, progress)


async def _watch(
    jobs: AudioJobs, id: str, progress: JobProgress, over: asyncio.Event, stop: Callable[[], object]
) -> None:
    while not over.is_set():
        with suppress(StorageUnavailable):  # the heartbeat tells of it
            await _report(jobs, id, progress)
            if not await jobs.goes_on(id) and not over.is_set():
                stop()
                return
        with suppress(TimeoutError):
            async with asyncio.timeout(WATCH_SECONDS):
                await over.wait()


async def _report(jobs: AudioJobs, id: str, progress: JobProgress) -> None:
    """
    Raises:
        StorageUnavailable: it could not be recorded, and is told again at the next call.
    """
    if (news := progress.news()) is None:
        return
    try:
        await jobs.report(id, news)
    except StorageUnavailable:
        progress.not_reported()
        raise
    progress.reported(news)
