"""A backend's errors in our envelope: string codes, and no paths of the backend's disk."""

import json
import math
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

from speechd.errors import BackendFailure, BackendRefusal, ModelNotFound, NotSupportedByBackend, SpeechdError
from speechd.llm.backends import SETTING, Backend

RETRY_AFTER = (("retry-after-ms", 0.001), ("retry-after", 1.0))
"""Reply headers that tell when to try again, the more exact one first, and their unit in seconds."""
MAX_MESSAGE = 2000

_API_PATH = r"/(?:openai/)?v\d"
_PATH = re.compile(
    rf"(?<![\w:/.])(?!{_API_PATH})(?:[A-Za-z]:\\[^\s'\"`<>|]+|(?:file:(?://)?)?(?:/[^\s/'\"`<>,:;()]+){{2,}}/?)"
)


def scrubbed(text: str) -> str:
    """Without absolute paths of files: `failed to load /home/x/m.gguf` -> `failed to load <path>`."""
    return _PATH.sub("<path>", text)[:MAX_MESSAGE]


def refusal(backend: Backend, status: int, body: bytes, headers: Mapping[str, str]) -> SpeechdError:
    """The error for the caller when a backend answers with status 300 or above."""
    if status < HTTPStatus.BAD_REQUEST:
        return BackendFailure(f"The LLM backend ({backend.name}) redirects; its base URL may be wrong.")
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return BackendFailure(
            f"The LLM backend ({backend.name}) refuses this server's key: see SPEECHD_LLM_API_KEY.",
            code="backend_rejected_key",
        )
    error = normalised(_parsed(body), status)
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED):
        if status == HTTPStatus.NOT_FOUND and "model" in error["message"].lower():
            return ModelNotFound(error["message"], param="model")
        return NotSupportedByBackend(
            f"The LLM backend ({backend.name}) does not offer this; name one that does with {SETTING}"
            " or SPEECHD_LLM_BACKENDS_FILE."
        )
    said = {"true": True, "false": False}.get(headers.get("x-should-retry", ""))
    return BackendRefusal.of(status, error, retry_after=_retry_after(headers, time.time()), should_retry=said)


def _retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds until the backend wants to be asked again: a number, or a date (RFC 9110, section 10.2.3)."""
    for name, unit in RETRY_AFTER:
        value = headers.get(name, "")
        with suppress(ValueError, OverflowError):
            seconds = float(value) * unit
            if math.isfinite(seconds):
                return max(0.0, seconds)
        with suppress(ValueError, OverflowError):
            return max(0.0, parsedate_to_datetime(value).timestamp() - now)
    return None


def normalised(body: Any, status: int) -> dict[str, Any]:
    """The error object of an envelope: the backend's error, completed and cleaned.

    It reads `{"error": {...}}`, `{"error": "..."}`, `{"message": ...}`, `{"detail": ...}` and plain text; HTML
    is dropped.
    """
    said = body.get("error", body) if isinstance(body, dict) else body
    error: dict[str, Any] = dict(_clean(said)) if isinstance(said, dict) else {"message": _clean(said)}
    error.pop("object", None)
    error["message"] = _message(error.get("message") or error.pop("detail", None), status)
    default_type = "server_error" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_request_error"
    error["type"] = str(error.get("type") or default_type)
    error["param"] = _text(error.get("param"))
    error["code"] = _text(error.get("code"))
    return error


def _parsed(body: bytes) -> Any:
    text = body.decode("utf-8", "replace").strip()
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return "" if text.startswith("<") else text


def _message(said: Any, status: int) -> str:
    """A validation error's list of faults becomes its first fault's sentence."""
    if isinstance(said, list) and said and isinstance(said[0], dict):
        where = ".".join(str(part) for part in said[0].get("loc", ()) if part != "body")
        said = f"{where}: {said[0].get('msg', '')}" if where else said[0].get("msg")
    if isinstance(said, str) and said.strip():
        return said.strip()
    return f"The LLM backend answered with status {status} and no explanation."


def _text(value: Any) -> str | None:
    return None if value is None or value == "" else str(value)


def _clean(value: Any) -> Any:
    """Every string in it without paths and without what JSON text cannot carry."""
    match value:
        case str():
            return scrubbed(value.encode("utf-8", "replace").decode())
        case dict():
            return {key: _clean(item) for key, item in value.items()}
        case list():
            return [_clean(item) for item in value]
    return value
