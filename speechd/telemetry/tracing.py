"""Traces by OpenTelemetry, where SPEECHD_OTLP_ENDPOINT is set; else every function here does nothing.

A request is one tree of spans, over the batcher and the worker. The collector is told by a thread of the library, from
a bounded queue: one that does not answer loses spans, and nobody waits for it.
"""

import contextlib
import logging
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Literal

from speechd import __version__
from speechd.errors import FeatureNotInstalled
from speechd.settings import Settings
from speechd.telemetry.request_record import current_record

MAX_SPANS = 4096
"""That wait for the collector. Further ones are lost."""
EXPORT_SECONDS = 5.0
"""For the collector to answer."""
LEAVING_SECONDS = 2.0
"""For the last spans, when the process ends."""
TRACES_PATH = "/v1/traces"
"""Below the collector's address (OTLP/HTTP)."""

Kind = Literal["internal", "server", "client", "producer", "consumer"]
Value = str | bool | int | float

_TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
"""Version 00 of W3C Trace Context, section 3.2."""

log = logging.getLogger("speechd")


@dataclass(slots=True)
class _Tracing:
    """What makes spans, and what sends them."""

    tracer: Any
    provider: Any
    exporter: Any

    def close(self) -> None:
        """Sends the last spans, unless the collector does not take them."""
        sending = threading.Thread(target=self.provider.shutdown, name="last spans", daemon=True)
        sending.start()
        sending.join(LEAVING_SECONDS)
        if sending.is_alive():
            self.exporter.shutdown()  # ends its pauses between attempts


_tracing: _Tracing | None = None
_given: ContextVar[str] = ContextVar("speechd_traceparent", default="")
"""The caller's traceparent: it is passed on where this process makes no spans of its own."""


@contextlib.contextmanager
def tracing(settings: Settings) -> Iterator[None]:
    """Makes spans during the block, where the settings say so.

    Raises:
        FeatureNotInstalled: the extra is missing.
    """
    global _tracing
    if not settings.otlp_endpoint:
        yield
        return
    _tracing = _load(settings.otlp_endpoint)
    try:
        yield
    finally:
        left, _tracing = _tracing, None
        left.close()


def check_tracing(settings: Settings) -> None:
    """
    Raises:
        FeatureNotInstalled: traces are wanted, and the extra is missing.
    """
    if settings.otlp_endpoint:
        _library()


def _library() -> tuple[Any, Any, Any, Any]:
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise FeatureNotInstalled(
            "SPEECHD_OTLP_ENDPOINT needs the extra `otel`: pip install 'speechd[otel]'."
        ) from error
    return OTLPSpanExporter, Resource, TracerProvider, BatchSpanProcessor


def _load(endpoint: str) -> _Tracing:
    exporting, resources, providing, batching = _library()
    address = endpoint.rstrip("/")
    address = address if address.endswith(TRACES_PATH) else address + TRACES_PATH
    resource = resources.create({"service.name": "speechd", "service.version": __version__})
    provider = providing(resource=resource, shutdown_on_exit=False)
    exporter = exporting(endpoint=address, timeout=EXPORT_SECONDS)
    provider.add_span_processor(batching(exporter, max_queue_size=MAX_SPANS, schedule_delay_millis=1000))
    log.info("traces go to %s", address)
    return _Tracing(provider.get_tracer("speechd", __version__), provider, exporter)


@contextlib.contextmanager
def request_span(name: str, kind: Kind, traceparent: str, **attributes: Value) -> Iterator["OpenSpan"]:
    """The root of one request's tree in this process, below the span of the caller.

    Args:
        traceparent: as the caller sent it, or as it was kept with a job; what is malformed is ignored.
    """
    given = traceparent if _TRACEPARENT.fullmatch(traceparent) else ""
    token = _given.set(given)
    try:
        with span(name, kind, given, **attributes) as opened:
            if found := _TRACEPARENT.fullmatch(current_traceparent()):
                current_record().trace_id = found[1]
            yield opened
    finally:
        _given.reset(token)


class OpenSpan:
    """A span under way; without a tracer one that keeps nothing."""

    def __init__(self, inner: Any = None) -> None:
        self._inner = inner

    def __setitem__(self, name: str, value: Value | None) -> None:
        if self._inner is not None and value is not None:
            self._inner.set_attribute(name, value)

    def rename(self, name: str) -> None:
        """Names it by what is known only later, such as a route."""
        if self._inner is not None:
            self._inner.update_name(name)

    def fail(self, why: str) -> None:
        """Marks it as failed."""
        if self._inner is not None:
            from opentelemetry.trace import Status, StatusCode

            self._inner.set_status(Status(StatusCode.ERROR, why))

    def active(self) -> contextlib.AbstractContextManager[Any]:
        """It is the parent of what begins in the block."""
        if self._inner is None:
            return nullcontext()
        from opentelemetry.trace import use_span

        return use_span(self._inner)

    def end(self) -> None:
        """Ends it; only for one of `begin_span`."""
        if self._inner is not None:
            self._inner.end()


NO_SPAN = OpenSpan()


@contextlib.contextmanager
def span(name: str, kind: Kind = "internal", parent: str = "", **attributes: Value) -> Iterator[OpenSpan]:
    """A part of the current request, as long as the block.

    Args:
        parent: traceparent of its parent; "" takes the span around it.
        attributes: `a__b` becomes `a.b`.
    """
    opened = begin_span(name, kind, parent, **attributes)
    try:
        with opened.active():
            yield opened
    except Exception as error:
        opened.fail(type(error).__name__)
        raise
    finally:
        opened.end()


def begin_span(name: str, kind: Kind = "internal", parent: str = "", **attributes: Value) -> OpenSpan:
    """A span that its caller ends."""
    if _tracing is None:
        return NO_SPAN
    from opentelemetry.trace import SpanKind

    context = _context(parent) if parent else None
    return OpenSpan(
        _tracing.tracer.start_span(name, context, kind=SpanKind[kind.upper()], attributes=_dotted(attributes))
    )


def add_span(name: str, begun: float, ended: float, **attributes: Value) -> None:
    """A part of the current request that is over.

    Args:
        begun, ended: Unix seconds.
    """
    if _tracing is not None:
        done = _tracing.tracer.start_span(name, start_time=round(begun * 1e9), attributes=_dotted(attributes))
        done.end(round(ended * 1e9))


def current_traceparent() -> str:
    """What names the current span to another server; "" without a trace."""
    if _tracing is not None:
        from opentelemetry.trace import get_current_span

        inner = get_current_span().get_span_context()
        if inner.is_valid:
            return f"00-{inner.trace_id:032x}-{inner.span_id:016x}-{inner.trace_flags:02x}"
    return _given.get()


def trace_headers() -> Mapping[str, str]:
    """Headers that take the trace to another server."""
    parent = current_traceparent()
    return {"traceparent": parent} if parent else {}


def _context(parent: str) -> Any:
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return TraceContextTextMapPropagator().extract({"traceparent": parent})


def _dotted(attributes: Mapping[str, Value]) -> dict[str, Value]:
    return {name.replace("__", "."): value for name, value in attributes.items()}
