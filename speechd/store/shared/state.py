"""All that servers share, beside files, batches and jobs."""

from dataclasses import dataclass
from typing import Self

from speechd.store.database import Database
from speechd.store.shared.captions import SharedCaptions
from speechd.store.shared.keys import SharedKeys
from speechd.store.shared.results import SharedResults
from speechd.store.shared.servers import Servers


@dataclass(frozen=True, slots=True)
class SharedState:
    """The shared state in one database."""

    keys: SharedKeys
    captions: SharedCaptions
    results: SharedResults
    servers: Servers

    @classmethod
    def of(cls, database: Database) -> Self:
        return cls(SharedKeys(database), SharedCaptions(database), SharedResults(database), Servers(database))

    async def forget_over(self) -> None:
        """Removes what nobody can ask for any more."""
        await self.captions.forget_over()
        await self.results.forget_over()
        await self.servers.forget_over()
