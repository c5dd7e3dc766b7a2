"""The worker: claims lines of the queue, runs them, maintains the batches, and retries when the storage fails.

It runs inside `speechd serve`, or as a process of its own; any number of them share one database. This module is light:
a server without batches never loads the database libraries.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from speechd.auth.usage import UsageCounters
from speechd.errors import SpeechdError
from speechd.service import Service
from speechd.store.store import StoreHandle
from speechd.worker import faults
from speechd.worker.faults import LEAVING_SECONDS, pause, report

log = logging.getLogger("speechd.worker")


class Worker:
    """One worker. It belongs to one event loop."""

    def __init__(
        self, service: Service, jobs: StoreHandle, usage: UsageCounters, busy: Callable[[], bool] = lambda: False
    ) -> None:
        """
        Args:
            usage: counts audio for the keys of the lines.
            busy: tells whether requests wait in this process. Then the queue has lower priority.
        """
        self._service = service
        self._jobs = jobs
        self._usage = usage
        self._busy = busy
        self._stopping = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Works in the background of the block. Lines that are running at its end go back to the queue."""
        task = asyncio.create_task(self.run(), name="worker")
        try:
            yield
        finally:
            self.stop()  # running transactions finish
            await asyncio.wait([task], timeout=2 * LEAVING_SECONDS)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def stop(self) -> None:
        """Claims nothing more, and returns running lines to the queue, where others can take them at once."""
        self._stopping.set()

    async def run(self) -> None:
        """Works until it is stopped, and starts again after an error."""
        while not self._stopping.is_set():
            try:
                await self._session()
            except SpeechdError as error:
                report(self._jobs, "database", error)
            except Exception:
                log.exception("the worker failed; it begins again")
            await pause(self._stopping, faults.PAUSE_SECONDS)

    async def _session(self) -> None:
        store = await self._jobs.open()
        report(self._jobs, "database", None)
        from speechd.worker.session import run_session  # only now: it loads the database libraries

        await run_session(self._service, self._jobs, store, self._usage, self._busy, self._stopping)
