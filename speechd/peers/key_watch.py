"""Keeps the keys of this process as the database has them. Requests are checked in memory, and wait for no database."""

import asyncio
import logging
import time

from speechd.auth.client_secrets import ClientSecrets
from speechd.auth.keys import KeyRing
from speechd.errors import SpeechdError
from speechd.store.store import StoreHandle

GAP_SECONDS = 0.1
"""Between two looks for an unknown key, however many callers bring one."""
LOOK_SECONDS = 2.0
"""That a caller with an unknown key waits at most for one look."""

log = logging.getLogger("speechd.peers")


class KeyWatch:
    """Reads the keys that servers share; belongs to one event loop."""

    def __init__(self, keys: KeyRing, secrets: ClientSecrets, jobs: StoreHandle) -> None:
        self._keys = keys
        self._secrets = secrets
        self._jobs = jobs
        self._looking = asyncio.Lock()
        self._looks = 0
        self._looked_at = -GAP_SECONDS
        self._known = False
        keys.read_again = self.look

    async def read(self) -> None:
        """
        Raises:
            StorageUnavailable: the keys stay as they were.
        """
        keys = (await self._jobs.open()).shared.keys
        if self._secrets.awaits_shared:
            self._secrets.adopt(await keys.signing_key())
        self._keys.adopt(await keys.list())

    async def look(self) -> bool:
        """Reads the keys for a caller with an unknown one. Callers who come at once share a look that began later.

        Returns:
            Whether they were read.
        """
        before = self._looks
        async with self._looking:
            if self._looks == before:
                await asyncio.sleep(self._looked_at + GAP_SECONDS - time.monotonic())
                self._looks += 1
                self._looked_at = time.monotonic()
                self._known = await self._look()
            return self._known

    async def _look(self) -> bool:
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await self.read()
        except (SpeechdError, TimeoutError):
            return False
        return True
