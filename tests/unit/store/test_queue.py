import asyncio
import json
from typing import Any

import pytest

from speechd.store.database import Database
from speechd.store.queue import BATCH_PRIORITY, MAX_LOSSES, SOON_PRIORITY, TASK_LEASE_SECONDS, Outcome, Queue
from speechd.store.tables import batches, lines
from tests.unit.store.conftest import Clock, Rows

DONE = Outcome("completed", 200, "req_1", '{"text": "Hello."}')
REFUSED = Outcome("failed", 400, "req_2", '{"error": {}}')


@pytest.fixture
def queue(database: Database) -> Queue:
    return Queue(database, "first")


@pytest.fixture
def other(database: Database) -> Queue:
    return Queue(database, "second")


async def put(queue: Queue, number: int, priority: int = BATCH_PRIORITY, **columns: Any) -> None:
    rows = [{"owner": "", "url": "/v1/embeddings", "number": place, **columns} for place in range(1, number + 1)]
    async with queue._database.writing() as connection:
        await queue.add(connection, rows, priority)


async def test_each_line_goes_to_one(queue: Queue, other: Queue) -> None:
    await put(queue, 40)
    claims = await asyncio.gather(*((queue, other)[turn % 2].claim(3) for turn in range(20)))
    claimed = [line.id for lines in claims for line in lines]
    assert len(claimed) == len(set(claimed)) == 40
    assert await queue.claim(1) == []


async def test_the_more_urgent_first_and_batches_by_turns(queue: Queue, running_batch: Any) -> None:
    for name, size in (("long", 6), ("short", 2)):
        await running_batch(name, size)
        await put(queue, size, batch=name)
    order = [(line.batch, line.number) for line in await queue.claim(4)]
    assert sorted(order) == [("long", 1), ("long", 2), ("short", 1), ("short", 2)]
    await put(queue, 1, SOON_PRIORITY, body="{}")
    assert [line.batch for line in await queue.claim(2)] == [None, "long"]


async def test_owners_take_turns_however_many_jobs_each_has(queue: Queue) -> None:
    for number in range(6):
        await put(queue, 1, SOON_PRIORITY, owner="anna", body=str(number))
    for number in range(2):
        await put(queue, 1, SOON_PRIORITY, owner="ben", body=str(number))
    order = [(line.owner, line.body) for line in await queue.claim(5)]
    assert order == [("anna", "0"), ("ben", "0"), ("anna", "1"), ("ben", "1"), ("anna", "2")]
    await put(queue, 1, SOON_PRIORITY, owner="carl", body="0")
    assert {line.owner for line in await queue.claim(2)} == {"anna", "carl"}
    assert [line.body for line in await queue.claim(9)] == ["4", "5"], "in the order of their coming"


async def test_who_comes_later_is_not_first_for_ever(queue: Queue, running_batch: Any) -> None:
    await running_batch("old", 6)
    await put(queue, 6, batch="old")
    await queue.claim(4)
    await running_batch("new", 6)
    await put(queue, 6, batch="new")
    assert sorted(str(line.batch) for line in await queue.claim(4)) == ["new", "new", "old", "old"]


async def test_finished_once(queue: Queue, other: Queue, clock: Clock, rows: Rows, running_batch: Any) -> None:
    await running_batch("b", 2)
    await put(queue, 2, batch="b")
    first, second = await queue.claim(2)
    assert await queue.finish(first, DONE)
    assert not await queue.finish(first, REFUSED)
    assert not await other.finish(second, DONE), "it is not theirs"
    (batch,) = await rows(batches)
    assert (batch["completed"], batch["failed"], batch["status"]) == (1, 0, "in_progress")
    assert await queue.finish(second, REFUSED)
    (batch,) = await rows(batches)
    assert (batch["completed"], batch["failed"], batch["status"]) == (1, 1, "finalizing")
    assert batch["finalizing_at"] == int(clock.now)
    (row,) = await rows(lines, id=first.id)
    assert (row["state"], row["response"], row["status_code"]) == ("completed", '{"text": "Hello."}', 200)


async def test_many_are_finished_at_once(queue: Queue, other: Queue, rows: Rows, running_batch: Any) -> None:
    for name in ("b", "c"):
        await running_batch(name, 3)
        await put(queue, 3, batch=name)
    held = await queue.claim(5)
    (theirs,) = await other.claim(1)
    await queue.finish_all([(line, DONE if line.number < 3 else REFUSED) for line in [*held, theirs]])
    found = {row["id"]: (row["completed"], row["failed"], row["status"]) for row in await rows(batches)}
    whole, part = ("b", "c") if theirs.batch == "c" else ("c", "b")
    assert found[whole] == (2, 1, "finalizing")
    assert found[part] == (2, 0, "in_progress"), "the one of the other worker is not touched"
    await queue.finish_all([(line, REFUSED) for line in held])
    assert {row["id"]: (row["completed"], row["failed"], row["status"]) for row in await rows(batches)} == found
    assert await other.finish(theirs, REFUSED)


async def test_a_heartbeat_keeps_a_line(queue: Queue, other: Queue, clock: Clock) -> None:
    await put(queue, 2)
    kept, lost = await queue.claim(2)
    for _ in range(5):
        clock.now += TASK_LEASE_SECONDS * 0.6
        assert (await queue.renew({kept.id})).lost == frozenset()
        await other.release()
    assert [line.id for line in await other.claim(2)] == [lost.id]
    assert (await queue.renew({kept.id, lost.id})).lost == {lost.id}
    assert not await queue.finish(lost, DONE), "whoever lost it finishes it no more"
    assert await queue.finish(kept, DONE)


async def test_a_dead_workers_lines_come_back_at_once(queue: Queue, other: Queue) -> None:
    await put(queue, 3)
    held = await queue.claim(3)
    assert await other.release() == 0, "its lease is not over"
    assert await other.release({"first"}) == 3
    assert {line.id for line in await other.claim(3)} == {line.id for line in held}


async def test_a_line_that_kills_is_given_up(queue: Queue, rows: Rows, running_batch: Any) -> None:
    await running_batch("b", 1)
    await put(queue, 1, batch="b")
    for _ in range(MAX_LOSSES):
        assert len(await queue.claim(1)) == 1
        await queue.release({"first"})
    assert await queue.claim(1) == []
    (line,) = await rows(lines)
    assert json.loads(line["error"])["code"] == "worker_lost"
    (batch,) = await rows(batches)
    assert (batch["failed"], batch["status"]) == (1, "finalizing")


async def test_put_back_waits_its_time(queue: Queue, other: Queue, clock: Clock) -> None:
    await put(queue, 1)
    (line,) = await queue.claim(1)
    await queue.put_back(line, delay=30, failed=True)
    assert await other.claim(1) == []
    clock.now += 30
    (again,) = await other.claim(1)
    assert (again.id, again.tries) == (line.id, 1)
    await queue.put_back(line)
    assert await other.finish(again, DONE), "only who holds it can put it back"
