"""Heartbeats, keys, captions and model requests between two servers of one process, on a real database."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from speechd.auth.client_secrets import ClientSecrets
from speechd.auth.keys import KeyLimits, KeyRing, make_key
from speechd.errors import ModelNotInstalled, StorageUnavailable
from speechd.peers import captions as caption_module
from speechd.peers.captions import CaptionShelf
from speechd.peers.key_watch import KeyWatch
from speechd.peers.peers import Alone, DatabasePeers
from speechd.settings import Settings
from speechd.store.store import StoreHandle
from tests.unit.store.shared.test_servers import SAID


@dataclass
class Models:
    """Notes what it is asked to do."""

    done: list[tuple[str, str]] = field(default_factory=list)
    settings: Settings = field(default_factory=Settings)

    @property
    def loaded(self) -> "Models":
        return self

    @property
    def models(self) -> "Models":
        return self

    @property
    def pulls(self) -> "Models":
        return self

    def installed(self, model: str) -> str:
        if model == "missing":
            raise ModelNotInstalled
        return model

    async def load(self, model: str) -> None:
        self.done.append(("load", model))

    async def unload(self, model: str) -> None:
        self.done.append(("unload", model))

    async def remove(self, model: str) -> None:
        raise ModelNotInstalled

    def forget(self, model: str) -> None:
        self.done.append(("forget", model))


@pytest.fixture(autouse=True)
def _a_busy_machine_is_no_database_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("peers.LOOK_SECONDS", "peers.BEAT_PATIENCE_SECONDS", "captions.PATIENCE_SECONDS"):
        monkeypatch.setattr(f"speechd.peers.{name}", 60)
    monkeypatch.setattr("speechd.peers.key_watch.LOOK_SECONDS", 60)


def peers_of(jobs: StoreHandle, models: Models) -> DatabasePeers:
    watch = KeyWatch(KeyRing(jobs.settings), ClientSecrets(None), jobs)
    described: list[dict[str, Any]] = [{"id": "m"}]
    return DatabasePeers(models, jobs, watch, lambda: described)  # type: ignore[arg-type]


async def comes_true(holds: Callable[[], bool]) -> bool:
    for _ in range(500):
        if holds():
            return True
        await asyncio.sleep(0.02)
    return False


@pytest.fixture
async def jobs(settings: Settings) -> AsyncIterator[StoreHandle]:
    handle = StoreHandle(settings)
    yield handle
    await handle.close()


async def test_servers_see_each_other_and_follow(jobs: StoreHandle) -> None:
    one, other = Models(), Models()
    first, second = peers_of(jobs, one), peers_of(jobs, other)
    async with first.running():
        await first.request("load", "before")
        async with second.running():
            assert await first.look()
            assert [each.models for each in first.others] == [({"id": "m"},)]
            assert [each.id for each in second.others] == [first.id]
            for action, model in (("load", "missing"), ("load", "m"), ("unload", "m"), ("remove", "n")):
                await first.request(action, model)  # type: ignore[arg-type]
            done = [("load", "m"), ("unload", "m"), ("forget", "n"), ("unload", "n")]
            assert await comes_true(lambda: other.done == done), "in order, each once, nothing from before its start"
            assert one.done == [], "who was asked has done it"
        await first.look()
        assert first.others == ()


async def test_keys_come_with_the_heartbeat_and_a_new_one_at_once(jobs: StoreHandle) -> None:
    ring, secrets = KeyRing(jobs.settings), ClientSecrets(None, awaits_shared=True)
    watch = KeyWatch(ring, secrets, jobs)
    with pytest.raises(StorageUnavailable):
        secrets.make("key_1", 60, {})
    await watch.read()
    value, _ = secrets.make("key_1", 60, {})
    elsewhere = ClientSecrets(None, awaits_shared=True)
    await KeyWatch(KeyRing(jobs.settings), elsewhere, jobs).read()
    assert elsewhere.read(value).key == "key_1"
    key, secret = make_key("anna", KeyLimits())
    keys = (await jobs.open()).shared.keys
    await keys.add(key)
    assert ring.find(secret.encode()) is None
    assert all(await asyncio.gather(*(ring.look_again() for _ in range(50))))
    assert ring.find(secret.encode()) == key
    assert ring.required
    await keys.remove("anna")
    await watch.read()
    assert ring.find(secret.encode()) is None
    assert ring.required, "until a restart"


async def test_many_unknown_keys_are_few_looks(jobs: StoreHandle, monkeypatch: pytest.MonkeyPatch) -> None:
    ring = KeyRing(jobs.settings)
    watch, looks = KeyWatch(ring, ClientSecrets(None), jobs), 0

    async def count() -> None:
        nonlocal looks
        looks += 1
        await asyncio.sleep(0.01)

    monkeypatch.setattr(watch, "read", count)
    assert all(await asyncio.gather(*(ring.look_again() for _ in range(200))))
    assert looks == 1


async def test_keys_stay_while_the_database_is_away(jobs: StoreHandle, monkeypatch: pytest.MonkeyPatch) -> None:
    ring = KeyRing(jobs.settings)
    watch = KeyWatch(ring, ClientSecrets(None), jobs)
    key, secret = make_key("anna", KeyLimits())
    await (await jobs.open()).shared.keys.add(key)
    await watch.read()

    async def away() -> None:
        raise StorageUnavailable

    monkeypatch.setattr(jobs, "open", away)
    assert not await ring.look_again()
    assert ring.find(secret.encode()) == key


async def test_captions_go_to_the_database_or_follow_later(
    jobs: StoreHandle, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(caption_module, "AGAIN_SECONDS", 0.02)
    here, there = CaptionShelf(jobs), CaptionShelf(jobs)
    await here.keep("anna", "req_1", SAID)
    assert await there.find("anna", "req_1") == SAID
    assert await there.find("ben", "req_1") is None

    async def away() -> None:
        raise StorageUnavailable

    with monkeypatch.context() as gone:
        gone.setattr(jobs, "open", away)
        await here.keep("anna", "req_2", SAID)
        assert await here.find("anna", "req_2") == SAID
        with pytest.raises(StorageUnavailable):
            await there.find("anna", "req_2")
    for _ in range(500):
        if (said := await there.find("anna", "req_2")) is not None:
            break
        await asyncio.sleep(0.02)
    assert said == SAID
    await here.close()


async def test_with_one_server_nothing_is_asked(settings: Settings) -> None:
    alone = Alone()
    await alone.request("load", "m")
    await alone.announce()
    assert (await alone.look(), alone.others, alone.results) == (True, (), None)
    shelf = CaptionShelf(None)
    await shelf.keep("", "req_1", SAID)
    assert await shelf.find("", "req_1") == SAID
    assert await shelf.find("", "req_2") is None
    assert not settings.shares_state
