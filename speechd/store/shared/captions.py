"""Captions of speeches for the callers who asked for them, whichever server they ask."""

import asyncio

from sqlalchemy import delete, insert, select

from speechd.store.database import Database
from speechd.store.shared.encoding import decode_transcript, encode_transcript
from speechd.store.tables import caption_table
from speechd.types import Transcript


class SharedCaptions:
    """The captions in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, owner: str, id: str, said: Transcript, seconds: float) -> None:
        """
        Args:
            owner: id of the caller's key; "" without keys.
            id: of the speech request; captions of an earlier one of this id are replaced.
            seconds: how long they are kept.
        """
        content = await asyncio.to_thread(encode_transcript, said)
        row = {"owner": owner, "id": id, "content": content, "expires_at": self._database.now() + seconds}
        async with self._database.writing() as connection:
            await connection.execute(
                delete(caption_table).where(caption_table.c.owner == owner, caption_table.c.id == id)
            )
            await connection.execute(insert(caption_table), [row])

    async def find(self, owner: str, id: str) -> Transcript | None:
        """None: there are none, or their time is over."""
        these = (
            caption_table.c.owner == owner,
            caption_table.c.id == id,
            caption_table.c.expires_at > self._database.now(),
        )
        async with self._database.reading() as connection:
            content = await connection.scalar(select(caption_table.c.content).where(*these))
        return None if content is None else await asyncio.to_thread(decode_transcript, content)

    async def forget_over(self) -> None:
        """Removes those whose time is over."""
        async with self._database.writing() as connection:
            await connection.execute(delete(caption_table).where(caption_table.c.expires_at <= self._database.now()))
