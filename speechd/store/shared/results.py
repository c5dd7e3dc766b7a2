"""Transcriptions under way and recent transcripts of all servers on one database.

A server claims a result before it computes it. The claim holds while the server lives; another server that is asked
for the same waits for the result, or computes it when the claim has ended without one.
"""

import asyncio
from typing import Literal

from sqlalchemy import ColumnElement, delete, select, text, update

from speechd.store.database import Database
from speechd.store.shared.encoding import decode_transcript, encode_transcript
from speechd.store.tables import results
from speechd.types import Transcript

Claim = Literal["mine", "theirs"]
"""This server computes the result, or another one does."""

CLAIM_SECONDS = 86_400.0
"""After which a claim is over, even of a server that lives."""

# One statement, so of two servers that ask at once one gets the claim. A server that is gone has no row, or an old one.
_CLAIM = text(
    "INSERT INTO results (id, server, content, expires_at) VALUES (:id, :server, NULL, :until)"
    " ON CONFLICT (id) DO UPDATE SET server = excluded.server, content = NULL, expires_at = excluded.expires_at"
    " WHERE results.expires_at <= :now OR (results.content IS NULL AND NOT EXISTS"
    " (SELECT 1 FROM servers WHERE servers.id = results.server AND servers.lease_until > :now))"
    " RETURNING id"
)


class SharedResults:
    """The results in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(self, id: str, server: str) -> Claim | Transcript:
        """The result, if a server has computed it; or who computes it from now on.

        Args:
            server: id of this server, see Servers.
        """
        now = self._database.now()
        values = {"id": id, "server": server, "now": now, "until": now + CLAIM_SECONDS}
        async with self._database.writing() as connection:
            if (await connection.execute(_CLAIM, values)).first() is not None:
                return "mine"
        return await self.look(id) or "theirs"

    async def look(self, id: str) -> Transcript | None:
        """The result, where it is there."""
        asked = select(results.c.content).where(results.c.id == id, results.c.expires_at > self._database.now())
        async with self._database.reading() as connection:
            content = await connection.scalar(asked)
        if content is None:
            return None
        try:
            return await asyncio.to_thread(decode_transcript, content)
        except ValueError:
            return None

    async def publish(self, id: str, server: str, transcript: Transcript, seconds: float) -> None:
        """Puts the result where this server's claim is, for so many seconds. Does nothing where the claim is lost."""
        content = await asyncio.to_thread(encode_transcript, transcript)
        values = {"content": content, "expires_at": self._database.now() + seconds}
        async with self._database.writing() as connection:
            await connection.execute(update(results).where(*_mine(id, server)).values(values))

    async def release(self, id: str, server: str) -> None:
        """Gives up this server's claim: the computation ended without a result."""
        async with self._database.writing() as connection:
            await connection.execute(delete(results).where(*_mine(id, server)))

    async def forget_over(self) -> None:
        """Removes those whose time is over."""
        async with self._database.writing() as connection:
            await connection.execute(delete(results).where(results.c.expires_at <= self._database.now()))


def _mine(id: str, server: str) -> tuple[ColumnElement[bool], ...]:
    """A claim of this server."""
    return results.c.id == id, results.c.server == server, results.c.content.is_(None)
