"""`speechd worker`: a process that only processes batches and jobs."""

import asyncio
import logging
import os
import signal

from speechd.auth.usage import UsageCounters
from speechd.auth.usage_writer import UsageWriter
from speechd.executors import exit_within
from speechd.service import open_service
from speechd.settings import Settings
from speechd.store.store import StoreHandle
from speechd.worker.worker import Worker

EXIT_SECONDS = 15.0
"""Seconds after the first signal in which the process ends, whatever an engine does."""
NICENESS = 10
"""Niceness of the process: a server on the same machine has priority."""

log = logging.getLogger("speechd.worker")


def run(settings: Settings) -> None:
    """Works until SIGINT or SIGTERM. Running lines then go back to the queue.

    Raises:
        Misconfigured, FeatureNotInstalled: there is no such database.
        StorageUnavailable: the database cannot be opened now.
    """
    logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s")
    if settings.log_level.lower() != "debug":
        logging.getLogger("httpx2").setLevel(logging.WARNING)  # a line for each request, with the whole URL
    os.nice(NICENESS)
    asyncio.run(_work(settings))


async def _work(settings: Settings) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, _stop, stopped)
    service, jobs, usage = open_service(settings), StoreHandle(settings), UsageCounters()
    try:
        await jobs.open()
        async with UsageWriter(usage, jobs.open_usage).running(), Worker(service, jobs, usage).running():
            log.info("speechd worker processes batches")
            await stopped.wait()
    finally:
        await jobs.close()
        await service.close()


def _stop(stopped: asyncio.Event) -> None:
    if not stopped.is_set():
        exit_within(EXIT_SECONDS)
    stopped.set()
