"""What is told of every request when it ends: counters, a line in the log, the root of its trace."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from starlette.datastructures import Headers
from starlette.types import Scope

from speechd.api.middleware.access import PROBE_PATHS
from speechd.dialects import COMPAT_PATHS, OPENAI, common_url, dialect_of
from speechd.telemetry import metrics
from speechd.telemetry.logs import ACCESS
from speechd.telemetry.request_record import RequestRecord, recorded
from speechd.telemetry.tracing import OpenSpan, request_span

if TYPE_CHECKING:
    from speechd.api.middleware.request import Reply

CLIENT_CLOSED_REQUEST = 499
"""Status, as nginx counts it, of a request whose caller left before there was an answer."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OPERATIONS = {
    "/v1/audio/transcriptions": "transcribe",
    "/v1/audio/translations": "translate",
    "/v1/audio/speech": "speak",
    "/v1/realtime": "realtime",
    "/v1/chat/completions": "text",
    "/v1/completions": "text",
    "/v1/responses": "text",
    "/v1/embeddings": "text",
    "/v1/reranking": "text",
    "/v1/rerank": "text",
    **dict.fromkeys(COMPAT_PATHS, "transcribe"),
}
"""What takes time, by URL without its dialect; everything else is `other`."""
UNMATCHED = "unmatched"
"""Route of what no route answered."""
QUIET_PATHS = PROBE_PATHS | {"/metrics"}
"""Asked all the time by machines: in the log at the level `debug` only."""

log = logging.getLogger(ACCESS)


@contextmanager
def in_flight(scope: Scope) -> Iterator[str]:
    """Counts a request or a session while it is under way; gives its operation."""
    operation = OPERATIONS.get(common_url(scope["path"]), metrics.OTHER)
    gauge = metrics.IN_FLIGHT.labels(operation)
    gauge.inc()
    try:
        yield operation
    finally:
        gauge.dec()


@contextmanager
def observed(scope: Scope, reply: "Reply") -> Iterator[RequestRecord]:
    """One request, from its head to the end of its answer. Whoever learns something of it writes into the record.

    Args:
        scope: with the repaired path; the router and the middlewares below add the route and the key.
    """
    request_id, began = scope["state"]["request_id"], time.perf_counter()
    parent = Headers(scope=scope).get("traceparent", "")
    root = request_span(_method(scope), "server", parent, http__request__method=_method(scope))
    with recorded(request_id) as record, in_flight(scope) as operation, root as span:
        try:
            yield record
        finally:
            seconds = time.perf_counter() - began
            status = reply.status or (CLIENT_CLOSED_REQUEST if record.disconnected else 500)
            _count(scope, record, operation, status, seconds)
            _describe(span, scope, record, status)
            _tell(scope, record, status, seconds)


def _count(scope: Scope, record: RequestRecord, operation: str, status: int, seconds: float) -> None:
    dialect = dialect_of(scope["path"])
    labels = (_route(scope), _method(scope), dialect.name if dialect else "none")
    metrics.HTTP_REQUESTS.labels(labels[0], labels[1], str(status), labels[2]).inc()
    metrics.HTTP_SECONDS.labels(*labels).observe(seconds)
    if record.disconnected:
        metrics.DISCONNECTS.labels(operation).inc()


def _describe(span: OpenSpan, scope: Scope, record: RequestRecord, status: int) -> None:
    """Names as in OpenTelemetry's conventions for HTTP."""
    span.rename(f"{_method(scope)} {_route(scope)}")
    span["speechd.request_id"] = record.request_id
    span["http.route"] = _route(scope)
    span["http.response.status_code"] = status
    span["speechd.model"] = record.model or None
    span["speechd.audio_seconds"] = record.audio_seconds
    span["error.type"] = record.error or None
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        span.fail(record.error or str(status))


def _tell(scope: Scope, record: RequestRecord, status: int, seconds: float) -> None:
    level = logging.DEBUG if scope["path"] in QUIET_PATHS and status < HTTPStatus.BAD_REQUEST else logging.INFO
    if not log.isEnabledFor(level):
        return
    key = scope["state"].get("key")
    told: dict[str, Any] = {
        "method": _method(scope),
        "path": scope["path"][:200].encode("ascii", "backslashreplace").decode(),
        "status": status,
        "duration_ms": round(seconds * 1000, 1),
        "model": record.model,
        "audio_seconds": None if record.audio_seconds is None else round(record.audio_seconds, 3),
        "queue_ms": None if record.queue_seconds is None else round(record.queue_seconds * 1000, 1),
        "cache": record.cache,
        "key": key.name if key else "",
        "error": record.error,
        "disconnected": record.disconnected,
    }
    said = {name: value for name, value in told.items() if value is not None and value is not False and value != ""}
    log.log(level, "%s", _sentence(said, record), extra=said)


def _sentence(said: dict[str, Any], record: RequestRecord) -> str:
    """`POST /v1/audio/transcriptions 200 in 312 ms, whisper-base, 5.5 s of audio, queued 3 ms, key anna, req_...`."""
    path = "".join(letter if letter.isprintable() else "?" for letter in said["path"])
    parts = [f"{said['method']} {path} {said['status']} in {_duration(said['duration_ms'] / 1000)}"]
    parts += [said[name] for name in ("error", "model") if name in said]
    parts += [f"{said['audio_seconds']:.1f} s of audio"] if "audio_seconds" in said else []
    parts += [f"queued {said['queue_ms']:.0f} ms"] if said.get("queue_ms", 0) >= 1 else []
    parts += [{"joined": "joined another request", "hit": "from the cache"}.get(record.cache, "")]
    parts += [f"key {said['key']}"] if "key" in said else []
    parts += ["the caller disconnected"] if record.disconnected else []
    return ", ".join(filter(None, [*parts, record.request_id]))


def _duration(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _route(scope: Scope) -> str:
    """The template, such as `/models/{model}`: their number is bounded, that of paths is not."""
    template: str = getattr(scope.get("route"), "path", UNMATCHED)
    return common_url(template).removeprefix(OPENAI.prefix)


def _method(scope: Scope) -> str:
    method: str = scope["method"]
    return method if method in METHODS else metrics.OTHER
