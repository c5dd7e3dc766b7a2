"""Schemas of files and batches."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

from speechd.dialects import Dialect
from speechd.errors import InvalidRequest
from speechd.schemas.base import Form, Listed, ListPage

Lifetime = Annotated[int, Field(ge=3600, le=2_592_000, description="Seconds, from an hour to 30 days.")]
BatchStatus = Literal[
    "validating", "failed", "in_progress", "finalizing", "completed", "expired", "cancelling", "cancelled"
]
MAX_PAIRS = 16


class ExpiresAfter(BaseModel):
    """When a file expires."""

    anchor: Literal["created_at"] = Field(description="Always `created_at`.")
    seconds: Lifetime


class FileForm(Form):
    """Upload a file."""

    purpose: Literal["batch", "assistants", "evals", "fine-tune", "user_data", "vision"] = Field(
        description="`batch` for the input of a batch. Files of other purposes are stored only."
    )
    expires_after: ExpiresAfter | None = Field(None, description="Default: this server's retention.")

    def check_purpose(self, dialect: Dialect) -> None:
        """
        Raises:
            InvalidRequest: the dialect does not have this purpose.
        """
        if self.purpose not in dialect.file_purposes:
            known = ", ".join(f"`{purpose}`" for purpose in sorted(dialect.file_purposes))
            raise InvalidRequest(f"`purpose` must be {known} under {dialect.prefix}.", param="purpose")


class BatchForm(Form):
    """Create a batch."""

    input_file_id: str = Field(min_length=1, description="A file uploaded for `batch`: one JSON request on each line.")
    endpoint: str = Field(description="Endpoint of every line, such as `/v1/audio/transcriptions`.")
    completion_window: str = Field(description="Time for the whole batch: `24h` to `7d`.")
    metadata: (
        dict[Annotated[str, StringConstraints(max_length=64)], Annotated[str, StringConstraints(max_length=512)]] | None
    ) = Field(None, max_length=MAX_PAIRS, description="Up to 16 pairs of texts that are returned with the batch.")
    output_expires_after: ExpiresAfter | None = Field(None, description="Expiry of the output and error files.")


class FileObject(Listed):
    """One file."""

    id: str = Field(description="What other requests name it by.")
    object: Literal["file"] = Field("file", description="Always `file`.")
    bytes: int = Field(description="Its size.")
    created_at: int = Field(description="Unix time.")
    expires_at: int | None = Field(None, description="Unix time at which it is deleted; null: never.")
    filename: str = Field(description="Name of the uploaded file.")
    purpose: str = Field(description="Purpose of the file; `batch_output` for results.")
    status: Literal["processed"] = Field("processed", description="Always `processed`.")


class FileDeleted(BaseModel):
    """Reply of DELETE."""

    id: str = Field(description="Id of the deleted file.")
    object: Literal["file"] = Field("file", description="Always `file`.")
    deleted: Literal[True] = Field(True, description="Always true.")


class FileList(ListPage[FileObject]):
    """A page of the caller's files."""


class BatchFault(BaseModel):
    """One error in the input, or one that delays the batch."""

    code: str = Field(description="For programs.")
    message: str = Field(description="For people.")
    param: str | None = Field(None, description="The field at fault.")
    line: int | None = Field(None, description="Number of the line in the input, from 1.")


class BatchFaults(BaseModel):
    """The errors of a batch."""

    object: Literal["list"] = Field("list", description="Always `list`.")
    data: list[BatchFault] = Field(description="The first hundred errors.")


class RequestCounts(BaseModel):
    """Counts of lines."""

    total: int = Field(description="Total lines; 0 until the input has been validated.")
    completed: int = Field(description="Lines that were answered.")
    failed: int = Field(description="Lines that failed, or were not run.")


class BatchObject(Listed):
    """One batch."""

    id: str = Field(description="What other requests name it by.")
    object: Literal["batch"] = Field("batch", description="Always `batch`.")
    endpoint: str = Field(description="Endpoint of every line.")
    errors: BatchFaults | None = Field(None, description="Why it failed, or what delays it.")
    input_file_id: str = Field(description="The file with the requests.")
    completion_window: str = Field(description="As in the request.")
    status: BatchStatus = Field(description="Status of the batch.")
    output_file_id: str | None = Field(None, description="The file with the answers, once it has ended.")
    error_file_id: str | None = Field(None, description="The file with the failures, once it has ended.")
    created_at: int = Field(description="Unix time.")
    in_progress_at: int | None = Field(None, description="Unix time.")
    expires_at: int = Field(description="Unix time at which lines that have not begun expire.")
    finalizing_at: int | None = Field(None, description="Unix time.")
    completed_at: int | None = Field(None, description="Unix time.")
    failed_at: int | None = Field(None, description="Unix time.")
    expired_at: int | None = Field(None, description="Unix time.")
    cancelling_at: int | None = Field(None, description="Unix time.")
    cancelled_at: int | None = Field(None, description="Unix time.")
    request_counts: RequestCounts = Field(description="Counts of its lines.")
    metadata: dict[str, str] | None = Field(None, description="As given.")


class BatchList(ListPage[BatchObject]):
    """A page of the caller's batches."""
