"""Results that servers give each other through the database; see speechd.cache.result_exchange.

The database may be away or slow: then each server computes for itself, as a single one does.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from typing import Any

from speechd.cache.result_exchange import ClaimedResult, FoundResult
from speechd.errors import SpeechdError
from speechd.store.store import StoreHandle
from speechd.types import Transcript

PATIENCE_SECONDS = 1.0
"""That a request waits for one answer of the database."""
PAUSE_SECONDS = 5.0
"""After the database has failed, in which it is not asked."""
FIRST_LOOK, LONGEST_LOOK = 0.05, 0.5
"""Seconds between two looks for what another server computes; they grow from the first to the second."""
LEAVE_SECONDS = 2.0
"""For results that are on their way to the database when the server stops."""

log = logging.getLogger("speechd.peers")


class PeerResults:
    """The results of all servers, for the requests of this one; belongs to one event loop."""

    def __init__(self, jobs: StoreHandle, server: str, keep: float, alone: Callable[[], bool]) -> None:
        """
        Args:
            server: id of this one.
            keep: seconds that a result is kept; 0 keeps none, and then nothing is shared.
            alone: tells whether there is no other server now. Then the database is not asked.
        """
        self._jobs = jobs
        self._server = server
        self._keep = keep
        self._alone = alone
        self._silent_until = 0.0
        self._sending: set[asyncio.Task[None]] = set()

    async def obtain(self, id: str) -> FoundResult | ClaimedResult | None:
        """See speechd.cache.result_exchange.ResultExchange."""
        waited, pause = False, FIRST_LOOK
        while not (self._keep <= 0 or self._alone() or time.monotonic() < self._silent_until):
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    found = await (await self._jobs.open()).shared.results.claim(id, self._server)
            except (SpeechdError, TimeoutError) as error:
                self._failed(error)
                return None
            if found == "mine":
                return _Claim(self, id)
            if isinstance(found, Transcript):
                return FoundResult(found, "joined" if waited else "hit")
            waited = True
            await asyncio.sleep(pause)
            pause = min(LONGEST_LOOK, pause * 1.5)
        return None

    async def close(self) -> None:
        """Waits a little for results that are on their way."""
        if self._sending:
            await asyncio.wait(self._sending, timeout=LEAVE_SECONDS)

    async def publish(self, id: str, transcript: Transcript) -> None:
        await (await self._jobs.open()).shared.results.publish(id, self._server, transcript, self._keep)

    async def release(self, id: str) -> None:
        await (await self._jobs.open()).shared.results.release(id, self._server)

    def send(self, action: Coroutine[Any, Any, None]) -> None:
        """Does it in the background: no request waits."""
        task = asyncio.create_task(self._sent(action), name="shared result")
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _sent(self, action: Coroutine[Any, Any, None]) -> None:
        try:
            await action
        except SpeechdError as error:
            self._failed(error)

    def _failed(self, error: SpeechdError | TimeoutError) -> None:
        message = error.message if isinstance(error, SpeechdError) else "it does not answer"
        log.warning("results are not shared for %.0f s: the database: %s", PAUSE_SECONDS, message)
        self._silent_until = time.monotonic() + PAUSE_SECONDS


class _Claim:
    """See speechd.cache.result_exchange.ClaimedResult."""

    def __init__(self, results: PeerResults, id: str) -> None:
        self._results = results
        self._id = id
        self._open = True

    def publish(self, transcript: Transcript) -> None:
        if self._open:
            self._open = False
            self._results.send(self._results.publish(self._id, transcript))

    def release(self) -> None:
        if self._open:
            self._open = False
            self._results.send(self._results.release(self._id))
