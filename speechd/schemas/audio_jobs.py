"""Schemas of asynchronous audio jobs."""

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
        description="Secret of the webhook: `whsec_` and base64, or a text of 16 bytes or more. Default: the server's.",
    )


class ProgressObject(BaseModel):
    """Progress of a job."""

    unit: Literal["seconds", "characters"] = Field(description="Seconds of a recording, or characters of a text.")
    done: float = Field(description="Units that are done.")
    total: float | None = Field(None, description="Total units, if known.")
    ratio: float | None = Field(None, description="0 to 1.")
    seconds_left: float | None = Field(
        None, description="While it runs: about how many seconds it still takes, at its speed so far."
    )


class PartialSegment(BaseModel):
    """A segment of the transcript so far."""

    id: int = Field(description="Its number, from 0.")
    start: float = Field(description="Seconds.")
    end: float = Field(description="Seconds.")
    text: str = Field(description="Text of the segment.")
    speaker: str | None = Field(None, description="Who speaks, where that is known already.")


class WebhookObject(BaseModel):
    """State of the webhook."""

    url: str = Field(description="Address of the receiver, without its query.")
    status: Literal["waiting", "delivered", "failed"] = Field(description="`failed`: no further attempt is made.")
    attempts: int = Field(description="Number of attempts.")
    last_status: int | None = Field(None, description="HTTP status of the receiver's last answer.")
    last_error: str | None = Field(None, description="Why the last attempt failed.")
    delivered_at: int | None = Field(None, description="Unix time.")


class AudioJobObject(Listed):
    """An asynchronous audio job."""

    id: str = Field(description="Id of the job.")
    object: Literal["audio.job"] = Field("audio.job", description="Always `audio.job`.")
    endpoint: str = Field(description="Path of the request.")
    model: str = Field(description="Model of the request.")
    status: Literal["queued", "running", "completed", "failed", "cancelled", "expired"] = Field(
        description="Status of the job."
    )
    request_id: str | None = Field(None, description="The `x-request-id` of the request.")
    created_at: int = Field(description="Unix time.")
    started_at: int | None = Field(None, description="Unix time at which the last attempt began.")
    finished_at: int | None = Field(None, description="Unix time.")
    expires_at: int = Field(description="Unix time at which it expires if it has not finished.")
    progress: ProgressObject = Field(description="Progress of the job.")
    segments: list[PartialSegment] = Field([], description="While it runs: the newest segments.")
    segments_omitted: int = Field(0, description="Number of older segments that are left out.")
    result: Any = Field(
        None,
        description="The answer: of `json` and `verbose_json` the object, of other formats the text, of a speech the"
        " file with its audio. In lists it is left out.",
    )
    result_media_type: str | None = Field(None, description="HTTP status of the answer.")
    input_url: str | None = Field(None, description="Path of the recording, where it came with the request.")
    result_url: str | None = Field(None, description="Path of the answer, exactly as in a synchronous request.")
    error: ErrorDetail | None = Field(None, description="Why it failed.")
    waiting_for: ErrorDetail | None = Field(None, description="Error that delays the job, such as a full disk.")
    webhook: WebhookObject | None = Field(None, description="State of its webhook.")


class AudioJobList(ListPage[AudioJobObject]):
    """A page of the caller's audio jobs."""


class AudioJobDeleted(BaseModel):
    """Reply of DELETE."""

    id: str = Field(description="Id of the deleted job.")
    object: Literal["audio.job"] = Field("audio.job", description="Always `audio.job`.")
    deleted: Literal[True] = Field(True, description="Always true.")
