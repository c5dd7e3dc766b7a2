"""Where keys are made and revoked: in the keys file, or in PostgreSQL for all servers on it.

The file counts with PostgreSQL too, on the servers that see it, so that who moves there loses no key. This module is
light: the file needs no database.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

from speechd.auth.keys import (
    DEFAULT_PERMISSIONS,
    Key,
    KeyFile,
    KeyLimits,
    Permission,
    changed_key,
    make_key,
    name_is_taken,
    no_such_key,
)
from speechd.errors import Misconfigured
from speechd.settings import Settings
from speechd.store.store import StoreHandle

if TYPE_CHECKING:
    from speechd.store.shared.keys import SharedKeys

T = TypeVar("T")


class KeyRegistry:
    """Lists, makes, changes and revokes the named keys."""

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
        return (*of_file, *(await (await self._shared()).list() if self._shares else ()))

    async def add(
        self, name: str, limits: KeyLimits, may: Iterable[Permission] = DEFAULT_PERMISSIONS
    ) -> tuple[Key, str]:
        """A new key, and its secret, which is not kept anywhere.

        Raises:
            InvalidRequest: the name is taken or not a name.
            Misconfigured: the file cannot be read or written.
            StorageUnavailable: see list.
        """
        key, secret = make_key(name, limits, may)
        if not self._shares:
            await _written(lambda: self._file.add_key(key))
            return key, secret
        if any(each.name == name for each in await asyncio.to_thread(self._file.read)):
            raise name_is_taken(name)
        await (await self._shared()).add(key)
        return key, secret

    async def change(
        self, name: str, change_limits: Callable[[KeyLimits], KeyLimits], may: Iterable[Permission] | None = None
    ) -> Key:
        """Gives a key other limits, and other permissions where they are named. It counts from the next request on.

        Args:
            name: of the key, or its id.

        Raises:
            NotFound: there is no such key.
            Misconfigured, StorageUnavailable: see add.
        """
        found = await self._find(name)
        if await self._is_shared(found):
            changed = changed_key(found, change_limits, may)
            await (await self._shared()).replace(changed)
            return changed
        return await _written(lambda: self._file.change(found.name, change_limits, may))

    async def revoke(self, name: str) -> Key:
        """The key that is valid no more.

        Args:
            name: of the key, or its id.

        Raises:
            NotFound: there is no such key.
            Misconfigured, StorageUnavailable: see add.
        """
        found = await self._find(name)
        if await self._is_shared(found):
            await (await self._shared()).remove(found.name)
        else:
            await _written(lambda: self._file.revoke(found.name))
        return found

    async def _find(self, name: str) -> Key:
        found = next((key for key in await self.list() if name in (key.name, key.id)), None)
        if found is None:
            raise no_such_key(name)
        return found

    async def _is_shared(self, key: Key) -> bool:
        """It is not of the file, which names a key once."""
        return self._shares and all(each.id != key.id for each in await asyncio.to_thread(self._file.read))

    async def _shared(self) -> "SharedKeys":
        return (await self._jobs.open()).shared.keys


async def _written(write: Callable[[], T]) -> T:
    try:
        return await asyncio.to_thread(write)
    except OSError as error:
        raise Misconfigured(f"The keys file cannot be written: {error.strerror}.") from None


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
