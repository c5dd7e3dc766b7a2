"""Server-sent events as bytes: split at their ends, with `x_groq` added, and otherwise unchanged."""

import json
import re
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

from speechd.errors import BackendFailure
from speechd.llm.errors import normalised

_END = re.compile(rb"\r\n\r\n|\n\n|\r\r")
_MAX_EVENT = 64 << 20

DONE = b"[DONE]"
"""Ends the stream of a completion."""
RESPONSE_ENDS = (b"response.completed", b"response.failed", b"response.incomplete", b'"error"')
"""Types of the event that ends the stream of a response."""


async def whole_events(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same stream in pieces that end where an event ends. Events that arrive together stay together.

    Raises:
        BackendFailure: an event has no end.
    """
    rest = b""
    async for chunk in chunks:
        rest += chunk
        if end := _last_end(rest, len(chunk)):
            yield rest[:end]
            rest = rest[end:]
        elif len(rest) > _MAX_EVENT:
            raise BackendFailure("The LLM backend sent an event without an end.")
    if rest:
        yield rest


def _last_end(data: bytes, fresh: int) -> int:
    """Where the last whole event ends, 0 if there is none; only what the last `fresh` bytes completed can be new."""
    ends = [match.end() for match in _END.finditer(data, max(0, len(data) - fresh - 3))]
    return ends[-1] if ends else 0


def split(events: bytes) -> list[bytes]:
    """Several whole events, one by one; joined they give the same bytes."""
    cuts = [0, *(match.end() for match in _END.finditer(events)), len(events)]
    return [events[start:end] for start, end in pairwise(cuts) if start < end]


def payload(event: bytes) -> Any:
    """The JSON of an event's data; None when it carries none. llama.cpp's `error: {...}` counts as data."""
    lines = event.replace(b"\r\n", b"\n").split(b"\n")
    data = b"\n".join(line.partition(b":")[2].strip() for line in lines if line.startswith((b"data:", b"error:")))
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return {"error": value} if event.startswith(b"error:") else value


def with_member(text: bytes, name: str, value: Any) -> bytes:
    """Adds a member at the front of a JSON object's text. Other bytes do not change. An existing member is kept."""
    start = text.find(b"{")
    if start < 0 or f'"{name}"'.encode() in text:
        return text
    comma = b"" if text[start + 1 :].lstrip().startswith(b"}") else b","
    member = json.dumps({name: value})[1:-1].encode()
    return text[: start + 1] + member + comma + text[start + 1 :]


class CompletionEvents:
    """The events of a completion, with errors in our envelope. The first event and the usage event get `x_groq` if
    wanted."""

    def __init__(self, request_id: str | None) -> None:
        """
        Args:
            request_id: what `x_groq` shall carry; None leaves it out.
        """
        self._request_id = request_id
        self._begun = False
        self._ended = False

    async def relay(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """
        Raises:
            BackendFailure: the stream ended without its end.
        """
        async for events in whole_events(chunks):
            yield b"".join(map(self._touched, split(events))) if self._needs_touch(events) else events
            self._ended = self._ended or DONE in events
        if not self._ended:
            raise BackendFailure("The LLM backend ended its answer early.")

    def _needs_touch(self, events: bytes) -> bool:
        signs = self._request_id is not None and (not self._begun or b'"usage"' in events)
        return signs or b'"error"' in events or events.startswith(b"error:")

    def _touched(self, event: bytes) -> bytes:
        if b"{" not in event:
            return event
        if b'"error"' in event or event.startswith(b"error:"):
            said = payload(event)
            if isinstance(said, dict) and said.get("error"):
                self._ended = True
                return _message({"error": normalised(said, 500)})
        return event if self._request_id is None else self._signed(event)

    def _signed(self, event: bytes) -> bytes:
        first, self._begun = not self._begun, True
        usage = None
        if b'"usage"' in event:
            said = payload(event)
            usage = said.get("usage") if isinstance(said, dict) else None
        if not first and not usage:
            return event
        signature = {"id": self._request_id} | ({"usage": usage} if usage else {})
        return with_member(event, "x_groq", signature)


async def response_events(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The events of a response, unchanged except for the form of an error.

    Raises:
        BackendFailure: the stream ended without its end.
    """
    last = b""
    async for events in whole_events(chunks):
        yield events
        last = events
    if not any(end in last for end in (*RESPONSE_ENDS, DONE)):
        raise BackendFailure("The LLM backend ended its answer early.")


def _message(value: Any) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"
