"""One line of the queue, from what was written down to how it ended. Nothing here writes to the database."""

import asyncio
import json
import logging
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from speechd.asr.batcher import nobody_waits
from speechd.dialects import BY_NAME, GROQ, OPENAI, Dialect, common_url, dialect_of
from speechd.errors import InternalError, QuotaExceeded, SpeechdError, StorageUnavailable
from speechd.ids import new_id
from speechd.operations import OPERATIONS, WrittenRequest
from speechd.service import Service
from speechd.store.batch_maintenance import BATCH_OUTPUT_PURPOSE
from speechd.store.blobs import BlobDraft
from speechd.store.files import Files
from speechd.store.queue import Outcome, QueuedTask

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
"""Another server failed: it gets MOST_TRIES."""

log = logging.getLogger("speechd.worker")


@dataclass(frozen=True, slots=True)
class Retry:
    """It could not be done now."""

    delay: float
    """Seconds until it may be tried again."""
    audio_seconds: float = 0.0


@dataclass(slots=True)
class TaskResult:
    """How it ended, and the file that it made; to be closed once both are recorded."""

    outcome: Outcome
    audio_seconds: float = 0.0
    draft: BlobDraft | None = None
    filename: str = ""
    resources: ExitStack = field(default_factory=ExitStack)

    async def enter(self, connection: AsyncConnection, files: Files, line: QueuedTask) -> Outcome:
        """The outcome, with its file kept in the same transaction."""
        if self.draft is None:
            return self.outcome
        made = await files.enter(connection, self.draft, line.owner, self.filename, BATCH_OUTPUT_PURPOSE)
        body = made.as_object() | json.loads(self.outcome.response or "{}")
        return Outcome("completed", self.outcome.status_code, self.outcome.request_id, json.dumps(body))


class TaskRunner:
    """Runs lines on a service."""

    def __init__(self, service: Service, files: Files) -> None:
        self.service = service
        self.files = files

    async def run(self, line: QueuedTask) -> TaskResult | Retry:
        """Does what the line asks for; whatever is wrong with it is its outcome. Cancelling stops the work."""
        request_id = line.request_id or new_id("req")
        nobody_waits.set(True)
        with ExitStack() as resources:
            try:
                done = await self.answered(line, request_id, resources)
            except SpeechdError as error:
                delay = pause_after(error, line.tries)
                return Retry(delay) if delay is not None else _refused(error, request_id)
            except Exception:
                log.exception("%s (line %s) failed", request_id, line.id)
                message = f"Something went wrong inside the server. Quote {request_id} when you report it."
                return _refused(InternalError(message), request_id)
            done.resources = resources.pop_all()
            return done

    async def answered(self, line: QueuedTask, request_id: str, resources: ExitStack) -> TaskResult:
        """What came of it, with what is to be closed once that is recorded in `resources`."""
        draft: BlobDraft | None = None

        async def keep(data: bytes) -> None:
            nonlocal draft
            draft = draft or resources.enter_context(await asyncio.to_thread(self.files.blobs.draft))
            await asyncio.to_thread(draft.write, data)

        fields = await asyncio.to_thread(self._fields, line)
        operation = OPERATIONS[common_url(line.url)]
        request = WrittenRequest(fields, _dialect(line), request_id, line.owner, keep)
        answer = await operation(self.service, request)
        outcome = Outcome("completed", HTTPStatus.OK, request_id, json.dumps(answer.body))
        return TaskResult(outcome, answer.audio_seconds, draft, answer.made)

    def _fields(self, line: QueuedTask) -> Mapping[str, Any]:
        if line.body is not None:
            fields: Mapping[str, Any] = json.loads(line.body)
            return fields
        with self.files.blobs.open(line.source or "") as file:
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
