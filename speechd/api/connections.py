"""Connections before there is a request: how many there may be, how long they may take, and what is no HTTP.

A connection that sends nothing costs its owner nothing and the server a descriptor, and no key is asked for yet. So
each has a time for its head, for the first byte of its body, and a rate after it. Where the bound is reached, the
connection that has waited longest without a request is closed. Where all have one, requests are answered 503, but for
the probes.
"""

import asyncio
import json
import logging
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any, Literal

import h11
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from speechd.api.errors import error_headers, error_response, note_error
from speechd.api.middleware.access import PROBE_PATHS
from speechd.api.middleware.request import RequestMiddleware
from speechd.api.realtime.connection import SocketConnection
from speechd.errors import InvalidRequest, Overloaded, RequestTimedOut, SpeechdError
from speechd.ids import new_id
from speechd.settings import Settings

RESERVED_DESCRIPTORS = 64
"""Of the process, for models, the database, downloads and whatever else is no connection."""
OVER_LIMIT = 16
"""Connections beyond the bound that are still read: probes are answered, and everything else with 503."""
ACCEPTED_AT_ONCE = 16
"""Connections accepted in one turn of the event loop: asyncio accepts so many before it looks at any of them."""
LOG_SECONDS = 60.0
RETRY_AFTER = 2.0

