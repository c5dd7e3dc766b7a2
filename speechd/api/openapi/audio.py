"""OpenAPI descriptions of bodies that are parsed by hand."""

import base64
import io
import wave
from typing import Any

from fastapi import Response

from speechd.audio.encode import AUDIO_FORMATS as AUDIO_FORMATS
from speechd.formats.transcript import TRANSCRIPT_FORMATS
from speechd.schemas.audio_jobs import AudioJobObject, WebhookForm
from speechd.schemas.formatting.form import FormatForm
from speechd.schemas.recordings.recording import RecordingForm
from speechd.schemas.speech import SpeechBody
from speechd.schemas.subtitles import SubtitleOptions
from speechd.schemas.transcription import ErrorEnvelope

AUDIO_FAILURES = {
    400: "A parameter or the audio is not valid.",
    401: "The API key is missing or wrong.",
    403: "The URL or the caller is not allowed.",
    404: "The model does not exist.",
    413: "The upload or the recording is over a limit.",
    422: "The model cannot do this.",
    424: "The URL could not be fetched.",
    429: "A rate limit is reached. `retry-after` gives the time of the next try.",
    503: "Too much work is waiting, or the model is not installed.",
}
EVENT = {"type": "object", "properties": {"data": {"type": "string"}, "event": {"type": "string"}}}
"""One server-sent event."""
PREFER = {
    "name": "Prefer",
    "in": "header",
    "schema": {"type": "string"},
    "description": "`respond-async` (RFC 7240): answer 202 with an audio job at once.",
}
LATER: dict[str, Any] = {
    "model": AudioJobObject,
    "description": "With `Prefer: respond-async`: the audio job, whose path is in `location`.",
}
_TEXT_TYPES = sorted(
    {row.media_type.partition(";")[0] for row in TRANSCRIPT_FORMATS.values() if row.media_type.startswith("text/")}
)
TEXT_CONTENT = {name: {"schema": {"type": "string"}} for name in _TEXT_TYPES}
"""Transcripts that are no JSON, by media type."""
FILE = {"type": "string", "format": "binary", "description": "The recording, in any common container."}


def audio_operation(form: type[RecordingForm]) -> dict[str, Any]:
    """Arguments of a route that reads `form`: summary, request bodies and replies, taken from the schema."""
    return {
        "summary": (form.__doc__ or "").strip(),
        "response_class": Response,
        "responses": {
            200: _success(),
            202: LATER,
            **{status: failure(text) for status, text in AUDIO_FAILURES.items()},
        },
        "openapi_extra": {"parameters": [PREFER], "requestBody": {"required": True, "content": _bodies(form)}},
    }


def format_operation() -> dict[str, Any]:
    """The same for the route that writes a given transcript."""
    said = {"id": 0, "start": 0.0, "end": 1.2, "text": " Hello there."}
    example = {"transcript": {"language": "english", "duration": 1.2, "segments": [said]}, "response_format": "srt"}
    success = {"description": "The transcript in the format asked for.", "content": _success()["content"]}
    del success["content"]["text/event-stream"]
    schema = inlined(FormatForm.model_json_schema())
    return {
        "summary": (FormatForm.__doc__ or "").strip(),
        "response_class": Response,
        "responses": {200: success} | {status: failure(AUDIO_FAILURES[status]) for status in (400, 401, 403, 413, 429)},
        "openapi_extra": {
            "requestBody": {"required": True, "content": {"application/json": {"schema": schema, "example": example}}}
        },
    }


def speech_operation() -> dict[str, Any]:
    """The same for the speech route."""
    schema = _with_webhook(inlined(SpeechBody.model_json_schema()))
    kinds = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data")
    sound = {"schema": {"type": "string", "format": "binary"}}
    media = sorted({shape.media_type for shape in AUDIO_FORMATS.values()})
    success = {
        "description": "The audio as it is made, or `speech.audio.delta` events.",
        "content": dict.fromkeys(media, sound) | {"text/event-stream": {"schema": EVENT}},
    }
    failures = {status: failure(text) for status, text in AUDIO_FAILURES.items() if status not in (422, 424)}
    content = {"schema": schema, "example": {"model": "auto", "input": "Hello there."}}
    return {
        "summary": (SpeechBody.__doc__ or "").strip(),
        "response_class": Response,
        "responses": {200: success, 202: LATER, **failures, 501: failure("The extra `tts` is not installed.")},
        "openapi_extra": {
            "parameters": [PREFER],
            "requestBody": {"required": True, "content": dict.fromkeys(kinds, content)},
        },
    }


def sample_operation() -> dict[str, Any]:
    """The same for the route of a voice's sample."""
    sound = {"audio/mpeg": {"schema": {"type": "string", "format": "binary"}}}
    refused = {status: AUDIO_FAILURES[status] for status in (401, 403, 429, 503)} | {404: "There is no such voice."}
    return {
        "summary": "A sentence that a voice speaks, as MP3.",
        "response_class": Response,
        "responses": {200: {"description": "The sample.", "content": sound}}
        | {status: failure(text) for status, text in sorted(refused.items())},
    }


def _bodies(form: type[RecordingForm]) -> dict[str, Any]:
    schema = _with_webhook(inlined(form.model_json_schema()))
    wishes_last = sorted(schema["properties"].items(), key=lambda each: each[0] in SubtitleOptions.model_fields)
    schema["properties"] = dict(wishes_last)
    url_only = {**schema, "anyOf": [{"required": [name]} for name in ("url", "file_id")]}
    with_file = {**schema, "properties": {"file": FILE, **schema["properties"]}}
    # Swagger's form sends the values that it shows, and shows "string" or 0 without a default.
    optional = [name for name, each in schema["properties"].items() if {"type": "null"} in each.get("anyOf", ())]
    for name, example in {"model": "auto", **dict.fromkeys(optional, "")}.items():
        with_file["properties"][name] = {**schema["properties"][name], "example": example}
    return {
        "multipart/form-data": {"schema": with_file},
        "application/json": {"schema": url_only, "example": {"model": "auto", "url": _silence()}},
        "application/x-www-form-urlencoded": {"schema": url_only},
    }


def _with_webhook(schema: dict[str, Any]) -> dict[str, Any]:
    added = inlined(WebhookForm.model_json_schema())["properties"]
    return {**schema, "properties": {**schema["properties"], **added}}


def _silence() -> str:
    """50 ms of silence, as a recording for an example."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(1)
        writer.setframerate(8000)
        writer.writeframes(b"\x80" * 400)
    return "data:audio/wav;base64," + base64.b64encode(file.getvalue()).decode()


def inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """Without `$defs`: references into a request body's own schema do not resolve inside openapi.json."""
    definitions = schema.pop("$defs", {})

    def resolve(node: Any) -> Any:
        if isinstance(node, dict):
            if "$ref" in node:
                return resolve(definitions[node["$ref"].rpartition("/")[2]])
            return {key: resolve(value) for key, value in node.items()}
        return [resolve(item) for item in node] if isinstance(node, list) else node

    inlined: dict[str, Any] = resolve(schema)
    return inlined


def _success() -> dict[str, Any]:
    return {
        "description": "The text, in the format asked for.",
        "content": {
            "application/json": {"schema": {"type": "object", "properties": {"text": {"type": "string"}}}},
            **TEXT_CONTENT,
            "text/event-stream": {"schema": EVENT},
        },
    }


def failure(description: str) -> dict[str, Any]:
    return {"model": ErrorEnvelope, "description": description}
