"""Signs of life between the parts of an answer, so that a replica that hangs is not waited for."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TypeVar

from speechd.cluster.serving.wire import SIGN_SECONDS, SignOfLife

T = TypeVar("T")


async def with_signs(
    parts: AsyncGenerator[T, None], seconds: float = SIGN_SECONDS
) -> AsyncGenerator[T | SignOfLife, None]:
    """The parts as they come, a sign at once, and one whenever no part has come for so many seconds.

    One task reads all parts. Closing stops it.
    """
    queue: asyncio.Queue[T] = asyncio.Queue(1)

    async def read() -> None:
        async with aclosing(parts) as made:
            async for part in made:
                await queue.put(part)

    reading = asyncio.create_task(read())
    try:
        yield SignOfLife()
        while not (reading.done() and queue.empty()):
            getting = asyncio.ensure_future(queue.get())
            await asyncio.wait({getting, reading}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if getting.done():
                yield getting.result()
                continue
            getting.cancel()
            if not reading.done():
                yield SignOfLife()
        reading.result()
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
