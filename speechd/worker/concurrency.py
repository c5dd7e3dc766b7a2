"""Limits how many lines run at once."""

import asyncio
import math
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager


class ConcurrencyLimiter:
    """Lets at most `most()` lines run at once. The others wait in the order of their arrival."""

    def __init__(self, maximum: Callable[[], int]) -> None:
        self._maximum = maximum
        self._running = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._clock = asyncio.get_running_loop().time
        self.usual_seconds = math.inf
        """Smoothed seconds of recent lines; infinite before the first has ended."""

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """Waits for a free slot, and holds it for the block."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        self._let_in()
        try:
            await turn
            began = self._clock()
            yield
            self._note(self._clock() - began)
        finally:
            if turn.done() and not turn.cancelled():
                self._running -= 1
            self._let_in()

    def _let_in(self) -> None:
        while self._waiting and self._running < self._maximum():
            turn = self._waiting.popleft()
            if not turn.done():
                self._running += 1
                turn.set_result(None)

    def _note(self, seconds: float) -> None:
        known = math.isfinite(self.usual_seconds)
        self.usual_seconds = 0.8 * self.usual_seconds + 0.2 * seconds if known else seconds
