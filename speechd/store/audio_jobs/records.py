"""What is known of audio requests that are answered later. It loads no database library, for the API imports it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from speechd.store.blobs.folder import BlobDraft

JobStatus = Literal["queued", "running", "completed", "failed", "cancelled", "expired"]
Unit = Literal["seconds", "characters"]

OPEN = ("queued", "running")


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where a finished job is told, and the secret that signs it."""

    url: str
    secret: str


@dataclass(frozen=True, slots=True)
class AudioOrder:
    """A request that passed validation."""

    owner: str
    url: str
    """The path that was asked."""
    request_id: str
    fields: Mapping[str, Any]
    """Its parameters, without the recording."""
    model: str
    format: str
    unit: Unit
    total: float | None
    """The total, if it is known."""
    webhook: Webhook | None = None
    traceparent: str | None = None
    """Of the request (W3C Trace Context)."""
    input_name: str = ""
    """File name of the recording; "" where nobody told one."""
    input_type: str = ""
    """Media type of the recording; "" where none came with the request."""


@dataclass(frozen=True, slots=True)
class WebhookState:
    """The state of a webhook. Times are Unix seconds."""

    url: str
    state: Literal["open", "delivered", "failed"]
    attempts: int
    last_status: int | None
    last_error: str | None
    delivered_at: int | None


@dataclass(frozen=True, slots=True)
class AudioJob:
    """One job; all times in Unix seconds."""

    id: str
    owner: str
    url: str
    model: str
    format: str
    state: Literal["queued", "running", "completed", "failed", "cancelled"]
    """Of its line."""
    expires_at: int
    unit: Unit
    done: float
    total: float | None
    segments: str | None
    segments_before: int
    created_at: float
    started_at: float | None
    ended_at: float | None
    request_id: str | None
    status_code: int | None
    response: str | None
    """JSON: the error envelope of a failed job, or the description of a speech's file."""
    error: str | None
    """JSON object of `code` and `message`, where there is no reply."""
    blob: str | None
    media_type: str | None
    headers: str | None
    file_id: str | None
    webhook: WebhookState | None = None
    traceparent: str | None = None
    input_name: str | None = None
    input_type: str | None = None
    input_blob: str | None = None
    """Content of the recording that came with the request."""

    @property
    def is_open(self) -> bool:
        """It has not ended."""
        return self.state in OPEN

    @property
    def status(self) -> JobStatus:
        expired = self.error is not None and json.loads(self.error)["code"] == "batch_expired"
        return "expired" if expired else self.state


@dataclass(frozen=True, slots=True)
class NewSegments:
    """Segments that a worker has not reported before."""

    attempt: float
    """When the attempt that made them began, in Unix seconds."""
    first: int
    """Number of the first of them, from 0."""
    segments: tuple[Mapping[str, Any], ...]
    """As their JSON objects."""


@dataclass(frozen=True, slots=True)
class LiveSegment:
    """One segment of a job that runs."""

    number: int
    """From 0."""
    segment: Mapping[str, Any]
    """`id`, `start`, `end`, `text`, and `speaker` where it is known."""


@dataclass(slots=True)
class Progress:
    """The progress of a job."""

    done: float = 0.0
    total: float | None = None
    segments: str | None = None
    """The newest, as a JSON list."""
    segments_before: int = 0
    new: NewSegments | None = None
    """What has been heard since the last report."""


@dataclass(frozen=True, slots=True)
class JobResult:
    """The result of a job."""

    body: "BlobDraft"
    """Exactly what the caller would have got."""
    media_type: str
    headers: Mapping[str, str]
    amount: float
    """Seconds or characters that were processed."""
    filename: str = ""
    """The body is a file of its owner's too; "": it is not."""
    told: Mapping[str, Any] = field(default_factory=dict)
    """Of that file."""
