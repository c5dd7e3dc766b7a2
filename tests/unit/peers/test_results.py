"""What one server does with the results of others, on a real database."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest

from speechd.cache.result_exchange import ClaimedResult, FoundResult, computed_once
from speechd.errors import EngineFailure
from speechd.peers import results as module
from speechd.peers.results import PeerResults
from speechd.settings import Settings
from speechd.store.shared.records import ServerState
from speechd.store.store import StoreHandle
from speechd.types import Segment, Transcript

SEGMENTS = (Segment(0, 1, " one"), Segment(1, 2, " two"))
TRANSCRIPT = Transcript("transcribe", "en", 2.0, SEGMENTS, "whisper-pocket")


@pytest.fixture(autouse=True)
def _a_busy_machine_is_no_database_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 60)


@pytest.fixture
async def jobs(settings: Settings) -> AsyncIterator[StoreHandle]:
    handle = StoreHandle(settings)
    servers = (await handle.open()).shared.servers
    for id in ("a", "b"):
        await servers.beat(ServerState(id, id))
    yield handle
    await handle.close()


@pytest.fixture
async def both(jobs: StoreHandle) -> AsyncIterator[tuple[PeerResults, PeerResults]]:
    made = PeerResults(jobs, "a", 300, lambda: False), PeerResults(jobs, "b", 300, lambda: False)
    yield made
    for each in made:
        await each.close()


class Work:
    """A computation that the test holds up."""

    def __init__(self, fails: bool = False) -> None:
        self.begun, self.gate, self.ended = asyncio.Event(), asyncio.Event(), False
        self.fails = fails
        self.found: list[FoundResult] = []

    async def __call__(self) -> AsyncGenerator[Segment | Transcript, None]:
        self.begun.set()
        try:
            yield SEGMENTS[0]
            await self.gate.wait()
            if self.fails:
                raise EngineFailure
            yield SEGMENTS[1]
            yield TRANSCRIPT
        finally:
            self.ended = True

    async def parts(self, exchange: PeerResults) -> list[Segment | Transcript]:
        return [part async for part in computed_once(exchange, "r", self, self.found.append)]


async def test_the_other_server_waits_and_has_every_part(both: tuple[PeerResults, PeerResults]) -> None:
    first, second = Work(), Work()
    computing = asyncio.create_task(first.parts(both[0]))
    await first.begun.wait()
    waiting = asyncio.create_task(second.parts(both[1]))
    await asyncio.sleep(0.2)
    assert not waiting.done()
    first.gate.set()
    assert await waiting == await computing == [*SEGMENTS, TRANSCRIPT]
    assert not second.begun.is_set()
    assert [each.status for each in second.found] == ["joined"]
    again = Work()
    assert await again.parts(both[1]) == [*SEGMENTS, TRANSCRIPT]
    assert [each.status for each in again.found] == ["hit"]


async def test_what_fails_at_one_is_computed_at_the_other(both: tuple[PeerResults, PeerResults]) -> None:
    first, second = Work(fails=True), Work()
    second.gate.set()
    computing = asyncio.create_task(first.parts(both[0]))
    await first.begun.wait()
    waiting = asyncio.create_task(second.parts(both[1]))
    first.gate.set()
    with pytest.raises(EngineFailure):
        await computing
    assert await waiting == [*SEGMENTS, TRANSCRIPT]
    assert second.begun.is_set()


async def test_what_is_abandoned_at_one_is_computed_at_the_other(both: tuple[PeerResults, PeerResults]) -> None:
    first, second = Work(), Work()
    second.gate.set()
    async with aclosing(computed_once(both[0], "r", first, first.found.append)) as parts:
        await anext(parts)
    assert first.ended
    assert await second.parts(both[1]) == [*SEGMENTS, TRANSCRIPT]


async def test_a_waiting_request_can_leave(both: tuple[PeerResults, PeerResults]) -> None:
    first, second = Work(), Work()
    computing = asyncio.create_task(first.parts(both[0]))
    await first.begun.wait()
    waiting = asyncio.create_task(second.parts(both[1]))
    await asyncio.sleep(0.1)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    first.gate.set()
    assert await computing == [*SEGMENTS, TRANSCRIPT]


async def test_without_others_or_without_a_cache_the_database_is_not_asked(settings: Settings) -> None:
    jobs = StoreHandle(settings)
    assert await PeerResults(jobs, "a", 300, lambda: True).obtain("r") is None
    assert await PeerResults(jobs, "a", 0, lambda: False).obtain("r") is None
    assert jobs.opened is None


async def test_a_database_that_fails_is_left_alone_for_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    jobs = StoreHandle(Settings(database_url=f"sqlite:///{tmp_path / 'file' / 'x.db'}"))
    results = PeerResults(jobs, "a", 300, lambda: False)
    work = Work()
    work.gate.set()
    assert await work.parts(results) == [*SEGMENTS, TRANSCRIPT]
    jobs.settings = Settings(data_dir=tmp_path)
    assert await results.obtain("r") is None, "it is not asked yet"
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0)
    patient = PeerResults(jobs, "a", 300, lambda: False)
    jobs.settings = Settings(database_url=f"sqlite:///{tmp_path / 'file' / 'x.db'}")
    assert await patient.obtain("r") is None
    jobs.settings = Settings(data_dir=tmp_path)
    claim = await patient.obtain("r")
    assert claim is not None
    assert not isinstance(claim, FoundResult)
    await jobs.close()


async def test_a_claim_ends_once(both: tuple[PeerResults, PeerResults]) -> None:
    claim = await both[0].obtain("r")
    assert claim is not None
    assert not isinstance(claim, FoundResult)
    _publish_then_release(claim)
    await both[0].close()
    found = await both[1].obtain("r")
    assert isinstance(found, FoundResult)
    assert found.transcript == TRANSCRIPT


def _publish_then_release(claim: ClaimedResult) -> None:
    claim.publish(TRANSCRIPT)
    claim.release()
