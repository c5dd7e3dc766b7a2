import asyncio
from typing import Any

import pytest
from starlette.requests import ClientDisconnect

from speechd.api.disconnect import cancelled_on_disconnect


class Caller:
    """A caller who stays until `left` is set."""

    def __init__(self) -> None:
        self.left = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        await self.left.wait()
        return {"type": "http.disconnect"}


async def test_leaving_cancels_and_unwinds() -> None:
    caller = Caller()
    unwound = False

    async def work() -> None:
        nonlocal unwound
        try:
            async with cancelled_on_disconnect(caller.receive):
                caller.left.set()
                await asyncio.Event().wait()
        finally:
            unwound = True

    with pytest.raises(ClientDisconnect):
        await work()
    assert unwound
    assert asyncio.current_task().cancelling() == 0


async def test_staying_changes_nothing() -> None:
    before = asyncio.all_tasks()
    async with cancelled_on_disconnect(Caller().receive):
        await asyncio.sleep(0)
    assert asyncio.all_tasks() == before


async def test_errors_pass() -> None:
    with pytest.raises(KeyError):
        async with cancelled_on_disconnect(Caller().receive):
            raise KeyError


async def test_a_cancellation_from_outside_stays_one() -> None:
    started = asyncio.Event()

    async def work() -> None:
        async with cancelled_on_disconnect(Caller().receive):
            started.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
