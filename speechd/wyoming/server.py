"""Serves the Wyoming protocol on one listening socket, in the event loop and on the service of its process."""

import asyncio
import contextlib
import logging
import socket
import time
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractContextManager, asynccontextmanager

from wyoming.info import Info

from speechd.errors import InternalError, Overloaded
from speechd.service import Service
from speechd.wyoming.connection import Connection, FrontDoor, tell_error
from speechd.wyoming.events import MAX_LINE, EventLimits
from speechd.wyoming.info import describe

MAX_CONNECTIONS = 64
"""Clients at once. For one more, the client that has been idle for longest is closed."""
BYTES_PER_CHARACTER = 6
"""At most, in JSON: an escape such as backslash u00e9."""
DATA_BYTES = 1 << 16
"""Of the JSON of an event, beside its text."""
FRESH_INFO_SECONDS = 0.3
"""For which `describe` waits for what is installed now. Then the answer is what was installed before, because Home
Assistant waits for a second."""
IDLE_SECONDS = 10.0
"""After which a client that has said nothing can be closed for another."""
GRACE_SECONDS = 2.0
"""Seconds in which answers may end when the server stops."""

log = logging.getLogger("speechd.wyoming")


@asynccontextmanager
async def serving(
    listener: socket.socket,
    service: Service,
    in_flight: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext,
) -> AsyncGenerator[None]:
    """Answers clients during the block. At its end answers that are under way may finish for some seconds.

    Args:
        in_flight: entered around each request.
    """
    clients = Clients(service, in_flight)
    await clients.describe()  # so that the first client does not wait for the disk
    server = await asyncio.start_server(clients.serve, sock=listener, limit=MAX_LINE)
    host, port = listener.getsockname()[:2]
    log.info("speechd listens on tcp://%s:%d (Wyoming)", f"[{host}]" if ":" in host else host, port)
    try:
        yield
    finally:
        server.close()
        await clients.close()
        await server.wait_closed()


class Clients:
    """The connections of one server; belongs to its event loop."""

    def __init__(self, service: Service, in_flight: Callable[[], AbstractContextManager[None]]) -> None:
        settings = service.settings
        data = DATA_BYTES + BYTES_PER_CHARACTER * settings.max_speech_characters
        self._door = FrontDoor(service, self.describe, EventLimits(data, settings.request_timeout), in_flight)
        self._info: Info | None = None
        """The newest answer to `describe`."""
        self._reading: asyncio.Task[Info] | None = None
        self._tasks: dict[Connection, asyncio.Task[None]] = {}

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        """One connection, until it ends."""
        if len(self._tasks) >= MAX_CONNECTIONS and not self._close_idle():
            await tell_error(writer, Overloaded("All connections are in use.", code="too_many_connections"))
            writer.close()
            return
        connection = Connection(self._door, reader, writer)
        self._tasks[connection] = task = asyncio.create_task(connection.run(), name="wyoming connection")
        task.add_done_callback(lambda _: self._tasks.pop(connection, None))

    async def close(self) -> None:
        """Ends them all: those that wait at once, the rest after a while."""
        for connection, task in self._tasks.items():
            if not connection.answering:
                task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=GRACE_SECONDS)
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _close_idle(self) -> bool:
        """Closes the connection that has been idle for longest; False where none has been for long."""
        before = time.monotonic() - IDLE_SECONDS
        idle = [each for each in self._tasks if not each.answering and each.last_event < before]
        if idle:
            self._tasks.pop(min(idle, key=lambda each: each.last_event)).cancel()
        return bool(idle)

    async def describe(self) -> Info:
        """What is installed. It is read anew each time, once for all who ask at the same time."""
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(asyncio.to_thread(describe, self._door.service), name="wyoming info")
        await asyncio.wait([self._reading], timeout=FRESH_INFO_SECONDS if self._info else None)
        if self._reading.done():
            self._info = self._reading.result()
        if self._info is None:
            raise InternalError
        return self._info
