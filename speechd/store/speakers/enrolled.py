"""Voices kept by name, each for one key: the embedding of a voice, never its audio."""

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, and_, delete, insert, select

from speechd.errors import NotFound
from speechd.store.database import Database
from speechd.store.speakers.records import EnrolledSpeaker
from speechd.store.tables import enrolled_speakers
from speechd.types import KnownVoice


class EnrolledSpeakers:
    """The voices of all keys in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def enrol(self, owner: str, voice: KnownVoice, model: str) -> None:
        """Keeps a voice; one of the same name is replaced."""
        row = {
            "owner": owner,
            "name": voice.name,
            "model": model,
            "embedding": voice.embedding,
            "created_at": int(self._database.now()),
        }
        async with self._database.writing() as connection:
            await connection.execute(delete(enrolled_speakers).where(_is(owner, [voice.name])))
            await connection.execute(insert(enrolled_speakers), [row])

    async def list(self) -> Sequence[EnrolledSpeaker]:
        """Those of all keys, by name."""
        everything = select(enrolled_speakers).order_by(enrolled_speakers.c.owner, enrolled_speakers.c.name)
        async with self._database.reading() as connection:
            return [_speaker(**row._mapping) for row in await connection.execute(everything)]

    async def find(self, owner: str, names: Collection[str]) -> Sequence[EnrolledSpeaker]:
        """Those of an owner that have one of these names."""
        async with self._database.reading() as connection:
            rows = await connection.execute(select(enrolled_speakers).where(_is(owner, names)))
            return [_speaker(**row._mapping) for row in rows]

    async def remove(self, owner: str, name: str) -> None:
        """
        Raises:
            NotFound: there is none of that name.
        """
        async with self._database.writing() as connection:
            removed = await connection.execute(delete(enrolled_speakers).where(_is(owner, [name])))
        if not removed.rowcount:
            raise NotFound(f"No speaker is enrolled as {name}.", param="name")


def _is(owner: str, names: Collection[str]) -> ColumnElement[bool]:
    return and_(enrolled_speakers.c.owner == owner, enrolled_speakers.c.name.in_(names))


def _speaker(owner: str, name: str, model: str, embedding: bytes, created_at: int) -> EnrolledSpeaker:
    return EnrolledSpeaker(owner, model, created_at, KnownVoice(name, embedding))
