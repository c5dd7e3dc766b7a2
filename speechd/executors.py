"""Threads by purpose: work that waits for somebody else never holds up work that does not.

The event loop's own executor (`asyncio.to_thread`) is for what ends soon: reading and writing files, and parsing.
"""

import asyncio
import contextvars
import faulthandler
import logging
import os
import sys
import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NoReturn, ParamSpec, TypeVar

log = logging.getLogger("speechd")

P = ParamSpec("P")
T = TypeVar("T")

PULLS = ThreadPoolExecutor(4, thread_name_prefix="pull")
"""Downloads of models: a silent hub holds one of these threads for as long as it is waited for."""
LOADS = ThreadPoolExecutor(2, thread_name_prefix="load")
"""Models that are being loaded: each load fills memory and reads gigabytes."""
MODEL_CHECKS = ThreadPoolExecutor(2, thread_name_prefix="check")
"""Models that a child process tries before they are loaded: one that hangs is waited for, for minutes."""
DNS = ThreadPoolExecutor(8, thread_name_prefix="dns")
"""Host names that are being resolved: a name server that does not answer holds a thread for seconds."""
DECODING = ThreadPoolExecutor(max(4, 2 * (os.cpu_count() or 1)), thread_name_prefix="decode")
"""Recordings that are being decoded and searched for speech."""
DIARIZING = ThreadPoolExecutor(max(1, (os.cpu_count() or 1) // 2), thread_name_prefix="diarize")
"""Speech whose speakers are being told apart, beside its recognition."""
LIVE_AUDIO = ThreadPoolExecutor(max(2, os.cpu_count() or 1), thread_name_prefix="live")
"""Audio that arrives while people speak, at most a second of it at once."""

FORMATTING = ThreadPoolExecutor(1, thread_name_prefix="format")
"""Transcripts that callers give back to have them written in another format: hours of words take seconds."""


async def run_in(executor: ThreadPoolExecutor, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Calls a function in a thread of this purpose, with the caller's context variables, as `asyncio.to_thread` does.

    Raises:
        Exception: whatever the function raises.
    """
    context = contextvars.copy_context()
    call = partial(context.run, function, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(executor, call)


async def iterate_in(
    executor: ThreadPoolExecutor, iterator: Iterator[T], stop: Callable[[], None]
) -> AsyncGenerator[T, None]:
    """Iterates a blocking iterator in threads of this purpose, one step at a time; see run_stoppable."""
    end = object()
    while (item := await run_stoppable(executor, partial(next, iterator, end), stop)) is not end:
        yield item


async def run_stoppable(executor: ThreadPoolExecutor, step: Callable[[], T], stop: Callable[[], None]) -> T:
    """Calls a blocking function in a thread of this purpose; cancelled, it has it stopped and waits for its end.

    Args:
        step: what is called.
        stop: makes `step` return or raise soon.
    """
    running = asyncio.ensure_future(run_in(executor, step))
    try:
        return await asyncio.shield(running)
    finally:
        if not running.done():
            stop()
            await asyncio.wait([running])  # a thread cannot be interrupted, and what it uses must outlive it
            running.exception()


def exit_within(seconds: float) -> None:
    """Ends this process with status 1 after so many seconds, if it has not ended by then.

    A thread cannot be stopped: one that waits in a library for what never comes would hold up the end for ever. The
    watchdog is a thread of faulthandler's. It needs no lock of Python's, and first writes where every thread is.
    """
    faulthandler.dump_traceback_later(seconds, exit=True)


def leave_threads(seconds: float) -> None:
    """Ends this process with status 0 after so many seconds, where threads are inside a library until then.

    To be called when everything that must not be lost is written. Python itself would wait for the threads.
    """

    def end() -> None:
        time.sleep(seconds)
        log.info("threads that are inside a library are left")
        end_process(0)

    threading.Thread(target=end, name="leave-threads", daemon=True).start()


def end_process(status: int) -> NoReturn:
    """Ends this process now, whatever its threads do."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
