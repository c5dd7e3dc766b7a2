"""`speechd worker`: a process that only processes batches and jobs."""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack

from speechd.api.metrics.metrics_server import serving_metrics
from speechd.api.metrics.snapshot import Snapshots
from speechd.api.server import listen_for_metrics
from speechd.auth.usage import UsageCounters
from speechd.auth.usage_writer import UsageWriter
from speechd.configuration.origins import unknown_notes
from speechd.configuration.reload import reload_settings
from speechd.executors import end_process, exit_within, leave_threads
from speechd.service import Service, open_service
from speechd.settings import Settings
from speechd.store.store import StoreHandle
from speechd.telemetry.logs import start_logging
from speechd.telemetry.tracing import check_tracing, tracing
from speechd.worker.worker import Worker

EXIT_SECONDS = 20.0
"""Seconds after the first signal in which the process ends, whatever an engine does."""
THREADS_SECONDS = 0.5
"""Of these, for threads that are inside a library when all else is closed."""
KILLED = 128
"""Added to a signal's number, it is the exit status of a process that a signal ended (POSIX shells)."""
NICENESS = 10
"""Niceness of the process: a server on the same machine has priority."""

log = logging.getLogger("speechd.worker")


def run(settings: Settings, open_service: Callable[[Settings], Service] = open_service) -> None:
    """Works until SIGINT or SIGTERM. Running lines then go back to the queue.

    Args:
        open_service: called once, inside the running event loop.

    Raises:
        Misconfigured, FeatureNotInstalled: there is no such database.
        StorageUnavailable: the database cannot be opened now.
    """
    check_tracing(settings)
    start_logging(settings)
    listener = listen_for_metrics(settings)
    for line in unknown_notes(Settings.model_fields):
        log.warning(line)
    os.nice(NICENESS)
    asyncio.run(_work(settings, listener, open_service))


async def _work(
    settings: Settings, metrics_listener: socket.socket | None, open_service: Callable[[Settings], Service]
) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, _stop, number, stopped)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, loop.run_in_executor, None, reload_settings, settings)
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
        leave_threads(THREADS_SECONDS)


def _stop(number: int, stopped: asyncio.Event) -> None:
    """The first signal lets the worker hand its lines back; the second one ends the process."""
    if stopped.is_set():
        end_process(KILLED + number)
    exit_within(EXIT_SECONDS)
    stopped.set()
