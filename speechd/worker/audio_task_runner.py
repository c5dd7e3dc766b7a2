"""Runs asynchronous audio jobs: the same results as synchronous requests, with progress and cancellation."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, BinaryIO

from sqlalchemy.ext.asyncio import AsyncConnection

from speechd import operations
from speechd.audio.encode import AUDIO_FORMATS as AUDIO_FORMATS
from speechd.dialects import OPENAI, common_url, dialect_of
from speechd.errors import StorageUnavailable
from speechd.formats.transcript import TRANSCRIPT_FORMATS
from speechd.operations import SpeechRequest, TranscriptionRequest
from speechd.schemas.speech import SpeechBody
from speechd.schemas.transcription import AudioForm, TranscriptionForm, TranslationForm
from speechd.service import Service
from speechd.store.audio_jobs.jobs import AudioJobs
from speechd.store.audio_jobs.records import JobResult, Progress
from speechd.store.files import Files
from speechd.store.queue import Outcome, QueuedTask
from speechd.store.store import Store
from speechd.types import Segment, Speech, SpeechPart, Transcript
from speechd.validation import measure
from speechd.worker.task_runner import TaskResult, TaskRunner

WATCH_SECONDS = 1.0
"""Seconds between two reports of progress. A report also notices that a job was cancelled."""
MAX_SEGMENTS = 100
"""The number of newest segments that a running job shows."""
BASIC = "basic"
"""The format of mu-law without a header, which `Accept` selects."""

FORMS: Mapping[str, type[AudioForm]] = {
    "/v1/audio/transcriptions": TranscriptionForm,
    "/v1/audio/translations": TranslationForm,
}
SPEECH = "/v1/audio/speech"


@dataclass(slots=True)
class AudioDone(TaskResult):
    """An answer that is stored in the transaction that ends its line."""

    jobs: AudioJobs | None = None
    answer: JobResult | None = None

    async def enter(self, connection: AsyncConnection, files: Files, line: QueuedTask) -> Outcome:
        if self.jobs is None or self.answer is None:
            return self.outcome
        response = await self.jobs.enter(connection, line.owner, line.id, self.answer)
        return replace(self.outcome, response=response)


class JobProgress:
    """The progress of a job, from the task that computes to the task that reports."""

    def __init__(self, total: float | None) -> None:
        self._done = 0.0
        self._total = total
        self._segments: deque[dict[str, Any]] = deque(maxlen=MAX_SEGMENTS)
        self._count = 0
        self._is_new = True

    def expect(self, total: float | None) -> None:
        self._total, self._is_new = total, True

    def hear(self, segment: Segment) -> None:
        told = {"start": round(segment.start, 3), "end": round(segment.end, 3), "text": segment.text}
        self._segments.append({"id": self._count} | told)
        self._count += 1
        self._done, self._is_new = max(self._done, segment.end), True

    def speak(self, characters: int) -> None:
        self._done, self._is_new = self._done + characters, True

    def news(self) -> Progress | None:
        """The changes since the last call."""
        if not self._is_new:
            return None
        self._is_new = False
        segments = json.dumps(list(self._segments)) if self._count else None
        return Progress(self._done, self._total, segments, self._count - len(self._segments))


class AudioRunner(TaskRunner):
    """Runs lines of batches, and audio jobs."""

    def __init__(self, service: Service, store: Store) -> None:
        super().__init__(service, store.files)
        self._jobs = store.audio

    async def answered(self, line: QueuedTask, request_id: str, resources: ExitStack) -> TaskResult:
        if line.batch is not None:
            return await super().answered(line, request_id, resources)
        job = await self._jobs.look(line.id)
        sight = JobProgress(job.total)
        async with self._watched(line.id, sight):
            if common_url(line.url) == SPEECH:
                return await self._spoken(line, job.format == BASIC, sight, resources)
            return await self._heard(line, request_id, sight, resources)

    async def _heard(self, line: QueuedTask, request_id: str, sight: JobProgress, resources: ExitStack) -> TaskResult:
        form = FORMS[common_url(line.url)].parse(json.loads(line.body or "{}"))
        request = TranscriptionRequest(form.model, form.to_options(), caller=line.owner)
        file = await self._recording(line, form.url, sight, resources)
        async with operations.open_transcription(self.service, replace(request, file=file)) as stream:
            async for part in stream.parts:
                if isinstance(part, Transcript):
                    transcript = part
                else:
                    sight.hear(part)
        shape = TRANSCRIPT_FORMATS[form.response_format]
        view = operations.response_view(form, dialect_of(line.url) or OPENAI, request_id)
        draft = resources.enter_context(self.files.blobs.draft())
        await asyncio.to_thread(lambda: draft.write(shape.encode(transcript, view)))
        headers = operations.response_headers(transcript, stream.how)
        answer = JobResult(draft, shape.media_type, headers, transcript.duration)
        charged = 0.0 if stream.how == "hit" else transcript.audio_seconds
        return AudioDone(_success(request_id), charged, draft, jobs=self._jobs, answer=answer)

    async def _recording(self, line: QueuedTask, url: str | None, sight: JobProgress, resources: ExitStack) -> BinaryIO:
        if line.blob is not None:  # not opened in a thread, which would leave it open if this is cancelled
            return resources.enter_context(self.files.blobs.open(line.blob))
        file = resources.enter_context(await operations.fetch(self.service, url or ""))
        sight.expect(await measure(self.service, file))
        return file

    async def _spoken(self, line: QueuedTask, headerless: bool, sight: JobProgress, resources: ExitStack) -> TaskResult:
        body = SpeechBody.parse(json.loads(line.body or "{}"))
        options = body.to_options((dialect_of(line.url) or OPENAI).speech_sample_rate, headerless)
        request = SpeechRequest(body.input, body.model, body.voice_name, options)
        draft = resources.enter_context(self.files.blobs.draft())
        async with operations.open_speech(self.service, request) as stream:
            async for part in stream.parts:
                if isinstance(part, SpeechPart):
                    await asyncio.to_thread(draft.write, part.audio)
                    sight.speak(part.characters)
                else:
                    speech = part
        shape = AUDIO_FORMATS[options.format]
        answer = JobResult(
            draft,
            shape.media_type,
            {"x-speechd-voice": stream.voice.id, "cache-control": "no-store"},
            speech.characters,
            filename=f"speech{shape.suffix}",
            told=_told(speech),
        )
        return AudioDone(_success(line.request_id), draft=draft, jobs=self._jobs, answer=answer)

    @asynccontextmanager
    async def _watched(self, id: str, sight: JobProgress) -> AsyncIterator[None]:
        """Reports the progress of the block, and cancels it when the job is cancelled."""
        task = asyncio.current_task()
        over = asyncio.Event()
        watching = asyncio.create_task(self._watch(id, sight, over, task.cancel if task else over.set))
        try:
            yield
        finally:
            over.set()
            await asyncio.wait([watching])

    async def _watch(self, id: str, sight: JobProgress, over: asyncio.Event, stop: Callable[[], object]) -> None:
        while not over.is_set():
            with suppress(StorageUnavailable):  # the heartbeat reports it
                if (progress := sight.news()) is not None:
                    await self._jobs.report(id, progress)
                if not await self._jobs.goes_on(id) and not over.is_set():
                    stop()
                    return
            with suppress(TimeoutError):
                async with asyncio.timeout(WATCH_SECONDS):
                    await over.wait()


def _success(request_id: str | None) -> Outcome:
    return Outcome("completed", HTTPStatus.OK, request_id)


def _told(speech: Speech) -> dict[str, Any]:
    return {"voice": speech.voice, "duration": round(speech.duration, 3)}
