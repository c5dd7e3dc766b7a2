"""Rate limits of named keys, as a middleware inside Guard: it refuses, counts, and adds the rate headers of the
dialect."""

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from speechd.api.errors import error_response
from speechd.auth.keys import ENVIRONMENT, Key
from speechd.auth.meter import Meter
from speechd.auth.usage import UsageCounters
from speechd.dialects import dialect_of
from speechd.errors import SpeechdError

REPLY_STARTS = frozenset({"http.response.start", "websocket.http.response.start"})
"""Messages with the headers of a reply; the second refuses a WebSocket."""


class RateLimits:
    """Wraps the application; only requests below the dialects' prefixes count."""

    def __init__(self, app: ASGIApp, usage: UsageCounters) -> None:
        self.app = app
        self.usage = usage

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        key: Key | None = scope.get("state", {}).get("key")
        dialect = dialect_of(scope["path"]) if scope["type"] in ("http", "websocket") else None
        if key is None or key.name == ENVIRONMENT or dialect is None:
            await self.app(scope, receive, send)
            return
        meter = Meter(key, self.usage)

        async def send_counted(message: Message) -> None:
            if message["type"] in REPLY_STARTS:
                MutableHeaders(scope=message).update(meter.headers(dialect.rate_headers))
            await send(message)

        try:
            meter.admit()
        except SpeechdError as error:
            await error_response(error)(scope, receive, send_counted)
            return
        scope["state"]["meter"] = meter
        await self.app(scope, receive, send_counted)


def meter_of(request: HTTPConnection) -> Meter | None:
    """Where the audio of this request is reserved and charged; None for callers without limits."""
    return getattr(request.state, "meter", None)


def check_audio(request: Request) -> None:
    """For work that is done and charged later.

    Raises:
        RateLimited: nothing is left of the caller's limits on audio.
    """
    if meter := meter_of(request):
        meter.check_audio()


def caller_of(request: HTTPConnection) -> str:
    """The id of the caller's key; "" without one."""
    key: Key | None = getattr(request.state, "key", None)
    return key.id if key else ""
