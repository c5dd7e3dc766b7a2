"""A collector of traces on loopback: it takes OTLP over HTTP as exporters send it, and shows a trace as a tree."""

import gzip
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

SERVER, CLIENT = 2, 3
"""Kinds of spans, as numbered in opentelemetry/proto/trace/v1/trace.proto."""


@dataclass(frozen=True)
class ReceivedSpan:
    """One span, as it came over the wire."""

    trace_id: str
    id: str
    parent: str
    name: str
    kind: int
    begun: int
    """Unix time in ns."""
    ended: int
    attributes: dict[str, Any]
    failed: bool


@dataclass
class OtlpReceiver:
    """What was received."""

    url: str = ""
    spans: list[ReceivedSpan] = field(default_factory=list)

    def wait_for(self, name: str, seconds: float = 60, kind: int | None = None) -> ReceivedSpan:
        """The first span of that name, and of that kind where one is given."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for span in list(self.spans):
                if span.name == name and kind in (None, span.kind):
                    return span
            time.sleep(0.05)
        raise AssertionError(f"no span {name!r} among {sorted(span.name for span in self.spans)}")

    def of(self, trace_id: str) -> list[ReceivedSpan]:
        return [span for span in self.spans if span.trace_id == trace_id]

    def tree(self, trace_id: str, parent: str = "", depth: int = 0) -> list[str]:
        """The trace as indented names, in the order in which they began."""
        spans = self.of(trace_id)
        ids = {span.id for span in spans}
        below = [span for span in spans if span.parent == parent or (not depth and span.parent not in ids)]
        lines = []
        for span in sorted(below, key=lambda span: span.begun):
            lines += ["  " * depth + span.name, *self.tree(trace_id, span.id, depth + 1)]
        return lines


@contextmanager
def collecting() -> Iterator[OtlpReceiver]:
    receiver = OtlpReceiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            if self.path == "/v1/traces":
                receiver.spans.extend(_spans(ExportTraceServiceRequest.FromString(body)))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield receiver
        server.shutdown()


def _spans(request: ExportTraceServiceRequest) -> Iterator[ReceivedSpan]:
    for resource in request.resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield ReceivedSpan(
                    span.trace_id.hex(),
                    span.span_id.hex(),
                    span.parent_span_id.hex(),
                    span.name,
                    span.kind,
                    span.start_time_unix_nano,
                    span.end_time_unix_nano,
                    {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in span.attributes},
                    span.status.code == 2,
                )
