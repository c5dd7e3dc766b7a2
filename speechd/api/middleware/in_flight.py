"""Counts requests to models that are in flight. Work with low priority waits while there are any."""

from collections.abc import Iterator
from contextlib import contextmanager

from starlette.types import ASGIApp, Receive, Scope, Send

from speechd.dialects import COMPAT_PATHS, common_url
from speechd.operations.batch import BATCH_OPERATIONS


class InFlightRequests:
    """The requests in flight, shared by the middleware and by work with low priority."""

    def __init__(self) -> None:
        self.waiting = 0

    def busy(self) -> bool:
        return self.waiting > 0

    @contextmanager
    def counted(self) -> Iterator[None]:
        """A request is in flight during the block."""
        self.waiting += 1
        try:
            yield
        finally:
            self.waiting -= 1


class InFlightMiddleware:
    """Wraps the application."""

    def __init__(self, app: ASGIApp, traffic: InFlightRequests) -> None:
        self.app = app
        self.traffic = traffic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _uses_models(scope["path"]):
            await self.app(scope, receive, send)
            return
        with self.traffic.counted():
            await self.app(scope, receive, send)


def _uses_models(path: str) -> bool:
    return common_url(path) in BATCH_OPERATIONS or path in COMPAT_PATHS