log = logging.getLogger("speechd.api")


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """How many connections there may be, and what each must keep up."""

    connections: int
    timeout: float
    """Seconds for the head, and for the first byte of the body."""
    body_rate: int
    """Bytes a second of the body after its first, on average over `timeout`."""

    @classmethod
    def of(cls, settings: Settings) -> "ConnectionLimits":
        """A request may need a second descriptor, for its recording."""
        descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        bound = settings.max_connections
        if descriptors != resource.RLIM_INFINITY:
            bound = min(bound, max(1, (descriptors - RESERVED_DESCRIPTORS) // 2))
        return cls(bound, settings.request_timeout, settings.min_body_rate)


@dataclass(slots=True)
class RepeatedWarning:
    """A warning that callers cannot repeat at will: at most one line a minute, with a count."""

    _until: float = 0.0
    _left_out: int = 0

    def warn(self, message: str) -> None:
        now = time.monotonic()
        if now < self._until:
            self._left_out += 1
            return
        log.warning("%s%s", message, f" ({self._left_out} more times since it was said)" if self._left_out else "")
        self._until, self._left_out = now + LOG_SECONDS, 0


@dataclass(slots=True)
class ConnectionLimiter:
    """The connections of one server; belongs to its event loop."""

    limits: ConnectionLimits
    waiting: "dict[LimitedConnection, None]" = field(default_factory=dict)
    """Those without a request, the longest waiting first."""
    full: RepeatedWarning = field(default_factory=RepeatedWarning)
    refused: RepeatedWarning = field(default_factory=RepeatedWarning)

    def evict(self, *, over_limit: bool) -> bool:
        """Closes the connection that has waited longest for a request; False where none waits."""
        longest = next((each for each in self.waiting if each.over_limit == over_limit), None)
        if longest is not None:
            longest.drop()
        return longest is not None

    def on_loop_error(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """An exception handler for the event loop: a connection that cannot be accepted is one line a minute.

        asyncio reports it with a traceback for each of the connections that wait, and once a second again.
        """
        error = context.get("exception")
        if isinstance(error, OSError) and "accept" in context.get("message", ""):
            self.refused.warn(f"A connection could not be accepted: {error.strerror or error}.")
            self.evict(over_limit=False)
        else:
            loop.default_exception_handler(context)


class StrictParser(h11.Connection):
    """HTTP/1.1 without requests whose end two servers may see at two places (RFC 9112, section 6.3)."""

    def __init__(self) -> None:
        super().__init__(h11.SERVER)

    def next_event(self) -> Any:
        """
        Raises:
            RemoteProtocolError: what has come is not HTTP, or says its length in two ways.
        """
        event = super().next_event()
        if isinstance(event, h11.Request):
            names = {name for name, _ in event.headers}
            if {b"transfer-encoding", b"content-length"} <= names:
                raise h11.RemoteProtocolError("both Transfer-Encoding and Content-Length")
        return event


Awaited = Literal["", "request", "head", "body"]
"""What a connection waits for: a next request, the rest of a head, the rest of a body, or nothing from outside."""


class LimitedConnection(H11Protocol):
    """One connection, with its deadlines."""

    config: "ServerConfig"

    def __init__(
        self,
        config: "ServerConfig",
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.conn = StrictParser()
        self.limiter = config.limiter
        self.over_limit = False
        self._awaited: Awaited = ""
        self._deadline: asyncio.TimerHandle | None = None
        self._received = 0
        """Bytes since the deadline was set."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        excess = len(self.connections) - self.limiter.limits.connections
        if excess > 0 and not self.limiter.evict(over_limit=False):
            self.limiter.full.warn(f"All {self.limiter.limits.connections} connections have requests under way.")
            if excess > OVER_LIMIT and not self.limiter.evict(over_limit=True):
                self._refuse(_overloaded())
                return
            self.over_limit = True
            self.app = _only_probes(self.app)
        self._await("head")

    def connection_lost(self, exc: Exception | None) -> None:
        self._await("")
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        self.config.set_date(self.server_state)
        super().data_received(data)
        if self.cycle is not None and (self.over_limit or self.config.last_requests):
            self.cycle.keep_alive = False
        self._look()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """The socket's own protocol takes over, without deadlines for a body."""
        if self.over_limit:
            self._refuse(_overloaded())
        else:
            super().handle_websocket_upgrade(event)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._look()

    def send_400_response(self, msg: str) -> None:
        self._refuse(InvalidRequest("The request is not valid HTTP/1.1."))

    def drop(self) -> None:
        """Closes it without a word: nothing was asked."""
        self._await("")
        self.transport.abort()

    def _look(self) -> None:
        awaited = self._now_awaited()
        if awaited != self._awaited:
            self._await(awaited)

    def _now_awaited(self) -> Awaited:
        if self.transport.is_closing() or self.transport.get_protocol() is not self:
            return ""
        if self.conn.their_state is h11.SEND_BODY:
            return "body"
        if self.conn.their_state is h11.IDLE:
            return "head" if self.conn.trailing_data[0] else "request"
        return ""

    def _await(self, awaited: Awaited) -> None:
        """uvicorn itself bounds the wait for a next request (keep-alive)."""
        self._awaited = awaited
        self.limiter.waiting.pop(self, None)
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if awaited in ("request", "head"):
            self.limiter.waiting[self] = None
        if awaited == "head":
            self._set_deadline(self._head_is_late)
        elif awaited == "body":
            self._set_deadline(self._body_is_late, 1)

    def _set_deadline(self, late: Callable[..., None], *args: Any) -> None:
        self._received = 0
        self._deadline = self.loop.call_later(self.limiter.limits.timeout, late, *args)

    def _head_is_late(self) -> None:
        if self.conn.trailing_data[0]:
            self._refuse(RequestTimedOut("The head of the request did not arrive in time."))
        else:
            self.drop()

    def _body_is_late(self, least: int) -> None:
        """
        Args:
            least: bytes that should have arrived since the deadline was set.
        """
        held_up_here = self.flow.read_paused or self.cycle.waiting_for_100_continue or self.cycle.response_started
        if self._received < least and not held_up_here:
            self._refuse(RequestTimedOut("The body of the request did not arrive in time."))
        else:
            limits = self.limiter.limits
            self._set_deadline(self._body_is_late, round(limits.body_rate * limits.timeout))

    def _refuse(self, error: SpeechdError) -> None:
        """Answers in the place of the application, which sees its caller leave, and closes."""
        self._await("")
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.write(_answer(self.conn, error))
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()


class ServerConfig(uvicorn.Config):
    """uvicorn's, with limits for connections."""

    def __init__(self, app: ASGIApp, settings: Settings, **options: Any) -> None:
        options |= {"http": LimitedConnection, "ws": SocketConnection}
        options |= {"ws_max_size": settings.max_realtime_message_bytes, "ws_per_message_deflate": False}
        super().__init__(app, backlog=ACCEPTED_AT_ONCE, **options)
        self.limiter = ConnectionLimiter(ConnectionLimits.of(settings))
        self.last_requests = False
        """Each connection is closed after its next answer, so that its caller goes to another server."""
        self._dated = 0

    def set_date(self, state: ServerState) -> None:
        """The date of the next answer, to the second; uvicorn's own loop sets it, whether anybody asks or not."""
        if (now := int(time.time())) != self._dated:
            self._dated = now
            state.default_headers = [(b"date", formatdate(now, usegmt=True).encode()), *self.encoded_headers]


def _answer(parser: h11.Connection, error: SpeechdError) -> bytes:
    """A whole reply, which is the last on its connection."""
    note_error(error)
    body = json.dumps(error.envelope()).encode()
    headers = {
        "content-type": "application/json",
        "content-length": str(len(body)),
        "connection": "close",
        "x-request-id": new_id("req"),
        **error_headers(error),
    }
    head = h11.Response(status_code=error.status, headers=list(headers.items()))
    return b"".join(parser.send(event) or b"" for event in (head, h11.Data(data=body), h11.EndOfMessage()))


def _only_probes(app: ASGIApp) -> ASGIApp:
    """What a connection beyond the bound is given instead of the application."""
    refusing = RequestMiddleware(_refuse_all)

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        await (app if scope["path"] in PROBE_PATHS else refusing)(scope, receive, send)

    return answer


async def _refuse_all(scope: Scope, receive: Receive, send: Send) -> None:
    await error_response(_overloaded())(scope, receive, send)


def _overloaded() -> Overloaded:
    return Overloaded("All connections are in use.", code="too_many_connections", retry_after=RETRY_AFTER)
