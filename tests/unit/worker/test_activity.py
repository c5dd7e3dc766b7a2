"""A worker rests while the database has no work, and wakes up when another process gives it some."""

import asyncio
import sys
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import event

from speechd.settings import Settings
from speechd.worker import session
from tests.unit.worker.test_worker import Office, opened

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere workers look again and again")


@pytest.fixture
async def offices(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Office, Office]]:
    """Two handles on one database, as two processes have them."""
    for name in ("HEARTBEAT_SECONDS", "LOOK_SECONDS"):
        monkeypatch.setattr(session, name, 0.02)
    async with opened(settings) as one, opened(settings) as other:
        yield one, other


async def statements_in(office: Office, seconds: float) -> int:
    """How many statements its database gets in that time."""
    seen: list[str] = []
    engine = (await office.jobs.open()).database._engine.sync_engine

    def note(connection: object, cursor: object, statement: str, *rest: object) -> None:
        seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    await asyncio.sleep(seconds)
    event.remove(engine, "before_cursor_execute", note)
    return len(seen)


async def test_a_worker_without_work_leaves_the_database_alone(offices: tuple[Office, Office]) -> None:
    worker, _ = offices
    async with worker.worker.running():
        async with asyncio.timeout(20):
            while await statements_in(worker, 0.1):
                pass
        assert await statements_in(worker, 0.2) == 0


async def test_work_from_another_process_wakes_it(offices: tuple[Office, Office]) -> None:
    worker, caller = offices
    async with worker.worker.running():
        async with asyncio.timeout(20):
            while await statements_in(worker, 0.1):
                pass
        batch = await caller.ended(await caller.order("speech"))
    assert batch.status == "completed"
