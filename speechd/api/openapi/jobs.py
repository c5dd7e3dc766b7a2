"""OpenAPI descriptions of files, batches and jobs."""

from collections.abc import Mapping
from typing import Any

from fastapi import Response
from pydantic import BaseModel

from speechd.api.openapi.audio import EVENT, TEXT_CONTENT, inlined
from speechd.audio.encode import AUDIO_FORMATS as AUDIO_FORMATS
from speechd.dialects import Dialect
from speechd.schemas.batches import BatchForm, BatchObject, FileForm, FileObject
from speechd.schemas.transcription import ErrorEnvelope

EXAMPLE_FILE = "file_01jh6x76wtemjr74t1fh0faj5t"
JOB_FAILURES = {
    400: "A parameter is not valid.",
    401: "The API key is missing or wrong.",
    403: "The caller is not allowed.",
    429: "A rate limit is reached. `retry-after` gives the time of the next try.",
    503: "Files and batches are not available: the disk is full or read-only, or the database cannot be reached.",
}
MISSING = {404: "It does not exist, or you do not have access to it."}
TOO_LARGE = {413: "The file is larger than the limit, or the quota of this server is used up."}


def refusals(more: dict[int, str] | None = None) -> dict[int | str, dict[str, Any]]:
    """The error replies, for a route's `responses`."""
    failures = sorted((JOB_FAILURES | (more or {})).items())
    return {status: {"model": ErrorEnvelope, "description": text} for status, text in failures}


def null_members(dialect: Dialect) -> dict[str, Any]:
    """Arguments of a route whose answer has members without a value as null, or leaves them out."""
    return {"response_model_exclude_none": not dialect.null_members}


def upload_operation(dialect: Dialect) -> dict[str, Any]:
    """Arguments of the route for uploads of files."""
    schema = inlined(FileForm.model_json_schema())
    schema["properties"]["purpose"]["enum"] = sorted(dialect.file_purposes)
    content = {"type": "string", "format": "binary", "description": "The file. For batches it is JSONL."}
    schema["properties"] = {"file": content, **schema["properties"]}
    schema["required"] = ["file", *schema["required"]]
    return {
        "summary": "Upload a file.",
        "response_model": FileObject,
        "responses": refusals(TOO_LARGE),
        "openapi_extra": {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}},
    }


def with_json(form: type[BaseModel], example: Mapping[str, Any]) -> dict[str, Any]:
    """Summary and JSON body of a route that reads `form` by hand, with an example of one."""
    content = {"application/json": {"schema": inlined(form.model_json_schema()), "example": example}}
    return {
        "summary": (form.__doc__ or "").strip(),
        "openapi_extra": {"requestBody": {"required": True, "content": content}},
    }


def part_operation(field: str) -> dict[str, Any]:
    """Summary and body of the route for a part of an upload."""
    data = {"type": "string", "format": "binary", "description": "The next bytes of the file, 64 MiB at most."}
    schema = {"type": "object", "properties": {field: data}, "required": [field]}
    return {
        "summary": "Add a part to an upload.",
        "openapi_extra": {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}},
    }


def download_operation() -> dict[str, Any]:
    """The same for the route of a file's content."""
    content = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
    return {
        "summary": "Download a file.",
        "response_class": Response,
        "responses": {200: {"description": "The content.", "content": content}, **refusals(MISSING)},
    }


def result_operation() -> dict[str, Any]:
    """The same for the route of a job's result."""
    sound = {"schema": {"type": "string", "format": "binary"}}
    content: dict[str, Any] = {"application/json": {"schema": {}}, **TEXT_CONTENT}
    content |= dict.fromkeys(sorted({shape.media_type for shape in AUDIO_FORMATS.values()}), sound)
    return {
        "summary": "The answer of an audio job, exactly as in a synchronous request.",
        "response_class": Response,
        "responses": {200: {"description": "The answer.", "content": content}, **refusals(MISSING)},
    }


def events_operation() -> dict[str, Any]:
    """The same for the route of a job's events."""
    return {
        "summary": "Follow an audio job: its changes and its segments as server-sent events.",
        "response_class": Response,
        "responses": {
            200: {
                "description": "`audio.job.updated`, `transcript.text.segment`, and at the end `audio.job.completed`,"
                " `audio.job.failed` or `audio.job.cancelled`.",
                "content": {"text/event-stream": {"schema": EVENT}},
            },
            **refusals(MISSING),
        },
    }


def input_operation() -> dict[str, Any]:
    """The same for the route of a job's recording."""
    sound = {"schema": {"type": "string", "format": "binary"}}
    content = dict.fromkeys(("audio/*", "video/*", "application/octet-stream"), sound)
    return {
        "summary": "The recording of an audio job, whole or a `Range` of it.",
        "response_class": Response,
        "responses": {
            200: {"description": "The recording.", "content": content},
            206: {"description": "The range.", "content": content},
            **refusals(MISSING | {416: "The range begins after the end of the recording."}),
        },
    }


def batch_operation() -> dict[str, Any]:
    """The same for the route that creates batches."""
    example = {"input_file_id": EXAMPLE_FILE, "endpoint": "/v1/audio/transcriptions", "completion_window": "24h"}
    content = {"application/json": {"schema": inlined(BatchForm.model_json_schema()), "example": example}}
    return {
        "summary": "Create a batch.",
        "response_model": BatchObject,
        "responses": refusals(MISSING | TOO_LARGE),
        "openapi_extra": {"requestBody": {"required": True, "content": content}},
    }
