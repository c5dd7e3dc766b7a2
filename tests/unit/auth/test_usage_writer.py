"""Writing behind, over a store that the test makes fail; the real ones are in tests/unit/store/test_usage.py."""

import asyncio
import logging
from collections.abc import Sequence

import pytest

from speechd.auth import usage_writer
from speechd.auth.usage import WINDOWS, UsageCounters, UsageRow
from speechd.auth.usage_writer import UsageWriter
from speechd.errors import StorageUnavailable

MINUTE, DAY, _, _ = WINDOWS


class MemoryStore:
    """Adds up like the real one, while it can be reached."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], UsageRow] = {}
        self.works = asyncio.Event()
        self.works.set()
        self.refuses: Exception | None = None
        self.opened = 0

    async def open(self) -> "MemoryStore":
        self.opened += 1
        return self

    async def add(self, rows: Sequence[UsageRow]) -> Sequence[UsageRow]:
        await self._reach()
        for row in rows:
            known = self.rows.get((row.key, row.window), row)
            before = 0.0 if known is row else known.used
            self.rows[row.key, row.window] = UsageRow(row.key, row.window, known.started, before + row.used)
        return [self.rows[row.key, row.window] for row in rows]

    async def read(self) -> Sequence[UsageRow]:
        await self._reach()
        return list(self.rows.values())

    def used(self, window: str = "requests_per_day") -> float:
        row = self.rows.get(("anna", window))
        return row.used if row else 0.0

    async def _reach(self) -> None:
        await self.works.wait()
        if self.refuses is not None:
            raise self.refuses


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FLUSH_SECONDS", "REFRESH_SECONDS"):
        monkeypatch.setattr(usage_writer, name, 0.01)


@pytest.fixture
def counters() -> UsageCounters:
    return UsageCounters()


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


async def until(store: MemoryStore, amount: float) -> None:
    async with asyncio.timeout(10):
        while store.used() != amount:  # noqa: ASYNC110 - the writer sets no event
            await asyncio.sleep(0.01)


async def test_what_is_counted_arrives(counters: UsageCounters, store: MemoryStore) -> None:
    async with UsageWriter(counters, store.open).running():
        counters.charge("anna", "requests", 3)
        await until(store, 3)
        counters.charge("anna", "requests", 2)
    assert store.used() == 5, "the last ones are written at the end"
    assert counters.used("anna", DAY).amount == 5


async def test_the_store_is_not_opened_for_nothing(counters: UsageCounters, store: MemoryStore) -> None:
    async with UsageWriter(counters, store.open).running():
        await asyncio.sleep(0.05)
    assert store.opened == 0


async def test_stored_counts_are_there_before_the_first_request(counters: UsageCounters, store: MemoryStore) -> None:
    before = UsageCounters()
    before.charge("anna", "requests", 4)
    await store.add(before.unsaved())
    async with UsageWriter(counters, store.open, needed=lambda: True).running():
        assert counters.used("anna", DAY).amount == 4


async def test_two_processes_add_up(counters: UsageCounters, store: MemoryStore) -> None:
    other = UsageCounters()
    async with (
        UsageWriter(counters, store.open, needed=lambda: True).running(),
        UsageWriter(other, store.open, needed=lambda: True).running(),
    ):
        counters.charge("anna", "requests", 3)
        other.charge("anna", "requests", 4)
        async with asyncio.timeout(10):
            while {each.used("anna", DAY).amount for each in (counters, other)} != {7.0}:  # noqa: ASYNC110
                await asyncio.sleep(0.01)


async def test_a_store_that_is_down(
    counters: UsageCounters, store: MemoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    """Said once, counted on, and made up for."""
    caplog.set_level(logging.INFO, "speechd.auth")
    store.refuses = StorageUnavailable()
    async with UsageWriter(counters, store.open, needed=lambda: True).running():
        for _ in range(5):
            counters.charge("anna", "requests", 1)
            await asyncio.sleep(0.02)
        assert counters.used("anna", MINUTE).amount == 5
        store.refuses = None
        await until(store, 5)
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


async def test_a_store_that_hangs_does_not_hold_up_the_start_or_the_end(
    counters: UsageCounters, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage_writer, "LOAD_SECONDS", 0.02)
    monkeypatch.setattr(usage_writer, "LEAVE_SECONDS", 0.02)
    store.works.clear()
    async with asyncio.timeout(10):
        async with UsageWriter(counters, store.open, needed=lambda: True).running():
            counters.charge("anna", "requests", 1)
            assert counters.used("anna", DAY).amount == 1
    assert store.used() == 0


async def test_a_failure_that_nobody_foresaw(
    counters: UsageCounters, store: MemoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    store.refuses = LookupError("a bug")
    async with UsageWriter(counters, store.open).running():
        counters.charge("anna", "requests", 1)
        async with asyncio.timeout(10):
            while "a bug" not in caplog.text:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        store.refuses = None
        await until(store, 1)
