"""A port for metrics and nothing else, of a server or of a worker, in its event loop."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from speechd.api.metrics.snapshot import Snapshots

CLOSE_SECONDS = 1
"""For answers that are being sent when the process ends."""
MAX_CONNECTIONS = 16


class _Server(uvicorn.Server):
    """uvicorn beside another one, to which the signals go; it sleeps until it is to leave."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.leaving = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        await self.leaving.wait()


@contextlib.asynccontextmanager
async def serving_metrics(snapshots: Snapshots, listener: socket.socket) -> AsyncIterator[None]:
    """Answers `GET /metrics` on this socket during the block. Who reaches the address needs no key."""

    async def metrics(request: Request) -> Response:
        return await metrics_response(snapshots, request)

    app = Starlette(routes=[Route("/metrics", metrics)])
    config = uvicorn.Config(
        app,
        access_log=False,
        server_header=False,
        date_header=False,  # uvicorn's own loop would set it, ten times a second
        ws="none",
        lifespan="off",
        log_config=None,
        limit_concurrency=MAX_CONNECTIONS,
        timeout_graceful_shutdown=CLOSE_SECONDS,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]), name="metrics")
    try:
        yield
    finally:
        server.leaving.set()
        await asyncio.wait([serving])
        listener.close()


async def metrics_response(snapshots: Snapshots, request: Request) -> Response:
    """The metrics in the format that the caller reads: Prometheus' text, or OpenMetrics."""
    content, media_type = await snapshots.encoded(request.headers.get("accept", ""))
    return Response(content, headers={"content-type": media_type, "cache-control": "no-store"})
