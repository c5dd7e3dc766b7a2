"""The named keys of this server, off the event loop: their file is locked and written."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from speechd.auth.keys import Key, KeyFile, KeyLimits, Permission
from speechd.errors import Misconfigured, NotFound
from speechd.settings import Settings

T = TypeVar("T")


class NamedKeys:
    """Lists, makes, changes and revokes keys."""

    def __init__(self, settings: Settings) -> None:
        self._file = KeyFile(settings.keys_path)

    async def list(self) -> Sequence[Key]:
        """
        Raises:
            Misconfigured: the file cannot be read.
        """
        return await asyncio.to_thread(self._file.read)

    async def find(self, name: str) -> Key:
        """
        Args:
            name: of the key, or its id.

        Raises:
            NotFound: there is no such key.
        """
        found = next((key for key in await self.list() if name in (key.name, key.id)), None)
        if found is None:
            raise NotFound(f"There is no key `{name[:100]}`.", param="key")
        return found

    async def add(self, name: str, limits: KeyLimits, may: Iterable[Permission]) -> tuple[Key, str]:
        """A new key, and its secret.

        Raises:
            InvalidRequest: the name is taken or not a name.
            Misconfigured: the file cannot be written.
        """
        secret = await _written(lambda: self._file.add(name, limits, may))
        return await self.find(name), secret

    async def change(
        self, name: str, change_limits: Callable[[KeyLimits], KeyLimits], may: Iterable[Permission] | None
    ) -> Key:
        """
        Raises:
            NotFound: there is no such key.
            Misconfigured: the file cannot be written.
        """
        found = await self.find(name)
        return await _written(lambda: self._file.change(found.name, change_limits, may))

    async def revoke(self, name: str) -> Key:
        """The key that is valid no more.

        Raises:
            NotFound: there is no such key.
            Misconfigured: the file cannot be written.
        """
        found = await self.find(name)
        await _written(lambda: self._file.revoke(found.name))
        return found


async def _written(write: Callable[[], T]) -> T:
    try:
        return await asyncio.to_thread(write)
    except OSError as error:
        raise Misconfigured(f"The keys file cannot be written: {error.strerror}.") from None
