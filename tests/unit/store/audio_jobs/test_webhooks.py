from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import insert

from speechd.store.audio_jobs.webhooks import (
    DELIVERY_LEASE_SECONDS,
    MAX_ATTEMPTS,
    Deliveries,
    DeliveryAttempt,
    pause_before,
)
from speechd.store.database import Database
from speechd.store.tables import audio_jobs, lines
from speechd.store.tables import deliveries as table
from tests.unit.store.conftest import Clock, Rows

FAILED = DeliveryAttempt(500, "The receiver answered 500.")
Make = Callable[..., Awaitable[None]]


@pytest.fixture
def deliveries(database: Database) -> Deliveries:
    return Deliveries(database)


@pytest.fixture
def make(database: Database, clock: Clock) -> Make:
    """Makes a job with a webhook."""

    async def make(id: str, state: str = "completed") -> None:
        line = {"id": id, "owner": "", "url": "/v1/audio/speech", "priority": 10, "turn": 0, "state": state}
        job = {"id": id, "owner": "", "model": "m", "format": "json", "unit": "seconds"}
        hook = {"job": id, "message": f"msg_{id}", "url": "https://h.example/", "secret": "s" * 16, "state": "open"}
        async with database.writing() as connection:
            await connection.execute(insert(lines), [line | {"created_at": clock.now}])
            await connection.execute(insert(audio_jobs), [job | {"expires_at": int(clock.now) + 10}])
            await connection.execute(insert(table), [hook])

    return make


async def due(deliveries: Deliveries, worker: str = "first") -> list[str]:
    return [each.job for each in await deliveries.claim(worker, 10)]


@pytest.mark.parametrize(
    ("state", "is_due"),
    [("queued", False), ("running", False), ("completed", True), ("failed", True), ("cancelled", True)],
)
async def test_due_when_the_job_has_ended(deliveries: Deliveries, make: Make, state: str, is_due: bool) -> None:
    await make("a", state)
    assert await due(deliveries) == (["a"] if is_due else [])


async def test_one_worker_at_a_time(deliveries: Deliveries, make: Make, clock: Clock) -> None:
    await make("a")
    assert await due(deliveries, "first") == ["a"]
    assert await due(deliveries, "second") == []
    clock.now += DELIVERY_LEASE_SECONDS + 1
    assert await due(deliveries, "second") == ["a"], "the first never told how it went"
    await deliveries.release({"second"})
    assert await due(deliveries, "third") == ["a"], "the second is known to be dead"


async def test_failures_wait_longer_and_longer(deliveries: Deliveries, make: Make, clock: Clock, rows: Rows) -> None:
    await make("a")
    began, times = clock.now, []
    while True:
        (delivery,) = await deliveries.claim("first", 1)
        times.append(clock.now - began)
        await deliveries.record("first", delivery, FAILED)
        (row,) = await rows(table)
        if row["state"] != "open":
            break
        assert await due(deliveries) == [], "not at once"
        clock.now = row["next_at"]
    pauses = [later - earlier for earlier, later in pairwise(times)]
    assert len(times) == row["attempts"] == MAX_ATTEMPTS
    assert pauses[0] < 3
    assert all(earlier < later * 1.3 for earlier, later in pairwise(pauses))
    assert times[-1] > 12 * 3600, "over hours"
    assert (row["state"], row["secret"], row["last_status"]) == ("failed", None, 500)
    assert await due(deliveries) == []


@pytest.mark.parametrize(
    ("attempt", "state"),
    [(DeliveryAttempt(204), "delivered"), (DeliveryAttempt(410, "Gone.", final=True), "failed"), (FAILED, "open")],
)
async def test_the_secret_is_kept_while_it_is_needed(
    deliveries: Deliveries, make: Make, clock: Clock, rows: Rows, attempt: DeliveryAttempt, state: str
) -> None:
    await make("a")
    (delivery,) = await deliveries.claim("first", 1)
    await deliveries.record("first", delivery, attempt)
    (row,) = await rows(table)
    assert (row["state"], row["secret"] is not None) == (state, state == "open")
    assert row["delivered_at"] == (int(clock.now) if state == "delivered" else None)


async def test_who_lost_it_records_nothing(deliveries: Deliveries, make: Make, clock: Clock, rows: Rows) -> None:
    await make("a")
    (delivery,) = await deliveries.claim("first", 1)
    clock.now += DELIVERY_LEASE_SECONDS + 1
    await deliveries.claim("second", 1)
    await deliveries.record("first", delivery, FAILED)
    (row,) = await rows(table)
    assert (row["attempts"], row["worker"]) == (0, "second")


def test_receivers_are_not_met_by_all_at_once() -> None:
    pauses: set[Any] = {pause_before(3) for _ in range(10)}
    assert len(pauses) > 1
    assert 28 < min(pauses) <= max(pauses) < 36
