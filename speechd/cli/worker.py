"""`speechd worker`: a process that only processes batches and jobs."""

import asyncio
import logging
import os
import signal
import socket
from contextlib import AsyncExitStack

from speechd.api.metrics.metrics_server import serving_metrics
from speechd.api.metrics.snapshot import Snapshots
from speechd.api.server import listen_for_metrics
from speechd.auth.usage import UsageCounters
from speechd.auth.usage_writer import UsageWriter
from speechd.executors import exit_within
from speechd.service import open_service
from speechd.settings import Settings
from speechd.store.store import StoreHandle
from speechd.telemetry.logs import start_logging
from speechd.telemetry.tracing import check_tracing, tracing
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
    check_tracing(settings)
    start_logging(settings)
    listener = listen_for_metrics(settings)
    os.nice(NICENESS)
    asyncio.run(_work(settings, listener))


async def _work(settings: Settings, metrics_listener: socket.socket | None) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, _stop, stopped)
    service, jobs, usage = open_service(settings), StoreHandle(settings), UsageCounters()
    try:
        await jobs.open()
        async with AsyncExitStack() as stack:
            stack.enter_context(tracing(settings))
            if metrics_listener is not None:
                await stack.enter_async_context(serving_metrics(Snapshots(service, jobs), metrics_listener))
            await stack.enter_async_context(UsageWriter(usage, jobs.open_usage).running())
            await stack.enter_async_context(Worker(service, jobs, usage).running())
            log.info("speechd worker processes batches")
            await stopped.wait()
    finally:
        await jobs.close()
        await service.close()


def _stop(stopped: asyncio.Event) -> None:
    if not stopped.is_set():
        exit_within(EXIT_SECONDS)
    stopped.set()
