"""Keys in both databases, and the registry that commands use."""

import asyncio
from dataclasses import replace

import pytest

from speechd.auth.keys import KeyFile, KeyLimits, KeyRing, digest, make_key
from speechd.errors import InvalidRequest, NotFound
from speechd.settings import Settings
from speechd.store.database import Database
from speechd.store.shared.key_registry import KeyRegistry, list_keys, opened_keys
from speechd.store.shared.keys import SharedKeys
from speechd.store.store import StoreHandle


@pytest.fixture
def keys(database: Database) -> SharedKeys:
    return SharedKeys(database)


async def test_a_key_is_read_as_it_was_made(keys: SharedKeys) -> None:
    anna, _ = make_key("anna", KeyLimits(requests_per_day=3, audio_seconds_per_hour=1.5), ("speak", "models"))
    ben, _ = make_key("ben", KeyLimits())
    await keys.add(anna)
    await keys.add(ben)
    assert {key.name: key for key in await keys.list()} == {"anna": anna, "ben": ben}


async def test_names_are_unique_and_a_removed_one_is_free(keys: SharedKeys) -> None:
    await keys.add(make_key("anna", KeyLimits())[0])
    with pytest.raises(InvalidRequest, match="named anna already"):
        await keys.add(make_key("anna", KeyLimits())[0])
    assert await keys.remove("anna")
    assert not await keys.remove("anna")
    await keys.add(make_key("anna", KeyLimits())[0])


async def test_all_servers_sign_with_one_key(keys: SharedKeys) -> None:
    made = await asyncio.gather(*(keys.signing_key() for _ in range(4)))
    assert len(set(made)) == 1
    assert len(made[0]) == 32
    assert await keys.signing_key() == made[0]


async def test_commands_write_where_the_servers_read(database_settings: Settings) -> None:
    async with opened_keys(database_settings) as registry:
        _, secret = await registry.add("anna", KeyLimits(requests_per_day=2))
        with pytest.raises(InvalidRequest, match="named anna already"):
            await registry.add("anna", KeyLimits())
    (anna,) = await list_keys(database_settings)
    assert (anna.name, anna.digest, anna.limits.requests_per_day) == ("anna", digest(secret.encode()), 2)
    in_file = [key.name for key in KeyFile(database_settings.keys_path).read()]
    assert in_file == ([] if database_settings.shares_state else ["anna"])
    async with opened_keys(database_settings) as registry:
        await registry.revoke("anna")
        assert await registry.list() == ()
        with pytest.raises(NotFound):
            await registry.revoke("anna")


async def test_a_key_is_changed_where_it_is(database_settings: Settings) -> None:
    KeyFile(database_settings.keys_path).add("old", KeyLimits(requests_per_day=9))
    async with opened_keys(database_settings) as registry:
        if database_settings.shares_state:
            await registry.add("new", KeyLimits())
        for name in [key.name for key in await registry.list()]:
            before = next(key for key in await registry.list() if key.name == name)
            await registry.change(before.id, lambda limits: replace(limits, requests_per_minute=3), ("speak", "admin"))
            after = next(key for key in await registry.list() if key.name == name)
            assert after == replace(
                before, limits=replace(before.limits, requests_per_minute=3), may=("speak", "admin")
            )
        with pytest.raises(NotFound):
            await registry.change("nobody", lambda limits: limits)


async def test_keys_of_the_file_stay_when_a_server_moves_to_a_shared_database(database_settings: Settings) -> None:
    KeyFile(database_settings.keys_path).add("old", KeyLimits())
    async with opened_keys(database_settings) as registry:
        with pytest.raises(InvalidRequest, match="named old already"):
            await registry.add("old", KeyLimits())
        await registry.add("new", KeyLimits())
        assert [key.name for key in await registry.list()] == ["old", "new"]
        await registry.revoke("old")
        assert [key.name for key in await registry.list()] == ["new"]


async def test_with_sqlite_keys_open_no_database(settings: Settings) -> None:
    jobs = StoreHandle(settings)
    await KeyRegistry(settings, jobs).add("anna", KeyLimits())
    assert jobs.opened is None
    assert KeyRing(settings).has_named
