"""Server-sent events, one JSON object each (HTML standard, section 9.2)."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from typing import Any

from speechd.api.errors import internal_error, note_error
from speechd.api.responses.stream import StreamResponse
from speechd.errors import SpeechdError

DONE_EVENT = b"data: [DONE]\n\n"


class ServerSentEvents(StreamResponse):
    """Events; what breaks once the status is out becomes a last `{"error": ...}` event, which the SDKs raise."""

    def __init__(self, chunks: AsyncIterator[bytes], resources: AsyncExitStack, headers: Mapping[str, str]) -> None:
        """
        Args:
            chunks: whole events, or several at once.
            resources, headers: see StreamResponse.
        """
        super().__init__(chunks, resources, {"cache-control": "no-store", "x-accel-buffering": "no", **headers})

    def last_chunk(self, error: Exception, request_id: str) -> bytes:
        """See StreamResponse."""
        known = error if isinstance(error, SpeechdError) else internal_error(request_id)
        note_error(known)
        return _message(known.envelope())


class EventStream(ServerSentEvents):
    """Events that this server makes."""

    media_type = "text/event-stream"

    def __init__(
        self,
        events: AsyncIterator[Mapping[str, Any]],
        resources: AsyncExitStack,
        headers: Mapping[str, str],
        *,
        end: bytes = b"",
    ) -> None:
        """
        Args:
            events: errors from it become one last `{"error": ...}` event, without `end`.
            resources, headers: see StreamResponse.
            end: what follows the last event. Transcriptions end with DONE_EVENT, speech does not.
        """
        super().__init__(_messages(events, end), resources, headers)


async def _messages(events: AsyncIterator[Mapping[str, Any]], end: bytes) -> AsyncIterator[bytes]:
    async for event in events:
        yield _message(event)
    yield end


def _message(event: Mapping[str, Any]) -> bytes:
    return f"data: {json.dumps(event, ensure_ascii=False)}\n\n".encode()
