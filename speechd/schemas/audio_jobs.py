"""Audio requests that are answered later, on the wire."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from speechd.schemas.base import Listed, ListPage, PageForm
from speechd.schemas.transcription import ErrorDetail


class WebhookForm(PageForm):
    """What `Prefer: respond-async` adds to a request."""

    webhook_url: str | None = Field(
        None,
        max_length=2048,
        description="With `Prefer: respond-async`: http(s) URL to which the finished job is sent, signed (Standard"
        " Webhooks), until it is accepted.",
    )
    webhook_secret: str | None = Field(
        None,
        max_length=512,
        description="What signs the webhook: `whsec_` and base64, or any text from 16 bytes on. Default: the server's.",
    )


class ProgressObject(BaseModel):
    """How far a job is."""

    unit: Literal["seconds", "characters"] = Field(description="Of a recording, or of a text to be spoken.")
    done: float = Field(description="How many are done.")
    total: float | None = Field(None, description="How many there are, as far as known.")
    ratio: float | None = Field(None, description="0 to 1.")


class PartialSegment(BaseModel):
    """A piece of the transcript so far."""

    id: int = Field(description="Its number, from 0.")
    start: float = Field(description="Seconds.")
    end: float = Field(description="Seconds.")
    text: str = Field(description="What is said.")


class WebhookObject(BaseModel):
    """How far the webhook is."""

    url: str = Field(description="Where it goes, without its query.")
    status: Literal["waiting", "delivered", "failed"] = Field(description="`failed`: it was given up.")
    attempts: int = Field(description="Attempts so far.")
    last_status: int | None = Field(None, description="HTTP status of the receiver's last answer.")
    last_error: str | None = Field(None, description="Why the last attempt failed.")
    delivered_at: int | None = Field(None, description="Unix time.")


class AudioJobObject(Listed):
    """An audio request that is answered later."""

    id: str = Field(description="What other requests name it by.")
    object: Literal["audio.job"] = Field("audio.job", description="Always `audio.job`.")
    endpoint: str = Field(description="What was asked.")
    model: str = Field(description="The model, as asked for.")
    status: Literal["queued", "running", "completed", "failed", "cancelled", "expired"] = Field(
        description="Where it is."
    )
    request_id: str | None = Field(None, description="The `x-request-id` of the request.")
    created_at: int = Field(description="Unix time.")
    started_at: int | None = Field(None, description="Unix time at which the work began, the last time it did.")
    finished_at: int | None = Field(None, description="Unix time.")
    expires_at: int = Field(description="Unix time at which it is given up if it has not finished.")
    progress: ProgressObject = Field(description="How far it is.")
    segments: list[PartialSegment] = Field([], description="While it runs: the newest segments.")
    segments_omitted: int = Field(0, description="How many older segments are left out.")
    result: Any = Field(
        None,
        description="The answer: of `json` and `verbose_json` the object, of other formats the text, of a speech the"
        " file with its audio. In lists it is left out.",
    )
    result_media_type: str | None = Field(None, description="Of the answer.")
    result_url: str | None = Field(None, description="Path at which the answer is, exactly as without waiting.")
    error: ErrorDetail | None = Field(None, description="Why it failed.")
    waiting_for: ErrorDetail | None = Field(None, description="What keeps the work from going on, such as a full disk.")
    webhook: WebhookObject | None = Field(None, description="How far its webhook is.")


class AudioJobList(ListPage[AudioJobObject]):
    """Some of the caller's audio jobs."""


class AudioJobDeleted(BaseModel):
    """What DELETE answers."""

    id: str = Field(description="What was deleted.")
    object: Literal["audio.job"] = Field("audio.job", description="Always `audio.job`.")
    deleted: Literal[True] = Field(True, description="Always true.")
