"""The counts of keys in both databases, alone and by several processes at once."""

import asyncio
import sqlite3
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from speechd.auth import usage_writer
from speechd.auth.usage import WINDOWS, UsageCounters, UsageRow
from speechd.auth.usage_writer import UsageWriter
from speechd.errors import StorageUnavailable
from speechd.settings import Settings
from speechd.store import usage as usage_module
from speechd.store.database import Database, open_database
from speechd.store.store import StoreHandle
from speechd.store.usage import SqlUsageStore

MINUTE = "requests_per_minute"


@pytest.fixture
async def database(database_settings: Settings):
    """By the real clock."""
    opened = await open_database(database_settings)
    yield opened
    await opened.close()


@pytest.fixture
def store(database: Database) -> SqlUsageStore:
    return SqlUsageStore(database)


def row(started: float, used: float, key: str = "anna", window: str = MINUTE) -> UsageRow:
    return UsageRow(key, window, started, used)


async def test_amounts_add_up_in_the_window_that_is_there(store: SqlUsageStore) -> None:
    now = time.time()
    await store.add([row(now - 20, 3)])
    (total,) = await store.add([row(now, 4)])
    assert (total.used, total.started) == (7, pytest.approx(now - 20, abs=0.01))
    (total,) = await store.add([row(now - 40, 1)])
    assert (total.used, total.started) == (8, pytest.approx(now - 20, abs=0.01)), "late, but the windows overlap"


async def test_a_window_that_is_over_is_replaced(store: SqlUsageStore) -> None:
    now = time.time()
    await store.add([row(now - 90, 3)])
    (total,) = await store.add([row(now - 10, 4)])
    assert (total.used, total.started) == (4, pytest.approx(now - 10, abs=0.01))


async def test_what_comes_after_its_window_is_dropped(store: SqlUsageStore) -> None:
    now = time.time()
    await store.add([row(now, 3)])
    (total,) = await store.add([row(now - 90, 4)])
    assert (total.used, total.started) == (3, pytest.approx(now, abs=0.01))


async def test_a_window_of_the_future_does_not_stay(store: SqlUsageStore) -> None:
    """A clock was wrong and is right again."""
    now = time.time()
    await store.add([row(now + 5000, 3)])
    (total,) = await store.add([row(now, 4)])
    assert (total.used, total.started) == (4, pytest.approx(now, abs=0.01))


async def test_only_windows_that_may_go_on_are_read(store: SqlUsageStore) -> None:
    now = time.time()
    await store.add([row(now - 90_000, 1, "old"), row(now - 80_000, 2, "anna", "requests_per_day")])
    assert [(each.key, each.used) for each in await store.read()] == [("anna", 2)]
    await store.forget_ended()
    (total,) = await store.add([row(now - 90_000, 1, "old")])
    assert total.used == 1


async def test_several_processes_lose_nothing(database_settings: Settings) -> None:
    """Each with a connection of its own, adding to the same rows at the same time."""
    databases = [await open_database(database_settings) for _ in range(3)]
    now = time.time()
    windows = [window.name for window in WINDOWS]

    async def add(store: SqlUsageStore, order: int) -> None:
        for _ in range(10):
            rows = [row(now, 1, key, window) for key in ("anna", "ben") for window in windows]
            await store.add(rows if order % 2 else rows[::-1])

    await asyncio.gather(*(add(SqlUsageStore(each), number) for number, each in enumerate(databases)))
    assert {each.used for each in await SqlUsageStore(databases[0]).read()} == {30.0}
    for each in databases:
        await each.close()


def lock(path: Path) -> sqlite3.Connection:
    """Nobody else can write until it is closed."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    return other


async def test_a_locked_database_is_given_up_soon(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other writers still wait as long as they did, on the same connections."""
    monkeypatch.setattr(usage_module, "PATIENCE_SECONDS", 0.05)
    database = await open_database(settings)
    locked = lock(settings.data_dir / "speechd.db")
    try:
        with pytest.raises(StorageUnavailable):
            await SqlUsageStore(database).add([row(time.time(), 1)])
        waiting = asyncio.create_task(SqlUsageStore(database).forget_ended())
        done, _ = await asyncio.wait([waiting], timeout=0.5)
        assert not done
        locked.close()
        await waiting
    finally:
        locked.close()
        await database.close()


async def test_counts_arrive_once_a_lock_is_gone(
    database: Database, database_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process holds the table: the counts are there for the requests, and later for the others."""
    monkeypatch.setattr(usage_writer, "FLUSH_SECONDS", 0.02)
    monkeypatch.setattr(usage_module, "PATIENCE_SECONDS", 0.02)
    jobs, counters = StoreHandle(database_settings), UsageCounters()
    store = await jobs.open_usage()
    async with UsageWriter(counters, jobs.open_usage, needed=lambda: True).running():
        async with database.writing() as connection:
            if database.is_postgres:
                await connection.execute(text("LOCK TABLE usage IN EXCLUSIVE MODE"))
            for _ in range(6):
                counters.charge("anna", "requests", 1)
                await asyncio.sleep(0.05)
            assert {counters.used("anna", window).amount for window in WINDOWS[:2]} == {6.0}
            assert await store.read() == []
        async with asyncio.timeout(30):
            while {each.used for each in await store.read()} != {6.0}:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    await jobs.close()
