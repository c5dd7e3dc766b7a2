"""The worker: takes lines off the queue and runs them, tends the batches, and outlasts trouble with the storage.

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
    """One worker; belongs to one event loop."""

    def __init__(
        self, service: Service, jobs: StoreHandle, usage: UsageCounters, busy: Callable[[], bool] = lambda: False
    ) -> None:
        """
        Args:
            usage: where audio is counted for the keys whose lines it was in.
            busy: tells whether callers wait for this process; the queue then makes way for them.
        """
        self._service = service
        self._jobs = jobs
        self._usage = usage
        self._busy = busy
        self._stopping = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Works in the background of the block; what is in hand at its end goes back to the queue."""
        task = asyncio.create_task(self.run(), name="worker")
        try:
            yield
        finally:
            self._stopping.set()  # what is in the middle of a transaction comes to its end
            await asyncio.wait([task], timeout=2 * LEAVING_SECONDS)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def run(self) -> None:
        """Works until it is to stop, whatever happens."""
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
