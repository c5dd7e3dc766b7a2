import asyncio
import errno
import logging
import resource

import pytest

from speechd.api.connections import OVER_LIMIT, ConnectionLimiter, ConnectionLimits
from speechd.api.lifecycle.graceful_server import _is_of_the_server
from speechd.settings import Settings

LIMITS = ConnectionLimits(connections=10, timeout=10, body_rate=1000)


@pytest.mark.parametrize(
    ("descriptors", "wanted", "bound"),
    [(256, 1000, 96), (1024, 1000, 480), (1 << 20, 1000, 1000), (1024, 20, 20), (70, 1000, 3), (50, 1000, 1)],
)
def test_connections_stay_below_the_open_files(
    monkeypatch: pytest.MonkeyPatch, descriptors: int, wanted: int, bound: int
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (descriptors, descriptors))
    limits = ConnectionLimits.of(Settings(max_connections=wanted))
    assert limits == ConnectionLimits(bound, timeout=10, body_rate=1000)
    assert bound + OVER_LIMIT < descriptors


def test_no_limit_of_open_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY,) * 2)
    assert ConnectionLimits.of(Settings()).connections == 1000


def test_connections_that_cannot_be_accepted_are_one_line_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    limiter, loop = ConnectionLimiter(LIMITS), asyncio.new_event_loop()
    error = OSError(errno.EMFILE, "Too many open files")
    for _ in range(1000):
        limiter.on_loop_error(
            loop, {"message": "socket.accept() out of system resource", "exception": error, "socket": None}
        )
    assert [record.getMessage() for record in caplog.records] == [
        "A connection could not be accepted: Too many open files."
    ]
    limiter.refused._until = 0.0  # a minute later
    limiter.on_loop_error(loop, {"message": "socket.accept() out of system resource", "exception": error})
    assert "999 more times" in caplog.records[-1].getMessage()
    limiter.on_loop_error(loop, {"message": "Task exception was never retrieved", "exception": ValueError("x")})
    assert "never retrieved" in caplog.records[-1].getMessage()
    loop.close()


@pytest.mark.parametrize(
    ("message", "is_kept"), [("Invalid HTTP request received.", False), ("Started server process [%d]", True)]
)
def test_what_callers_do_wrong_fills_no_log(message: str, is_kept: bool) -> None:
    record = logging.LogRecord("uvicorn.error", logging.WARNING, "", 0, message, None, None)
    assert _is_of_the_server(record) is is_kept
