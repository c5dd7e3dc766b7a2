"""What keeps parts of the work from going on, and the pause before it is tried again."""

import asyncio
import logging
from contextlib import suppress

from speechd.errors import SpeechdError
from speechd.store.store import StoreHandle

PAUSE_SECONDS = 3.0
"""Between two tries of what the storage refuses."""
LEAVING_SECONDS = 5.0
"""For returning running lines to the queue."""

log = logging.getLogger("speechd.worker")


def report(jobs: StoreHandle, what: str, error: SpeechdError | None) -> None:
    """What keeps a part of the work from going on is logged when it begins and when it is over."""
    known = jobs.faults.get(what)
    if error is not None:
        if known is None or known.error_code != error.error_code:
            log.error("work on batches (%s) waits: %s", what, error.message)
        jobs.faults[what] = error
    elif known is not None:
        log.info("work on batches (%s) goes on", what)
        del jobs.faults[what]


async def pause(stopping: asyncio.Event, seconds: float) -> None:
    """Sleeps, unless it is time to stop."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stopping.wait()
