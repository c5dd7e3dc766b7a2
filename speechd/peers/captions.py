"""Captions of speeches, kept for some minutes for the callers who asked for them: here, and for other servers in the
database that they share."""

import asyncio
import logging
import time
from dataclasses import dataclass

from speechd.cache.ttl_cache import TTLCache
from speechd.errors import SpeechdError
from speechd.store.store import StoreHandle
from speechd.types import Transcript

KEPT = 600.0
"""Seconds after the end of the audio."""
MAX_WORDS = 200_000
"""In all captions that are kept here: some 40 MB."""
MIN_WORDS = 100
"""That a speech counts as, so that the shortest are bounded in number."""
PATIENCE_SECONDS = 2.0
"""That the end of a speech waits for the database."""
AGAIN_SECONDS = 2.0
"""Between two tries to give the database what it did not take."""
MAX_WAITING = 1000
"""Captions that wait for the database; the oldest are then for this server's callers only."""

log = logging.getLogger("speechd.peers")


@dataclass(frozen=True, slots=True)
class _Captions:
    """What one speech said."""

    owner: str
    id: str
    said: Transcript
    until: float
    """By time.monotonic."""


class CaptionShelf:
    """The captions of one server; belongs to one event loop."""

    def __init__(self, jobs: StoreHandle | None) -> None:
        """
        Args:
            jobs: the database that other servers look at; None: there are none.
        """
        self._jobs = jobs
        self._here: TTLCache[Transcript] = TTLCache(
            keep=KEPT, weigh=lambda said: max(MIN_WORDS, len(said.words)), maximum=MAX_WORDS
        )
        self._waiting: list[_Captions] = []
        self._retrying: asyncio.Task[None] | None = None

    async def keep(self, owner: str, id: str, said: Transcript) -> None:
        """Keeps captions. They are in the database when this returns, or are brought there as soon as it is back.

        Args:
            owner: id of the caller's key; "" without keys.
            id: of the speech request.
        """
        self._here.remember((owner, id), said)
        if self._jobs is None:
            return
        made = _Captions(owner, id, said, time.monotonic() + KEPT)
        if not await self._stored(made):
            self._waiting = [*self._waiting, made][-MAX_WAITING:]
            if self._retrying is None or self._retrying.done():
                self._retrying = asyncio.create_task(self._retry(), name="captions")

    async def find(self, owner: str, id: str) -> Transcript | None:
        """
        Raises:
            StorageUnavailable: they are not here, and the database cannot be asked now.
        """
        said = self._here.recall((owner, id))
        if said is not None or self._jobs is None:
            return said
        return await (await self._jobs.open()).shared.captions.find(owner, id)

    async def close(self) -> None:
        """Tries once more to bring away what waits."""
        if self._retrying is not None:
            self._retrying.cancel()
            await asyncio.gather(self._retrying, return_exceptions=True)
            await self._store_waiting()

    async def _retry(self) -> None:
        while self._waiting:
            await asyncio.sleep(AGAIN_SECONDS)
            await self._store_waiting()

    async def _store_waiting(self) -> None:
        """The oldest first, until the database fails."""
        while self._waiting:
            if self._waiting[0].until > time.monotonic() and not await self._stored(self._waiting[0]):
                return
            del self._waiting[0]

    async def _stored(self, made: _Captions) -> bool:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                shared = (await self._jobs.open()).shared.captions if self._jobs else None
                if shared is not None:
                    await shared.keep(made.owner, made.id, made.said, made.until - time.monotonic())
        except (SpeechdError, TimeoutError):
            if not self._waiting:
                log.warning("captions are for callers of this server only until the database is back")
            return False
        return True
