"""What is told of one request when it ends: whoever learns something of it on its way notes it here."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

_SANE_ID = re.compile(r"[A-Za-z0-9][\w-]{0,63}", re.ASCII)
"""Letters that stand for themselves in a header, in a path and in a log; at most 64, the width of the column that keeps
it with a job."""


@dataclass(slots=True)
class RequestRecord:
    """One request."""

    request_id: str = ""
    trace_id: str = ""
    """32 hexadecimal digits (W3C Trace Context); "" without a trace."""
    model: str = ""
    """Id of the installed model that answered."""
    audio_seconds: float | None = None
    queue_seconds: float | None = None
    """The longest wait for the engine; None where nothing was computed."""
    cache: str = ""
    """miss, joined or hit."""
    error: str = ""
    """Code of the error that the caller was told."""
    disconnected: bool = False
    """The caller left before the answer was complete."""


_CURRENT: ContextVar[RequestRecord | None] = ContextVar("speechd_request", default=None)


@contextmanager
def recorded(request_id: str) -> Iterator[RequestRecord]:
    """The record of a request, as long as the block works for it."""
    token = _CURRENT.set(record := RequestRecord(request_id))
    try:
        yield record
    finally:
        _CURRENT.reset(token)


def current_record() -> RequestRecord:
    """The record of the request that this code works for; one that nobody reads where there is none."""
    return _CURRENT.get() or RequestRecord()


def sane_request_id(given: str) -> str | None:
    """A caller's own request id, where it is short and plain; else None."""
    return given if _SANE_ID.fullmatch(given) else None
