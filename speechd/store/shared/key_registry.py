"""Where keys are made and revoked: in the keys file, or in PostgreSQL for all servers on it.

The file counts with PostgreSQL too, on the servers that see it, so that who moves there loses no key. This module is
light: the file needs no database.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

from speechd.auth.keys import DEFAULT_PERMISSIONS, Key, KeyFile, KeyLimits, Permission, make_key, name_is_taken
from speechd.settings import Settings
from speechd.store.store import StoreHandle


class KeyRegistry:
    """The named keys."""

    def __init__(self, settings: Settings, jobs: StoreHandle) -> None:
        self._file = KeyFile(settings.keys_path)
        self._jobs = jobs
        self._shares = settings.shares_state

    async def list(self) -> Sequence[Key]:
        """Those of the file, then those of PostgreSQL.

        Raises:
            Misconfigured: the file cannot be read.
            StorageUnavailable: PostgreSQL cannot be reached now.
        """
        of_file = await asyncio.to_thread(self._file.read)
        return (*of_file, *(await (await self._jobs.open()).shared.keys.list() if self._shares else ()))

    async def add(self, name: str, limits: KeyLimits, may: Iterable[Permission] = DEFAULT_PERMISSIONS) -> str:
        """Makes a key and gives its secret, which is not kept anywhere.

        Raises:
            InvalidRequest: the name is taken or not a name.
            Misconfigured, StorageUnavailable: see list.
        """
        if not self._shares:
            return await asyncio.to_thread(self._file.add, name, limits, may)
        key, secret = make_key(name, limits, may)
        if any(each.name == name for each in await asyncio.to_thread(self._file.read)):
            raise name_is_taken(name)
        await (await self._jobs.open()).shared.keys.add(key)
        return secret

    async def revoke(self, name: str) -> None:
        """
        Raises:
            NotFound: there is no such key.
            Misconfigured, StorageUnavailable: see list.
        """
        if self._shares and await (await self._jobs.open()).shared.keys.remove(name):
            return
        await asyncio.to_thread(self._file.revoke, name)


@asynccontextmanager
async def opened_keys(settings: Settings) -> AsyncIterator[KeyRegistry]:
    """The keys for one command."""
    jobs = StoreHandle(settings)
    try:
        yield KeyRegistry(settings, jobs)
    finally:
        await jobs.close()


async def list_keys(settings: Settings) -> Sequence[Key]:
    """See KeyRegistry.list."""
    async with opened_keys(settings) as keys:
        return await keys.list()
