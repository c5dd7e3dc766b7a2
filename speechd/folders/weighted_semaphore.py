"""Limits the units that many tasks hold at once."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator


class WeightedSemaphore:
    """A semaphore of which a task may hold several units, first come, first served."""

    def __init__(self, places: int) -> None:
        self._free = self._all = places
        self._turn = asyncio.Lock()
        self._left = asyncio.Event()

    @contextlib.asynccontextmanager
    async def place(self, size: int = 1) -> AsyncGenerator[None]:
        """Waits for `size` units, or for all where there are fewer, and holds them."""
        size = min(size, self._all)
        async with self._turn:  # first come, first served: small tasks must not starve a large one
            while self._free < size:
                self._left.clear()
                await self._left.wait()
            self._free -= size
        try:
            yield
        finally:
            self._free += size
            self._left.set()
