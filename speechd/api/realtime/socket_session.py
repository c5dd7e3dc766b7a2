"""A session on a WebSocket: a client's events one after the other, until the client leaves, the session expires or the
server stops."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack, suppress
from typing import Any, ClassVar, cast

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from speechd.api.errors import error_response
from speechd.api.middleware.rate_limits import caller_of
from speechd.api.middleware.socket_keys import subprotocols
from speechd.api.realtime.connection import SHUTDOWN
from speechd.api.realtime.events import Event, error_event
from speechd.api.realtime.limits import SessionLimiter
from speechd.api.realtime.messages import parse_message
from speechd.errors import InternalError, InvalidRequest, SpeechdError

PROTOCOL = "realtime"
"""The subprotocol that OpenAI's SDK offers from browsers."""
SEND_SECONDS = 20.0
"""A client that does not read for so long is left."""
DRAIN_SECONDS = 5.0
"""In which what was asked is still answered when the server stops."""
NORMAL, GOING_AWAY = 1000, 1001
"""Close codes (RFC 6455, section 7.4.1)."""

log = logging.getLogger("speechd.live")


class ClientTooSlow(Exception):
    """The client does not read what it is sent."""


class SocketSession:
    """Base of the sessions on an accepted WebSocket."""

    HANDLERS: ClassVar[Mapping[str, Callable[[Any, dict[str, Any]], Awaitable[None]]]]
    """What is done with each event of a client."""

    def __init__(self, socket: WebSocket, seconds: float) -> None:
        """
        Args:
            seconds: after which the session expires.
        """
        self._socket = socket
        self._seconds = seconds

    async def run(self, stops: asyncio.Event) -> None:
        """Until the client leaves, the session expires, its work ends or the server stops; then nothing of it is left.

        Args:
            stops: set when the server stops.
        """
        reading = asyncio.create_task(self._read(), name="session-reader")
        stopping = asyncio.create_task(stops.wait(), name="session-stop")
        working = asyncio.create_task(self._work(), name="session-work")
        tasks = {reading, stopping, working}
        try:
            await asyncio.wait(tasks, timeout=self._seconds, return_when=asyncio.FIRST_COMPLETED)
            reading.cancel()
            if stopping.done():
                await self._drain(DRAIN_SECONDS)
                await self._close(GOING_AWAY, "The server stops.")
            elif working.done():
                working.result()
                await self._close(NORMAL, "The session has ended.")
            elif not await _ended(reading):
                expired = InvalidRequest("The session has reached its maximum length.", code="session_expired")
                await self._send(error_event(expired, None))
                await self._close(NORMAL, "The session has expired.")
        except (WebSocketDisconnect, ClientTooSlow):
            log.info("the client of a session has left")
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._end()

    async def _open(self) -> None:
        """Greets the client."""
        raise NotImplementedError

    async def _work(self) -> None:
        """Runs beside the reading; the session ends with it."""
        await asyncio.Event().wait()

    async def _drain(self, seconds: float) -> None:
        """Waits for what was asked, at most so long."""

    async def _end(self) -> None:
        """Ends all work."""

    async def _read(self) -> None:
        """The client's events, one after the other: what is not read yet waits on the wire."""
        await self._open()
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            await self._answer(message.get("text"))

    async def _answer(self, text: str | None) -> None:
        client_event = None
        try:
            if text is None:
                raise InvalidRequest("Messages are JSON text; audio goes in them as base64.", code="invalid_json")
            message = await parse_message(text)
            given = message.get("event_id")
            client_event = given[:512] if isinstance(given, str) else None
            await self._handle(message)
        except SpeechdError as error:
            await self._send(error_event(error, client_event))
        except (WebSocketDisconnect, ClientTooSlow):
            raise
        except Exception:
            log.exception("an event of a session failed")
            await self._send(error_event(InternalError("Something went wrong inside the server."), client_event))

    async def _handle(self, message: dict[str, Any]) -> None:
        """
        Raises:
            SpeechdError: the event is refused.
        """
        handler = self.HANDLERS.get(message["type"])
        if handler is None:
            known = ", ".join(self.HANDLERS)
            raise InvalidRequest(
                f"Unknown event {message['type'][:80]!r}. This server takes {known}.",
                param="type",
                code="unknown_event",
            )
        await handler(self, message)

    async def _send(self, event: Event) -> None:
        """
        Raises:
            WebSocketDisconnect: the client has left.
            ClientTooSlow: it does not read.
        """
        text = json.dumps(event, ensure_ascii=False)
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await self._socket.send_text(text)
        except TimeoutError:
            raise ClientTooSlow from None

    async def _close(self, code: int, reason: str) -> None:
        if self._socket.application_state is WebSocketState.CONNECTED:
            with suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
                async with asyncio.timeout(DRAIN_SECONDS):
                    await self._socket.close(code, reason)


async def serve_session(socket: WebSocket, make: Callable[[], Awaitable[SocketSession]]) -> None:
    """One session, from its opening request to its end. What is refused before it is accepted gets an HTTP status.

    Args:
        make: gives the session, or raises why there is none.
    """
    limiter = cast(SessionLimiter, socket.app.state.realtime)
    with ExitStack() as opened:
        try:
            opened.enter_context(limiter.opened(caller_of(socket)))
            session = await make()
        except SpeechdError as error:
            await socket.send_denial_response(error_response(error))
            return
        with suppress(WebSocketDisconnect):
            await socket.accept(PROTOCOL if PROTOCOL in subprotocols(socket.headers) else None)
            await session.run(socket.scope["extensions"].get(SHUTDOWN) or asyncio.Event())


def session_of(message: Mapping[str, Any]) -> dict[str, Any]:
    """What a `session.update` changes.

    Raises:
        InvalidRequest: it has no session.
    """
    update = message.get("session")
    if not isinstance(update, dict):
        raise InvalidRequest("`session` is required: an object.", param="session")
    return update


async def _ended(reading: "asyncio.Task[None]") -> bool:
    """Whether the client has left; what went wrong is raised."""
    try:
        await reading
    except asyncio.CancelledError:
        return False
    return True
