"""Servers, their requests to each other and captions, in both databases."""

import pytest

from speechd.store.database import Database
from speechd.store.shared.captions import SharedCaptions
from speechd.store.shared.records import ServerState
from speechd.store.shared.servers import LEASE_SECONDS, REQUEST_SECONDS, Servers
from speechd.tts.captions import captions
from speechd.types import Word
from tests.unit.store.conftest import Clock

SAID = captions([Word("Hello", 0, 0.5, spoken="hello", start_char=0, end_char=5)], "en", 0.5, "voice")


@pytest.fixture
def servers(database: Database) -> Servers:
    return Servers(database)


async def test_servers_live_as_long_as_they_beat(servers: Servers, clock: Clock) -> None:
    await servers.beat(ServerState("a", "host-1", ({"id": "m"},)))
    await servers.beat(ServerState("b", "host-2"))
    clock.now += LEASE_SECONDS - 1
    await servers.beat(ServerState("a", "host-1", ({"id": "n"},)))
    clock.now += 2
    assert await servers.list() == [ServerState("a", "host-1", ({"id": "n"},))]
    await servers.leave("a")
    assert await servers.list() == []


async def test_requests_are_kept_in_their_order_for_an_hour(servers: Servers, clock: Clock) -> None:
    await servers.request("a", "load", "m")
    await servers.request("b", "unload", "m")
    assert [(each.server, each.action, each.model) for each in await servers.requests()] == [
        ("a", "load", "m"),
        ("b", "unload", "m"),
    ]
    clock.now += REQUEST_SECONDS + 1
    await servers.request("a", "pull", "n")
    await servers.forget_over()
    assert [each.action for each in await servers.requests()] == ["pull"]


async def test_captions_are_for_their_owner_and_for_a_while(database: Database, clock: Clock) -> None:
    shelf = SharedCaptions(database)
    await shelf.keep("anna", "req_1", SAID, 600)
    assert await shelf.find("anna", "req_1") == SAID
    assert await shelf.find("ben", "req_1") is None
    await shelf.keep("anna", "req_1", SAID, 600)  # a caller may send an id twice
    clock.now += 601
    assert await shelf.find("anna", "req_1") is None
    await shelf.forget_over()
    await shelf.keep("anna", "req_1", SAID, 600)
