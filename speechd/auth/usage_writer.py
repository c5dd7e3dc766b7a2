"""Writes the counters behind the requests: the store may be slow, locked or down, and no request notices.

What could not be saved is kept in memory and saved later. Several processes on one store add up. Each learns of the
others' counts every REFRESH_SECONDS, so a limit can be passed by what others admit in that time.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from speechd.auth.usage import UsageCounters, UsageStore
from speechd.errors import SpeechdError

FLUSH_SECONDS = 1.0
"""Between two writes, and so what a process that is killed can lose."""
REFRESH_SECONDS = 5.0
"""Between two looks at what other processes have counted."""
LOAD_SECONDS = 5.0
"""For the stored counts at the start; then the server serves without them until they can be read."""
LEAVE_SECONDS = 5.0
"""For the last write."""

log = logging.getLogger("speechd.auth")


class UsageWriter:
    """Brings the counters of this process to the store, and those of others from it; belongs to one event loop."""

    def __init__(
        self,
        counters: UsageCounters,
        open_store: Callable[[], Awaitable[UsageStore]],
        needed: Callable[[], bool] = lambda: False,
    ) -> None:
        """
        Args:
            open_store: gives the store, opened at its first use.
            needed: tells whether anybody is limited by the counts. While not, the store is opened only to add to it.
        """
        self._counters = counters
        self._open_store = open_store
        self._needed = needed
        self._stopping = asyncio.Event()
        self._tried = asyncio.Event()
        """The stored counts were read, or could not be."""
        self._refreshed = -REFRESH_SECONDS
        self._failing = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Writes in the background of the block, and once more at its end."""
        task = asyncio.create_task(self._run(), name="usage")
        with suppress(TimeoutError):
            async with asyncio.timeout(LOAD_SECONDS):
                await self._tried.wait()
        try:
            yield
        finally:
            self._stopping.set()
            self._counters.charged.set()  # what is in the middle of a transaction comes to its end
            await asyncio.wait([task], timeout=LEAVE_SECONDS)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        while not self._stopping.is_set():
            await self._write()
            self._tried.set()
            await self._rest()
        await self._write()

    async def _rest(self) -> None:
        """Until something is counted, and then for FLUSH_SECONDS, in which more may come; or until a look is due."""
        with suppress(TimeoutError):
            async with asyncio.timeout(REFRESH_SECONDS if self._needed() else None):
                await self._counters.charged.wait()
        self._counters.charged.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_SECONDS):
                await self._stopping.wait()

    async def _write(self) -> None:
        """One round, whatever happens."""
        try:
            await self._exchange()
        except SpeechdError as error:
            self._report(error.message)
        except Exception:
            log.exception("the usage of keys cannot be saved; it is tried again")
        else:
            self._report(None)
        finally:
            self._counters.not_saved()  # nothing is left where it was saved

    async def _exchange(self) -> None:
        rows = self._counters.unsaved()
        due = self._needed() and time.monotonic() >= self._refreshed + REFRESH_SECONDS
        if not rows and not due:
            return
        store = await self._open_store()
        if rows:
            self._counters.saved(await store.add(rows))
        if due:
            self._counters.refresh(await store.read())
            self._refreshed = time.monotonic()

    def _report(self, trouble: str | None) -> None:
        """Logged when it begins and when it is over."""
        if trouble and not self._failing:
            log.warning("the usage of keys is counted in memory and cannot be saved now: %s", trouble)
        elif not trouble and self._failing:
            log.info("the usage of keys is saved again")
        self._failing = bool(trouble)
