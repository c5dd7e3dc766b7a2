"""A WebSocket's connection: uvicorn's, which ends in order and leaves nothing behind."""

import asyncio
from typing import Any

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

SHUTDOWN = "speechd.shutdown"
"""Extension of the scope: an asyncio.Event that is set when the server stops."""
ABORT_SECONDS = 5.0
"""After a connection is closed: what the peer has not read by then is dropped."""


class SocketConnection(WebSocketsSansIOProtocol):
    """One WebSocket."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._stops = asyncio.Event()

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if hasattr(self, "scope"):
            extensions: dict[str, Any] = self.scope["extensions"]
            extensions[SHUTDOWN] = self._stops

    async def send(self, message: ASGISendEvent) -> None:
        await super().send(message)
        if self.close_sent:
            self.handshake_complete = True  # it was refused: uvicorn would call that a fault

    def shutdown(self) -> None:
        """The session closes by itself. uvicorn would drop what it is about to say."""
        if self.handshake_complete and not self.close_sent:
            self._stops.set()
        else:
            super().shutdown()

    def keepalive_timeout(self) -> None:
        """A pong that is not read, because the session has enough to do, is not late."""
        if self.read_paused:
            self.pong_timer = self.pending_ping_payload = None
            self.schedule_ping()
            return
        super().keepalive_timeout()
        self._abort_later()

    def on_task_complete(self, task: "asyncio.Task[None]") -> None:
        super().on_task_complete(task)
        self._abort_later()

    def _abort_later(self) -> None:
        self.loop.call_later(ABORT_SECONDS, self.transport.abort)
