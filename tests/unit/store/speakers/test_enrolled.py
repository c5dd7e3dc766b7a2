"""Voices are kept by name for each key."""

import pytest

from speechd.errors import NotFound
from speechd.store.database import Database
from speechd.store.speakers.enrolled import EnrolledSpeakers
from speechd.types import KnownVoice
from tests.unit.store.conftest import Clock


@pytest.fixture
def speakers(database: Database) -> EnrolledSpeakers:
    return EnrolledSpeakers(database)


def voice(name: str, content: bytes = b"1234") -> KnownVoice:
    return KnownVoice(name, content)


async def test_a_voice_is_found_by_its_name_and_its_key_alone(speakers: EnrolledSpeakers, clock: Clock) -> None:
    await speakers.enrol("key_1", voice("Anna"), "campplus")
    await speakers.enrol("key_2", voice("Anna", b"5678"), "campplus")
    (found,) = await speakers.find("key_1", ["Anna", "Ben"])
    assert (found.voice, found.owner, found.model) == (voice("Anna"), "key_1", "campplus")
    assert found.created_at == int(clock.now)
    assert await speakers.find("", ["Anna"]) == []
    assert await speakers.find("key_1", []) == []


async def test_an_earlier_voice_of_that_name_is_replaced(speakers: EnrolledSpeakers) -> None:
    await speakers.enrol("", voice("Anna"), "campplus")
    await speakers.enrol("", voice("Anna", b"5678"), "other")
    (found,) = await speakers.list()
    assert (found.voice.embedding, found.model) == (b"5678", "other")


async def test_removal(speakers: EnrolledSpeakers) -> None:
    for owner in ("", "key_1"):
        await speakers.enrol(owner, voice("Anna"), "campplus")
    await speakers.remove("", "Anna")
    assert [each.owner for each in await speakers.list()] == ["key_1"]
    with pytest.raises(NotFound):
        await speakers.remove("", "Anna")
