"""The server process: it accepts connections, and on a signal leaves within its time without losing a request."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from types import FrameType
from typing import Any

import uvicorn

from speechd.api.connections import ServerConfig
from speechd.api.lifecycle.draining import Draining
from speechd.api.lifecycle.service_manager import notify
from speechd.executors import end_process, exit_within, leave_threads
from speechd.settings import Settings
from speechd.telemetry.logs import write_out

CLOSE_SECONDS = 15.0
"""Seconds in which answers of 503 go out and the parts of the service close, after the time for requests that run."""
ANSWER_SECONDS = 2.0
"""Of these, for the answers of 503."""
PARTS_SECONDS = 12.0
"""Of these, for the parts of the service: lines are handed back, counters are written, models are unloaded."""
THREADS_SECONDS = 0.5
"""Of these, for threads that are inside a library."""
KILLED = 128
"""Added to a signal's number, it is the exit status of a process that a signal ended (POSIX shells)."""
OF_CALLERS = ("Invalid HTTP request", "Unsupported upgrade request", '%s - "WebSocket %s"', "connection ")
"""Beginnings of uvicorn's lines that every caller can cause. An address of a WebSocket may hold a key."""

log = logging.getLogger("speechd")


@dataclass(frozen=True, slots=True)
class LeavingTimes:
    """How long each state of a server that leaves may last, in seconds."""

    drain: float
    """It serves everything, and is not ready."""
    requests: float
    """Requests in work may end."""

    @classmethod
    def of(cls, settings: Settings) -> "LeavingTimes":
        return cls(settings.drain_seconds, settings.shutdown_seconds)

    @property
    def total(self) -> float:
        """After so many seconds the process has ended."""
        return self.drain + self.requests + CLOSE_SECONDS


class GracefulServer(uvicorn.Server):
    """Accepts connections as fast as they can be looked at, and fills no log where it cannot."""

    config: ServerConfig
    backlog: int = 2048
    """Connections that the kernel holds until they are accepted."""
    _wake: Callable[[], object] = staticmethod(lambda: None)

    def __init__(
        self, config: ServerConfig, times: LeavingTimes, draining: Draining, reload: Callable[[], None]
    ) -> None:
        """
        Args:
            draining: is told how far the server is.
            reload: reads the settings again; called in a thread on SIGHUP.
        """
        super().__init__(config)
        self._reload = reload
        config.timeout_graceful_shutdown = round(times.requests + ANSWER_SECONDS)
        self._times = times
        self._draining = draining
        draining.on_close.append(partial(leave_threads, PARTS_SECONDS))
        self._drain_seconds = 0.0

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal lets the server leave; the second one ends the process.

        SIGINT comes from a terminal, where no balancer has to learn that the server is not ready.
        """
        if self.should_exit:
            log.warning("a second signal: the process ends now")
            end_process(KILLED + sig)
        exit_within(self._times.total)
        self._drain_seconds = self._times.drain if sig == signal.SIGTERM and self.started else 0.0
        self.should_exit = True
        self._wake()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """uvicorn's, which ends the process by the signal that it got: the log is written out before."""
        with super().capture_signals():
            yield
            write_out()

    async def main_loop(self) -> None:
        """Until a signal comes. uvicorn's looks ten times a second whether one has."""
        signalled = asyncio.Event()
        self._wake = partial(asyncio.get_running_loop().call_soon_threadsafe, signalled.set)
        while not self.should_exit:
            await signalled.wait()

    async def startup(self, sockets: Any = None) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self.config.limiter.on_loop_error)
        loop.add_signal_handler(signal.SIGHUP, loop.run_in_executor, None, self._reload)
        logging.getLogger("uvicorn.error").addFilter(_is_of_the_server)
        await super().startup(sockets)
        for listener in sockets or ():
            listener.listen(self.backlog)  # asyncio has one number for both, and has set the smaller one
        notify("READY=1")

    async def shutdown(self, sockets: Any = None) -> None:
        """Drains, waits for requests in work, closes the parts of the service."""
        notify("STOPPING=1")
        await self._drain()
        await self._draining.leave()
        log.info("no new connections; %d requests in work may end in %g s", *self._state(self._times.requests))
        over = asyncio.get_running_loop().call_later(self._times.requests, self._draining.abandon)
        try:
            await super().shutdown(sockets)
        finally:
            over.cancel()
        log.info("speechd has ended")
        leave_threads(THREADS_SECONDS)

    async def _drain(self) -> None:
        self.config.last_requests = True
        for connection in self.server_state.connections:
            if (cycle := getattr(connection, "cycle", None)) is not None:
                cycle.keep_alive = False
        self._draining.begin()
        if self._drain_seconds:
            log.info("/readyz says 503; %d requests in work; served on for %g s", *self._state(self._drain_seconds))
            await asyncio.sleep(self._drain_seconds)

    def _state(self, seconds: float) -> tuple[int, float]:
        return self._draining.requests, seconds


def _is_of_the_server(record: logging.LogRecord) -> bool:
    """What a caller did wrong is told to the caller: a line for each time would fill the log."""
    return not str(record.msg).startswith(OF_CALLERS)
