"""One line of the queue, from what was written down to how it ended; what it made is kept when that is recorded."""

import asyncio
import json
import logging
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from http import HTTPStatus
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from speechd.auth.keys import Key
from speechd.auth.meter import Meter
from speechd.auth.usage import UsageCounters
from speechd.dialects import BY_NAME, GROQ, OPENAI, Dialect, common_url, dialect_of
from speechd.errors import InternalError, QuotaExceeded, SpeechdError, StorageUnavailable
from speechd.ids import new_id
from speechd.operations.batch import BatchReply, BatchRequest, run_line
from speechd.operations.context import RequestContext
from speechd.service import Service
from speechd.store.audio_jobs.records import JobResult
from speechd.store.batch_maintenance import BATCH_OUTPUT_PURPOSE
from speechd.store.blobs.folder import BlobDraft
from speechd.store.queue import Making, Outcome, QueuedTask
from speechd.store.store import Store
from speechd.telemetry.request_record import recorded
from speechd.telemetry.tracing import request_span
from speechd.worker.audio_job import run_job

OVERLOADED = (StorageUnavailable, QuotaExceeded)
"""What the storage says when the same can work later."""
OVERLOAD_PAUSE = 10.0
MAX_TRIES = 3
"""Of what another server failed at."""
MAX_PAUSE = 60.0
BUSY = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
"""The line waits as long as it takes: until its batch's window ends."""
FLAKY = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.FAILED_DEPENDENCY,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
"""Another server failed: it gets MAX_TRIES."""

log = logging.getLogger("speechd.worker")


@dataclass(frozen=True, slots=True)
class Retry:
    """It could not be done now."""

    delay: float
    """Seconds until it may be tried again."""


@dataclass(slots=True)
class TaskResult:
    """How it ended, with what is to be kept of it; to be closed once both are recorded."""

    outcome: Outcome
    keep: Making | None = None
    """Keeps its file in the transaction that ends its line, and gives the outcome with that file."""
    resources: ExitStack = field(default_factory=ExitStack)


class TaskRunner:
    """Runs lines on a service: those of batches, and audio jobs."""

    def __init__(self, service: Service, store: Store, usage: UsageCounters) -> None:
        """
        Args:
            usage: where audio is counted for the keys whose lines it is in.
        """
        self._service = service
        self._store = store
        self._files = store.files
        self._usage = usage

    async def run(self, line: QueuedTask) -> TaskResult | Retry:
        """Does what the line asks for; whatever is wrong with it is its outcome. Cancelling stops the work."""
        context = self._context(line)
        kind = "batch line" if line.batch is not None else "job"
        root = request_span(kind, "consumer", line.traceparent or "", speechd__request_id=context.request_id)
        with ExitStack() as resources, recorded(context.request_id), root:
            try:
                answered = self._run_batch_line if line.batch is not None else self._run_job
                done = await answered(line, context, resources)
            except SpeechdError as error:
                delay = pause_after(error, line.tries)
                return Retry(delay) if delay is not None else _refused(error, context.request_id)
            except Exception:
                log.exception("%s (line %s) failed", context.request_id, line.id)
                message = f"Something went wrong inside the server. Quote {context.request_id} when you report it."
                return _refused(InternalError(message), context.request_id)
            done.resources = resources.pop_all()
            return done

    async def _run_batch_line(self, line: QueuedTask, context: RequestContext, resources: ExitStack) -> TaskResult:
        draft: BlobDraft | None = None

        async def write(data: bytes) -> None:
            nonlocal draft
            draft = draft or resources.enter_context(await self._files.blobs.new_draft())
            await asyncio.to_thread(draft.write, data)

        fields = await asyncio.to_thread(self._fields, line)
        open_file = partial(self._files.open_recording, line.owner)
        request = BatchRequest(common_url(line.url), fields, context, write, open_file)
        reply = await run_line(self._service, request)
        outcome = Outcome("completed", HTTPStatus.OK, context.request_id, json.dumps(reply.body))
        return TaskResult(outcome, partial(self._keep_file, line, outcome, draft, reply) if draft else None)

    async def _keep_file(
        self, line: QueuedTask, outcome: Outcome, draft: BlobDraft, reply: BatchReply, connection: AsyncConnection
    ) -> Outcome:
        made = await self._files.enter(connection, draft, line.owner, reply.filename, BATCH_OUTPUT_PURPOSE)
        return replace(outcome, response=json.dumps(made.as_object() | reply.body))

    async def _run_job(self, line: QueuedTask, context: RequestContext, resources: ExitStack) -> TaskResult:
        answer = await run_job(self._service, self._store, line, context, resources)
        outcome = Outcome("completed", HTTPStatus.OK, context.request_id)
        return TaskResult(outcome, partial(self._keep_answer, line, outcome, answer))

    async def _keep_answer(
        self, line: QueuedTask, outcome: Outcome, answer: JobResult, connection: AsyncConnection
    ) -> Outcome:
        response = await self._store.audio.enter(connection, line.owner, line.id, answer)
        return replace(outcome, response=response)

    def _context(self, line: QueuedTask) -> RequestContext:
        """A line is background work, whose owner pays."""
        return RequestContext(
            caller=line.owner,
            dialect=_dialect(line),
            request_id=line.request_id or new_id("req"),
            priority="background",
            meter=Meter(Key(line.owner, "", id=line.owner), self._usage) if line.owner else None,
            find_speakers=self._store.speakers.find,
        )

    def _fields(self, line: QueuedTask) -> Mapping[str, Any]:
        if line.body is not None:
            fields: Mapping[str, Any] = json.loads(line.body)
            return fields
        with self._files.blobs.open(line.source or "") as file:
            file.seek(line.offset)
            body: Mapping[str, Any] = json.loads(file.read(line.length))["body"]
        return body


def _dialect(line: QueuedTask) -> Dialect:
    """Groq's own lines say `/v1/...` too: then it is the one in which the batch was ordered."""
    by_url = dialect_of(line.url) or OPENAI
    return by_url if by_url is GROQ else BY_NAME.get(line.dialect or "", by_url)


def pause_after(error: SpeechdError, tries: int) -> float | None:
    """Seconds until a failed line may be tried again; None: it has failed for good."""
    if isinstance(error, OVERLOADED):
        return OVERLOAD_PAUSE
    passes = error.status in BUSY or (error.status in FLAKY and tries < MAX_TRIES - 1)
    if error.should_retry is False or not passes:
        return None
    return max(error.retry_after or 0.0, min(MAX_PAUSE, 2.0 ** min(tries, 10)))


def _refused(error: SpeechdError, request_id: str) -> TaskResult:
    return TaskResult(Outcome("failed", error.status, request_id, json.dumps(error.envelope())))
