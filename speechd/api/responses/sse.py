"""Server-sent events, one JSON object each, ended by `[DONE]` (HTML standard, section 9.2)."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from speechd.api.disconnect import cancelled_on_disconnect
from speechd.api.errors import internal_error
from speechd.errors import SpeechdError

DONE = b"data: [DONE]\n\n"


class EventStream(Response):
    """Sends events as they come; when it ends, however it ends, it closes the resources behind them."""

    media_type = "text/event-stream"

    def __init__(
        self, events: AsyncIterator[Mapping[str, Any]], resources: AsyncExitStack, headers: Mapping[str, str]
    ) -> None:
        """
        Args:
            events: errors from it become one last `{"error": ...}` event.
            resources: closed at the end, in the task that iterated `events`.
            headers: extra reply headers.
        """
        super().__init__(headers={"cache-control": "no-store", "x-accel-buffering": "no", **headers})
        del self.headers["content-length"]
        self._events = events
        self._resources = resources

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._resources, cancelled_on_disconnect(receive):
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            await self._send_events(scope, send)
            await send({"type": "http.response.body", "body": b""})

    async def _send_events(self, scope: Scope, send: Send) -> None:
        try:
            async for event in self._events:
                await send(_message(event))
        except SpeechdError as error:
            await send(_message(error.envelope()))
        except Exception:  # noqa: BLE001 - the status is out; the last event is the only way left to tell
            await send(_message(internal_error(scope["state"]["request_id"]).envelope()))
        else:
            await send({"type": "http.response.body", "body": DONE, "more_body": True})


def _message(event: Mapping[str, Any]) -> dict[str, Any]:
    data = json.dumps(event, ensure_ascii=False)
    return {"type": "http.response.body", "body": f"data: {data}\n\n".encode(), "more_body": True}
