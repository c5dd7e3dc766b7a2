"""Starts the Wyoming server: inside `speechd serve`, or as a process of its own."""

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from speechd.api.app import FrontDoorOpener
from speechd.api.middleware.access import is_loopback
from speechd.api.middleware.in_flight import InFlightRequests
from speechd.api.server import listen, startup_notes
from speechd.audio.isolation.pool import shared_pool
from speechd.executors import exit_within
from speechd.service import Service, open_service
from speechd.settings import Settings
from speechd.telemetry.logs import start_logging
from speechd.wyoming.discovery import announced, check_announcing
from speechd.wyoming.server import serving

USUAL_PORT = 10300
"""Of a Wyoming server that recognises speech."""
EXIT_SECONDS = 15.0
"""Seconds after the first signal in which the process ends, whatever an engine does."""

log = logging.getLogger("speechd.wyoming")


def open_beside_http(settings: Settings) -> FrontDoorOpener:
    """Listens at once, so that a used port is reported before anything is loaded. It serves when the service is open.

    Raises:
        Misconfigured: it cannot listen there.
    """
    listener = _listen(settings)

    def open_door(service: Service, in_flight: InFlightRequests) -> AbstractAsyncContextManager[None]:
        return _serving(listener, service, in_flight)

    return open_door


def run(settings: Settings) -> None:
    """Serves the Wyoming protocol alone, until SIGINT or SIGTERM.

    Raises:
        Misconfigured: it cannot listen there.
    """
    start_logging(settings)
    listener = _listen(settings)
    asyncio.run(_run(settings, listener))


async def _run(settings: Settings, listener: socket.socket) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, _stop, stopped)
    await asyncio.to_thread(shared_pool().start, settings.decoders)  # before any engine takes its memory
    async with contextlib.AsyncExitStack() as stack:
        service = open_service(settings)
        stack.push_async_callback(service.close)
        for note in await asyncio.to_thread(lambda: list(startup_notes(service.models))):
            log.warning(note)
        await stack.enter_async_context(_serving(listener, service, InFlightRequests()))
        await stopped.wait()


def _stop(stopped: asyncio.Event) -> None:
    if not stopped.is_set():
        exit_within(EXIT_SECONDS)
    stopped.set()


def _listen(settings: Settings) -> socket.socket:
    port = USUAL_PORT if settings.wyoming_port is None else settings.wyoming_port
    listener = listen(settings.wyoming_host, port, "SPEECHD_WYOMING_PORT")
    if settings.wyoming_zeroconf:
        check_announcing(listener.getsockname()[0])
    return listener


@asynccontextmanager
async def _serving(listener: socket.socket, service: Service, in_flight: InFlightRequests) -> AsyncGenerator[None]:
    settings = service.settings
    host, port = listener.getsockname()[:2]
    if not is_loopback(host):
        log.warning("The Wyoming protocol has no key: everybody who reaches port %d of this machine can use it.", port)
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(serving(listener, service, in_flight.counted))
        if settings.wyoming_zeroconf:
            await stack.enter_async_context(announced(host, port))
        yield
