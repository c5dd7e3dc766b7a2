"""The worker over a stand-in service: what a recording's words say decides what happens to its line."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import select

from speechd.auth.usage import WINDOWS, UsageCounters
from speechd.errors import StorageFull
from speechd.settings import Settings
from speechd.store.batch_order import BatchOrder
from speechd.store.batches import Batch
from speechd.store.store import Store, StoreHandle
from speechd.store.tables import lines
from speechd.worker import faults, session
from speechd.worker.concurrency import ConcurrencyLimiter
from speechd.worker.worker import Worker
from tests.support.fake_service import TEXT, StandInService


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in ((session, "HEARTBEAT_SECONDS"), (session, "LOOK_SECONDS"), (faults, "PAUSE_SECONDS")):
        monkeypatch.setattr(module, name, 0.02)


class Office:
    """A service, its jobs and a worker."""

    def __init__(self, settings: Settings) -> None:
        self.service = StandInService(settings)
        self.jobs = StoreHandle(settings)
        self.callers = 0
        self.usage = UsageCounters()
        self.worker = Worker(self.service, self.jobs, self.usage, lambda: self.callers > 0)  # type: ignore[arg-type]

    async def order(self, *words: str, owner: str = "", endpoint: str = "/v1/audio/transcriptions") -> Batch:
        """A batch of a line for each recording of these words."""
        store = await self.jobs.open()
        rows = []
        for number, said in enumerate(words):
            url = "data:audio/wav;base64," + base64.b64encode(said.encode()).decode()
            body = {"model": "stand-in", "url": url, "prompt": f"{number}"}  # else equal lines are computed once
            rows.append(json.dumps({"custom_id": f"{number}", "method": "POST", "url": endpoint, "body": body}))
        with store.files.blobs.draft() as draft:
            draft.write("\n".join(rows).encode())
            file = await store.files.keep(draft, owner, "in.jsonl", "batch")
        return await store.batches.create(BatchOrder(owner, "openai", endpoint, file.id, "24h"))

    async def until(self, batch: Batch, reached: Callable[[Batch], bool], owner: str = "") -> Batch:
        store = await self.jobs.open()
        async with asyncio.timeout(60):
            while not reached(found := await store.batches.get(owner, batch.id)):  # noqa: ASYNC110 - others change it
                await asyncio.sleep(0.02)
        return found

    async def ended(self, batch: Batch) -> Batch:
        return await self.until(batch, lambda found: found.ended)

    async def rows(self, file: str | None) -> list[dict[str, Any]]:
        store: Store = await self.jobs.open()
        with store.files.blobs.open((await store.files.get("", file or "")).blob) as content:
            return [json.loads(row) for row in content]

    async def states(self) -> list[str]:
        async with (await self.jobs.open()).database.reading() as connection:
            return sorted(row.state for row in await connection.execute(select(lines.c.state)))


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Office]:
    office = Office(settings)
    yield office
    await office.jobs.close()
    await office.service.close()


@pytest.fixture
async def office(settings: Settings) -> AsyncIterator[Office]:
    async with opened(settings) as office:
        yield office


async def test_good_and_bad_lines(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    async with office.worker.running():
        batch = await office.ended(await office.order("speech", "broken", "crash", "cut"))
    assert (batch.status, batch.completed, batch.failed) == ("completed", 2, 2)
    assert [row["response"]["body"]["text"] for row in await office.rows(batch.output_file_id)] == [TEXT, TEXT]
    broken, crash = await office.rows(batch.error_file_id)
    assert (broken["response"]["status_code"], broken["response"]["body"]["error"]["code"]) == (400, "invalid_audio")
    assert crash["response"]["status_code"] == 500
    assert crash["response"]["request_id"] in crash["response"]["body"]["error"]["message"]
    assert "secret" not in json.dumps(crash)
    assert "a secret of the inside" in caplog.text
    assert all(file.closed for file in office.service.ears.files)


async def test_audio_counts_for_the_key(office: Office) -> None:
    batch = await office.order("speech", "broken", "cut", owner="anna")
    async with office.worker.running():
        await office.until(batch, lambda found: found.ended, "anna")
    hours = next(window for window in WINDOWS if window.name == "audio_seconds_per_hour")
    assert office.usage.used("anna", hours).amount == 7.0


async def test_what_is_in_hand_goes_back_when_the_worker_leaves(office: Office) -> None:
    batch = await office.order("slow", "slow")
    async with office.worker.running():
        await office.until(batch, lambda found: office.service.ears.running == 2)
    assert office.service.ears.running == 0
    assert await office.states() == ["queued", "queued"]


async def test_cancelling_stops_what_runs(office: Office) -> None:
    batch = await office.order("speech", "slow", "slow")
    async with office.worker.running():
        await office.until(batch, lambda found: found.completed == 1 and office.service.ears.running == 2)
        await (await office.jobs.open()).batches.cancel("", batch.id)
        batch = await office.ended(batch)
    assert (batch.status, batch.completed, batch.failed) == ("cancelled", 1, 2)
    assert office.service.ears.running == 0
    assert {row["error"]["code"] for row in await office.rows(batch.error_file_id)} == {"batch_cancelled"}


async def test_only_so_many_at_once(settings: Settings) -> None:
    async with opened(settings.model_copy(update={"worker_concurrency": 3})) as office:
        batch = await office.order(*["slow"] * 10)
        async with office.worker.running():
            await office.until(batch, lambda found: office.service.ears.running >= 3)
            await asyncio.sleep(0.2)
            assert office.service.ears.running == 3


async def test_callers_come_first(office: Office) -> None:
    office.callers = 1
    batch = await office.order(*["slow"] * 10)
    async with office.worker.running():
        await office.until(batch, lambda found: office.service.ears.running >= 1)
        await asyncio.sleep(0.2)
        assert office.service.ears.running == 1, "one goes on: nothing starves"
        office.callers = 0
        await office.until(batch, lambda found: office.service.ears.running == 4)


async def test_a_busy_service_is_waited_for(office: Office) -> None:
    batch = await office.order("busy", "speech")
    async with office.worker.running():
        await office.until(batch, lambda found: found.completed == 1)
        await asyncio.sleep(0.1)
        assert await office.states() == ["completed", "queued"]
        found = await office.until(batch, lambda found: True)
        assert (found.status, found.failed) == ("in_progress", 0)


async def test_a_result_that_cannot_be_kept_yet(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = await office.order("speech")
    store = await office.jobs.open()
    real, full = type(store.database).writing, [False]

    @asynccontextmanager
    async def writing(self: Any) -> Any:
        if full[0]:
            raise StorageFull
        async with real(self) as connection:
            yield connection

    monkeypatch.setattr(type(store.database), "writing", writing)
    hear = office.service.ears.stream

    async def heard_while_it_fills(*given: Any) -> Any:
        full[0] = True
        async for part in hear(*given):
            yield part

    monkeypatch.setattr(office.service.ears, "stream", heard_while_it_fills)
    async with office.worker.running():
        await office.until(batch, lambda found: "lines" in office.jobs.faults)
        assert await office.states() == ["running"]
        full[0] = False
        batch = await office.ended(batch)
    assert (batch.status, batch.completed) == ("completed", 1)
    assert not office.jobs.faults
    assert len(office.service.ears.heard) == 1, "it was not heard again"


async def test_two_workers_share_the_work(settings: Settings) -> None:
    async with opened(settings) as first, opened(settings) as second:
        batch = await first.order(*[f"speech {number}" for number in range(40)])
        async with first.worker.running(), second.worker.running():
            batch = await first.ended(batch)
        assert (batch.completed, batch.failed) == (40, 0)
        assert len(first.service.ears.heard) + len(second.service.ears.heard) == 40


async def test_lines_wait_for_their_turn() -> None:
    maximum, ran = [1], list[int]()
    turns = ConcurrencyLimiter(lambda: maximum[0])
    doors = [asyncio.Event() for _ in range(4)]

    async def run(number: int) -> None:
        async with turns.one():
            ran.append(number)
            await doors[number].wait()

    tasks = [asyncio.create_task(run(number)) for number in range(4)]
    await asyncio.sleep(0)
    assert ran == [0]
    tasks[1].cancel()  # it is stopped before its turn came, and holds up nobody
    maximum[0] = 2
    doors[0].set()
    await asyncio.gather(*tasks[:2], return_exceptions=True)
    await asyncio.sleep(0)
    assert ran == [0, 2, 3]
    for door in doors:
        door.set()
    await asyncio.gather(*tasks[2:])


async def test_what_fails_in_its_turn_gives_it_back() -> None:
    turns = ConcurrencyLimiter(lambda: 1)
    with pytest.raises(ValueError, match="on the way"):
        async with turns.one():
            raise ValueError("on the way")
    async with asyncio.timeout(5), turns.one():
        pass
