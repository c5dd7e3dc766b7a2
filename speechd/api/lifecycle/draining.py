"""A server that leaves: it serves on for a while, waits for requests in work, and tells the rest to come again.

It goes through three states. Draining: `/readyz` says 503, so that balancers send no new requests, and everything is
still served. Leaving: nothing new is accepted, and WebSockets are closed with 1001. Over time: what is still in work is
answered 503.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Literal

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from speechd.api.errors import error_response
from speechd.errors import ShuttingDown

RETRY_AFTER = 5.0
"""Seconds after which a refused caller may come again: another server is there, or this one has started anew."""
GOING_AWAY = 1001
"""Close code of a server that goes down (RFC 6455, section 7.4.1)."""
SOCKETS_SECONDS = 2.0
"""Seconds in which WebSockets end after they were closed."""

State = Literal["serving", "draining", "leaving"]

log = logging.getLogger("speechd.api")


class Draining:
    """What a server that leaves knows of its work; belongs to one event loop."""

    def __init__(self) -> None:
        self.state: State = "serving"
        self.on_begin: list[Callable[[], None]] = []
        """Called when the server begins to drain: work that others can do is handed back."""
        self.on_close: list[Callable[[], None]] = []
        """Called when no request is in work any more, and the parts of the service close."""
        self._left = asyncio.Event()
        self._requests: set[asyncio.Task[object]] = set()
        self._abandoned: set[asyncio.Task[object]] = set()
        self._sockets: set[asyncio.Task[object]] = set()

    @property
    def requests(self) -> int:
        """Requests in work."""
        return len(self._requests)

    def begin(self) -> None:
        """From now on the server is not ready."""
        self.state = "draining"
        for action in self.on_begin:
            action()

    def close(self) -> None:
        """The parts of the service close now."""
        for action in self.on_close:
            action()

    async def leave(self) -> None:
        """Closes the WebSockets."""
        self.state = "leaving"
        self._left.set()
        if self._sockets:
            await asyncio.wait(self._sockets, timeout=SOCKETS_SECONDS)

    def abandon(self) -> None:
        """Answers what is still in work with 503."""
        if self._requests:
            log.warning("%d requests did not end in time and are answered 503", len(self._requests))
        for task in self._requests:
            self._abandoned.add(task)
            task.cancel()


class DrainMiddleware:
    """Wraps the application."""

    def __init__(self, app: ASGIApp, draining: Draining) -> None:
        self.app = app
        self.draining = draining

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._request(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._socket(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start" and self.draining.state != "serving":
                MutableHeaders(scope=message)["connection"] = "close"  # the caller's next request goes elsewhere
            started = True
            await send(message)

        task = asyncio.current_task()
        assert task is not None, "runs inside a task"  # noqa: S101 - for the type checker
        self.draining._requests.add(task)
        try:
            await self.app(scope, receive, watched)
        except asyncio.CancelledError:
            if task not in self.draining._abandoned or task.uncancel():
                raise
            if not started:  # else the server closes the connection: what is cut does not look whole
                await error_response(ShuttingDown(retry_after=RETRY_AFTER))(scope, receive, watched)
        finally:
            self.draining._requests.discard(task)
            self.draining._abandoned.discard(task)

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        task = asyncio.current_task()
        assert task is not None, "runs inside a task"  # noqa: S101 - for the type checker
        self.draining._sockets.add(task)
        socket = _LeavingSocket(receive, send, self.draining._left)
        try:
            await self.app(scope, socket.receive, socket.send)
        finally:
            self.draining._sockets.discard(task)
            await socket.end()


class _LeavingSocket:
    """A WebSocket that the server closes when it leaves, also while the application waits for a message."""

    def __init__(self, receive: Receive, send: Send, left: asyncio.Event) -> None:
        self._receive = receive
        self._send = send
        self._closed = False
        self._next: asyncio.Task[Message] | None = None
        self._closing = asyncio.create_task(self._close(left), name="socket-leaving")

    async def receive(self) -> Message:
        """The next message. After the close it is the disconnect."""
        if self._next is None:
            self._next = asyncio.create_task(_awaited(self._receive))
        await asyncio.wait((self._next, self._closing), return_when=asyncio.FIRST_COMPLETED)
        if not self._next.done():
            return {"type": "websocket.disconnect", "code": GOING_AWAY, "reason": ""}
        message, self._next = self._next.result(), None
        return message

    async def send(self, message: Message) -> None:
        """Drops what the application still sends after the close."""
        if self._closed:
            return
        self._closed = message["type"] == "websocket.close"
        await self._send(message)

    async def end(self) -> None:
        tasks = [task for task in (self._closing, self._next) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _close(self, left: asyncio.Event) -> None:
        await left.wait()
        with suppress(Exception):  # it may be closed by the caller meanwhile
            await self.send({"type": "websocket.close", "code": GOING_AWAY, "reason": "The server is shutting down."})


async def _awaited(receive: Receive) -> Message:
    return await receive()
