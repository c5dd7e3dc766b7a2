"""Runs before routing and after the reply, for every request: pure ASGI, without buffers.

Reception is outermost. It gives the request an id, repairs its path, adds the common headers, turns an exception into
an envelope, and delivers an early refusal to a caller who is still uploading. Guard applies Access.
"""

import asyncio
import logging
import re
import time
from http import HTTPStatus
from urllib.parse import unquote

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from speechd.api.errors import error_response, internal_error
from speechd.api.middleware.access import Access
from speechd.api.middleware.observation import in_flight, observed
from speechd.api.middleware.permissions import check_permission
from speechd.dialects import dialect_of, without_repeated_prefix
from speechd.errors import SpeechdError
from speechd.ids import new_id
from speechd.telemetry.request_record import sane_request_id

logger = logging.getLogger("speechd.api")

DRAIN_BYTES = 64 << 20
"""Bytes of a refused upload that are still read, so that a client that writes its whole body first gets the refusal."""
DRAIN_SECONDS = 5.0

_EXTRA_SLASHES = re.compile(rb"(?<=/)/+|(?<=[^/])/+$")
"""What a path has too many of: repeated slashes, and those at its end."""


class RequestMiddleware:
    """Wraps the whole application."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            with in_flight(scope):
                await self.app(_repaired(scope, new_id("req")), receive, send)
        elif scope["type"] == "http":
            await self._request(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = sane_request_id(Headers(scope=scope).get("x-request-id", "")) or new_id("req")
        body = BodyWatch(scope, receive)
        repaired = _repaired(scope, request_id)
        reply = Reply(repaired, body, send, request_id, is_head=scope["method"] == "HEAD")
        with observed(repaired, reply) as record:
            try:
                await self.app(repaired, body.receive, reply.send)
            except ClientDisconnect:
                record.disconnected = True
            except Exception:
                if reply.started:
                    raise  # closes the connection: the status is sent already
                await error_response(internal_error(request_id))(repaired, body.receive, reply.send)


class BodyWatch:
    """Tracks whether the request's body has been read to its end."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        headers = Headers(scope=scope)
        self.finished = headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers
        self._receive = receive

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            self.finished = True
        return message

    async def drain(self) -> None:
        """Reads and drops the rest of the body, within DRAIN_BYTES and DRAIN_SECONDS.

        A socket that is closed with unread data is reset, and the reset can overtake the reply.
        """
        dropped = 0
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                while not self.finished and dropped < DRAIN_BYTES:
                    dropped += len((await self.receive()).get("body", b""))
        except TimeoutError:
            logger.debug("a refused upload did not end in time")


class Reply:
    """Adds the common headers to the reply."""

    def __init__(self, scope: Scope, body: BodyWatch, send: Send, request_id: str, *, is_head: bool) -> None:
        """
        Args:
            scope: with the repaired path.
            is_head: the caller wants the headers only.
        """
        self.status: int | None = None
        """Of the answer; None until it has begun."""
        self._body = body
        self._send = send
        self._request_id = request_id
        self._began = time.perf_counter()
        self._is_head = is_head
        self._dialect = dialect_of(scope["path"])
        self._refuses_early = False

    @property
    def started(self) -> bool:
        return self.status is not None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start(message)
        elif self._is_head:
            message = {**message, "body": b""}
        if message["type"] == "http.response.body" and self._refuses_early and not message.get("more_body", False):
            await self._send({**message, "more_body": True})
            await self._body.drain()
            message = {"type": "http.response.body", "body": b""}
        await self._send(message)

    def _start(self, message: Message) -> None:
        self.status = message["status"]
        self._refuses_early = message["status"] >= HTTPStatus.BAD_REQUEST and not self._body.finished
        headers = MutableHeaders(scope=message)
        headers["x-request-id"] = self._request_id
        if self._refuses_early:
            headers["connection"] = "close"
        if self._dialect and self._dialect.processing_ms_header:
            headers["openai-processing-ms"] = str(round((time.perf_counter() - self._began) * 1000))


class AccessMiddleware:
    """Refuses callers whom Access does not let in, or whose key may not do that, and speaks CORS with web pages."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self.app = app
        self.access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._open_socket(scope, receive, send)
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        if origin is not None and self.access.allows_origin(origin):
            send = _readable_by(origin, send)
        try:
            if preflight := origin is not None and _is_preflight(scope, headers):
                self.access.check_preflight(headers)
            else:
                scope["state"]["key"] = key = self.access.check(scope["path"], headers)
                check_permission(key, scope["method"], scope["path"], anybody=self.access.any_host)
        except SpeechdError as error:
            await error_response(error)(scope, receive, send)
            return
        await (_permission(headers) if preflight else self.app)(scope, receive, send)

    async def _open_socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            key, secret = self.access.check_socket(scope["path"], Headers(scope=scope), scope["query_string"])
            check_permission(key, "GET", scope["path"])
        except SpeechdError as error:
            await error_response(error)(scope, receive, send)
            return
        scope["state"] |= {"key": key, "client_secret": secret}
        await self.app(scope, receive, send)


def _repaired(scope: Scope, request_id: str) -> Scope:
    """A copy with the request's id, a repaired path, and with HEAD routed as GET."""
    path, raw_path = _repaired_path(scope["path"], scope.get("raw_path"))
    state = {**scope.get("state", {}), "request_id": request_id}
    method = {"method": "GET"} if scope.get("method") == "HEAD" else {}
    return {**scope, "state": state, **method, "path": path, "raw_path": raw_path}


def _repaired_path(path: str, raw_path: bytes | None) -> tuple[str, bytes | None]:
    """The path without extra slashes and without a repeated prefix, and its bytes as they were sent.

    Clients add `/audio/...` to a base URL that ends in a slash. Rewriting comes before every rule about paths, so the
    rules see what the router sees. Only slashes that were sent as slashes are extra: an escaped one (`%2F`) is data.
    """
    sent = path.encode() if raw_path is None else raw_path
    slim = _EXTRA_SLASHES.sub(b"", sent) if sent.startswith(b"/") else sent
    repaired = without_repeated_prefix(path if slim == sent else unquote(slim))
    return repaired, raw_path if repaired == path else repaired.encode()


def _is_preflight(scope: Scope, headers: Headers) -> bool:
    return scope["method"] == "OPTIONS" and "access-control-request-method" in headers


def _permission(headers: Headers) -> Response:
    """The answer to a preflight (Fetch standard, CORS protocol)."""
    return Response(
        status_code=HTTPStatus.NO_CONTENT,
        headers={
            "access-control-allow-methods": "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
            "access-control-allow-headers": headers.get("access-control-request-headers", "*"),
            "access-control-max-age": "600",
        },
    )


def _readable_by(origin: str, send: Send) -> Send:
    """Makes every reply readable for the page's scripts, errors too."""

    async def send_marked(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["access-control-allow-origin"] = origin
            headers["access-control-expose-headers"] = "*"
            headers.add_vary_header("Origin")
        await send(message)

    return send_marked
