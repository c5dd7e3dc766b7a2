"""The log of a process: one format for every library's lines, as text for people or as JSON for machines.

Lines are written by a thread of their own. So neither a full disk nor a pipe that nobody reads holds up the event loop:
what finds the queue full is dropped, and counted.
"""

import atexit
import json
import logging
import sys
import time
from logging.handlers import QueueHandler, QueueListener
from queue import SimpleQueue
from typing import Any, TextIO

from speechd.settings import Settings
from speechd.telemetry.metrics import LOG_DROPPED
from speechd.telemetry.request_record import current_record

MAX_WAITING = 10_000
"""Lines that wait to be written."""
LEAVING_SECONDS = 2.0
"""For lines that are still to be written when the process ends."""
ACCESS = "speechd.access"
"""Logger of one line for each request."""
QUIET = ("aiosqlite", "alembic", "asyncio", "httpcore", "httpx2", "opentelemetry", "urllib3", "watchfiles")
"""Loggers of libraries that tell too much below WARNING: whole URLs, and every statement."""

_writers: "list[_Writer]" = []
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def start_logging(settings: Settings, stream: TextIO | None = None) -> None:
    """Sends every library's lines to standard error, in the format and at the level of the settings.

    Args:
        stream: instead of standard error.
    """
    formatter = JsonFormatter() if settings.log_format == "json" else TextFormatter()
    lines: SimpleQueue[Any] = SimpleQueue()
    handler, writer = _Enqueue(lines, formatter), _Writer(lines, stream or sys.stderr)
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler])
    logging.captureWarnings(True)
    for name in QUIET if settings.log_level.lower() != "debug" else ():
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger(ACCESS).setLevel(logging.NOTSET if settings.log_requests else logging.CRITICAL)
    writer.start()
    _writers.append(writer)


def write_out() -> None:
    """Writes what waits. The process ends after this: what is logged later is lost."""
    while _writers:
        _writers.pop().stop()


atexit.register(write_out)


class TextFormatter(logging.Formatter):
    """`2026-11-30 17:20:33 INFO speechd: speechd listens on ...`; lines of requests have no logger's name."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s", "%Y-%m-%d %H:%M:%S")
        self._request = logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%d %H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        """A line and, below it, the traceback."""
        text = self._request.format(record) if record.name == ACCESS else super().format(record)
        request = current_record().request_id
        return text if not request or request in text else f"{text} [{request}]"


class JsonFormatter(logging.Formatter):
    """One object a line: time, level, logger, message, request_id, trace_id, and what `extra` gives."""

    def format(self, record: logging.LogRecord) -> str:
        """The object."""
        request = current_record()
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        told = {
            "time": f"{stamp}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": request.request_id,
            "trace_id": request.trace_id,
            "exception": self.formatException(record.exc_info) if record.exc_info else "",
        }
        return json.dumps({name: value for name, value in told.items() if value} | _extra(record), default=str)


def _extra(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if name not in _STANDARD}


class _Enqueue(QueueHandler):
    """Makes the line where it is logged, so that it knows its request, and never waits."""

    def __init__(self, lines: "SimpleQueue[Any]", formatter: logging.Formatter, maximum: int = MAX_WAITING) -> None:
        """
        Args:
            maximum: lines that may wait.
        """
        super().__init__(lines)
        self.setFormatter(formatter)
        self._lines = lines
        self._maximum = maximum

    def prepare(self, record: logging.LogRecord) -> Any:
        """The line instead of its record."""
        return self.format(record)

    def enqueue(self, record: Any) -> None:
        """Drops the line where too many wait."""
        if self._lines.qsize() >= self._maximum:
            LOG_DROPPED.inc()
        else:
            self._lines.put(record)

    def close(self) -> None:
        """Writes what waits, at `logging.shutdown`."""
        write_out()
        super().close()


class _Writer(QueueListener):
    """Writes the lines. One that the disk has no room for is lost."""

    def __init__(self, lines: "SimpleQueue[Any]", stream: TextIO) -> None:
        super().__init__(lines)
        self._stream = stream

    def handle(self, record: Any) -> None:
        """Writes one line."""
        try:
            self._stream.write(f"{record}\n")
            self._stream.flush()
        except (OSError, ValueError):  # no room, or the stream is closed
            LOG_DROPPED.inc()

    def stop(self) -> None:
        """Writes what waits, unless nobody reads it."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self.enqueue_sentinel()
            thread.join(LEAVING_SECONDS)
