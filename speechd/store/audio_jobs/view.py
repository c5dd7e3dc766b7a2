"""An audio job as its owner and the receiver of its webhook see it."""

import asyncio
import json
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from speechd.dialects import OPENAI, dialect_of
from speechd.schemas.audio_jobs import AudioJobObject, PartialSegment, ProgressObject, WebhookObject
from speechd.schemas.transcription import ErrorDetail
from speechd.store.audio_jobs.records import AudioJob, WebhookState

if TYPE_CHECKING:
    from speechd.store.blobs.folder import BlobFolder

JSON_MEDIA_TYPE = "application/json"
GIVEN_UP: Mapping[str, tuple[str, str]] = {
    "batch_expired": ("job_expired", "The job did not end in time (SPEECHD_AUDIO_JOB_HOURS)."),
    "worker_lost": ("worker_lost", "The server crashed on this job several times. It is not tried again."),
}
"""Code and message of a job, by the queue's code of a line without a reply."""


async def to_response(job: AudioJob, blobs: "BlobFolder", *, whole: bool = True) -> AudioJobObject:
    """
    Args:
        whole: with its result.

    Raises:
        StorageUnavailable: the result cannot be read.
    """
    result = await asyncio.to_thread(_result, job, blobs) if whole and job.blob else None
    return AudioJobObject(
        id=job.id,
        endpoint=job.url,
        model=job.model,
        status=job.status,
        request_id=job.request_id,
        created_at=int(job.created_at),
        started_at=None if job.started_at is None else int(job.started_at),
        finished_at=None if job.ended_at is None else int(job.ended_at),
        expires_at=job.expires_at,
        progress=_progress(job),
        segments=_segments(job) if whole else [],
        segments_omitted=job.segments_before if job.status == "running" else 0,
        result=result,
        result_media_type=job.media_type,
        input_url=_path(job, "input") if job.input_blob else None,
        result_url=result_path(job) if job.blob else None,
        error=fault(job),
        webhook=_webhook(job.webhook) if job.webhook else None,
    )


def result_path(job: AudioJob) -> str:
    return _path(job, "result")


def _path(job: AudioJob, part: str) -> str:
    return f"{(dialect_of(job.url) or OPENAI).prefix}/audio/jobs/{job.id}/{part}"


def fault(job: AudioJob) -> ErrorDetail | None:
    """Why it failed; None where it did not."""
    if job.status not in ("failed", "expired"):
        return None
    if job.error is None and job.response is not None:
        return ErrorDetail.model_validate(json.loads(job.response)["error"])
    known = json.loads(job.error)["code"] if job.error else "batch_expired"
    code, message = GIVEN_UP.get(known, (known, known))
    return ErrorDetail(message=message, type="server_error", param=None, code=code)


def _result(job: AudioJob, blobs: "BlobFolder") -> Any:
    if job.file_id is not None:
        return json.loads(job.response or "{}")
    with blobs.open(job.blob or "") as file:
        content = file.read().decode()
    return json.loads(content) if job.media_type == JSON_MEDIA_TYPE else content


def _progress(job: AudioJob) -> ProgressObject:
    done = 0.0 if job.status == "queued" else job.done  # a job that was interrupted starts from the beginning
    total = job.total
    if total is not None and done > total and job.status == "running":
        total = None  # the total was a wrong estimate
    ratio = round(min(1.0, done / total), 4) if total else None
    shown_total = None if total is None else round(total, 3)
    return ProgressObject(
        unit=job.unit, done=round(done, 3), total=shown_total, ratio=ratio, seconds_left=_seconds_left(job, total)
    )


def _seconds_left(job: AudioJob, total: float | None) -> float | None:
    """At the speed of this attempt so far."""
    if job.status != "running" or job.started_at is None or not total or not job.done:
        return None
    passed = max(0.0, time.time() - job.started_at)
    return round(passed * max(0.0, total - job.done) / job.done, 1)


def _segments(job: AudioJob) -> list[PartialSegment]:
    if job.segments is None or job.status != "running":
        return []
    return [PartialSegment.model_validate(segment) for segment in json.loads(job.segments)]


def _webhook(hook: WebhookState) -> WebhookObject:
    return WebhookObject(
        url=urlunsplit(urlsplit(hook.url)._replace(query="", fragment="")),
        status="waiting" if hook.state == "open" else hook.state,
        attempts=hook.attempts,
        last_status=hook.last_status,
        last_error=hook.last_error,
        delivered_at=hook.delivered_at,
    )
