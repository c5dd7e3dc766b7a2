"""Stops the work for a caller who disconnects."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import ClientDisconnect
from starlette.types import Receive


@asynccontextmanager
async def cancelled_on_disconnect(receive: Receive) -> AsyncIterator[None]:
    """Cancels the block when the caller disconnects, as `asyncio.timeout` does when time is up.

    The request's body must have been read to its end: the rest would be lost here.

    Raises:
        ClientDisconnect: the caller left, and the block has unwound.
    """
    task = asyncio.current_task()
    assert task is not None, "runs inside a task"  # noqa: S101 - for the type checker
    left = False

    async def watch() -> None:
        nonlocal left
        while (await receive())["type"] != "http.disconnect":
            pass
        left = True
        task.cancel()

    watcher = asyncio.create_task(watch())
    try:
        yield
    except asyncio.CancelledError:
        if left and task.uncancel() == 0:
            raise ClientDisconnect from None
        raise
    finally:
        watcher.cancel()
        await asyncio.wait([watcher])
