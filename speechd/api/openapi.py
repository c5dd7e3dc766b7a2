"""What /openapi.json says about bodies that are parsed by hand."""

import base64
import io
import wave
from typing import Any

from fastapi import Response

from speechd.audio.encode import FORMATS as AUDIO_FORMATS
from speechd.formats import FORMATS
from speechd.schemas import AudioForm, ErrorEnvelope
from speechd.schemas_speech import SpeechBody

FAILURES = {
    400: "A parameter or the audio is not valid.",
    401: "The API key is missing or wrong.",
    403: "The URL or the caller is not allowed.",
    404: "The model does not exist.",
    413: "The upload or the recording is over a limit.",
    422: "The model cannot do this.",
    424: "The URL could not be fetched.",
    429: "A rate limit is reached; `retry-after` says when to try again.",
    503: "Too much work is waiting, or the model is not installed.",
}
EVENT = {"type": "object", "properties": {"data": {"type": "string"}, "event": {"type": "string"}}}
"""One server-sent event."""
FILE = {"type": "string", "format": "binary", "description": "The recording, in any common container."}


def audio_operation(form: type[AudioForm]) -> dict[str, Any]:
    """Arguments for a route that reads `form`: summary, request bodies and replies, taken from the schema."""
    return {
        "summary": (form.__doc__ or "").strip(),
        "response_class": Response,
        "responses": {200: _success(), **{status: _failure(text) for status, text in FAILURES.items()}},
        "openapi_extra": {"requestBody": {"required": True, "content": _bodies(form)}},
    }


def speech_operation() -> dict[str, Any]:
    """The same for the route that speaks."""
    schema = inlined(SpeechBody.model_json_schema())
    kinds = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data")
    sound = {"schema": {"type": "string", "format": "binary"}}
    media = sorted({shape.media_type for shape in AUDIO_FORMATS.values()})
    success = {
        "description": "The audio as it is made, or `speech.audio.delta` events.",
        "content": dict.fromkeys(media, sound) | {"text/event-stream": {"schema": EVENT}},
    }
    failures = {status: _failure(text) for status, text in FAILURES.items() if status not in (422, 424)}
    content = {"schema": schema, "example": {"model": "auto", "input": "Hello there."}}
    return {
        "summary": (SpeechBody.__doc__ or "").strip(),
        "response_class": Response,
        "responses": {200: success, **failures, 501: _failure("The part that speaks is not installed.")},
        "openapi_extra": {"requestBody": {"required": True, "content": dict.fromkeys(kinds, content)}},
    }


def _bodies(form: type[AudioForm]) -> dict[str, Any]:
    schema = inlined(form.model_json_schema())
    url_only = {**schema, "required": [*schema["required"], "url"]}
    with_file = {**schema, "properties": {"file": FILE, **schema["properties"]}}
    # Swagger's form sends what it shows, and shows "string" where nothing else is given.
    examples = {"model": "auto", "language": "", "url": ""}
    for name, example in examples.items():
        with_file["properties"][name] = {**schema["properties"][name], "example": example}
    return {
        "multipart/form-data": {"schema": with_file},
        "application/json": {"schema": url_only, "example": {"model": "auto", "url": _silence()}},
        "application/x-www-form-urlencoded": {"schema": url_only},
    }


def _silence() -> str:
    """A twentieth of a second of nothing, as a recording that an example can carry."""
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
            FORMATS["text"].media_type.partition(";")[0]: {"schema": {"type": "string"}},
            "text/event-stream": {"schema": EVENT},
        },
    }


def _failure(description: str) -> dict[str, Any]:
    return {"model": ErrorEnvelope, "description": description}
