"""Who shares whose computation, who gets a recent result, and what happens when nobody reads any more."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

import pytest

from speechd.cache.coalescing import CacheStatus, Computation, RequestCoalescer
from speechd.priority import Priority, PrioritySource


@dataclass
class Letters:
    """A computation that yields `a`, and `b` and `c` when told, and knows what became of it."""

    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    begun: int = 0
    cancelled: int = 0
    released: int = 0
    priority: PrioritySource | None = None

    async def run(self, priority: PrioritySource) -> AsyncGenerator[str, None]:
        self.begun += 1
        self.priority = priority
        try:
            yield "a"
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        yield "b"
        yield "c"

    def release(self) -> None:
        self.released += 1


class Failing(Letters):
    async def run(self, priority: PrioritySource) -> AsyncGenerator[str, None]:
        yield "a"
        await self.go_on.wait()
        raise ValueError("broken")


Coalescer = RequestCoalescer[str]


class Reader:
    """One request, with what it has got so far."""

    def __init__(self, coalescer: Coalescer, work: Letters, key: str = "k", *, retryable: bool = False) -> None:
        self.got = ""
        self.status: CacheStatus | None = None
        self.task = asyncio.create_task(self._read(coalescer, work, key, retryable))

    async def _read(self, coalescer: Coalescer, work: Letters, key: str, retryable: bool) -> str:
        async with coalescer.join(key, work, retryable=retryable) as (computation, self.status):
            async for part in computation.parts():
                self.got += part
        return self.got

    async def until(self, got: str) -> "Reader":
        async with asyncio.timeout(10):
            while self.got != got:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0)
        return self

    async def leave(self) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])


async def test_every_reader_gets_all_parts_of_one_computation() -> None:
    coalescer, work = Coalescer(), Letters()
    first = await Reader(coalescer, work).until("a")
    late = await Reader(coalescer, work).until("a")
    work.go_on.set()
    assert [await reader.task for reader in (first, late)] == ["abc", "abc"]
    assert (first.status, late.status) == ("miss", "joined")
    assert (work.begun, work.released) == (1, 2)


async def test_a_slow_reader_misses_nothing_and_delays_nobody() -> None:
    coalescer, work = Coalescer(), Letters()
    work.go_on.set()
    async with coalescer.join("k", work) as (slow, _):
        parts = slow.parts()
        assert await anext(parts) == "a"
        assert await Reader(coalescer, work).task == "abc"
        assert [part async for part in parts] == ["b", "c"]


async def test_different_requests_do_not_join() -> None:
    coalescer, work = Coalescer(), Letters()
    work.go_on.set()
    readers = [Reader(coalescer, work, key) for key in "xy"]
    assert [await reader.task for reader in readers] == ["abc", "abc"]
    assert [reader.status for reader in readers] == ["miss", "miss"]


async def test_the_last_part_is_remembered_for_a_while() -> None:
    now = 0.0
    coalescer, work = Coalescer(keep=60, clock=lambda: now), Letters()
    work.go_on.set()
    await Reader(coalescer, work).task
    now = 59
    assert coalescer.recall("k") == "c"
    now = 61
    assert coalescer.recall("k") is None


@pytest.mark.parametrize("leaver", [0, 1])
async def test_one_who_leaves_does_not_stop_the_others(leaver: int) -> None:
    coalescer, work = Coalescer(), Letters()
    readers = [await Reader(coalescer, work).until("a") for _ in range(2)]
    await readers[leaver].leave()
    work.go_on.set()
    assert await readers[1 - leaver].task == "abc"
    assert (work.begun, work.cancelled, work.released) == (1, 0, 2)


async def test_the_last_who_leaves_stops_the_work_and_sees_its_end() -> None:
    coalescer, work = Coalescer(grace=60), Letters()
    readers = [await Reader(coalescer, work).until("a") for _ in range(2)]
    for reader in readers:
        await reader.leave()
    assert (work.begun, work.cancelled, work.released) == (1, 1, 2)


async def test_a_retry_within_the_grace_period_joins_what_its_caller_left() -> None:
    coalescer, work = Coalescer(grace=60), Letters()
    first = await Reader(coalescer, work, retryable=True).until("a")
    await first.leave()
    again = await Reader(coalescer, work).until("a")
    work.go_on.set()
    assert await again.task == "abc"
    assert again.status == "joined"
    assert (work.begun, work.cancelled) == (1, 0)


async def test_who_never_retries_does_not_take_the_grace_of_who_may() -> None:
    coalescer, work = Coalescer(grace=60), Letters()
    may_retry = await Reader(coalescer, work, retryable=True).until("a")
    job = await Reader(coalescer, work).until("a")
    await may_retry.leave()
    await job.leave()
    assert work.cancelled == 1, "the caller left while the job was reading"
    await (await Reader(coalescer, work, retryable=True).until("a")).leave()
    job = await Reader(coalescer, work).until("a")
    await job.leave()
    assert work.cancelled == 1, "the caller was the last to leave, and the job came meanwhile"
    await coalescer.close()


async def test_after_the_grace_period_the_work_stops() -> None:
    coalescer, work = Coalescer(grace=0.01), Letters()
    await (await Reader(coalescer, work, retryable=True).until("a")).leave()
    async with asyncio.timeout(10):
        while not work.released:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)
    assert (work.begun, work.cancelled) == (1, 1)


async def test_the_most_urgent_reader_sets_the_priority() -> None:
    coalescer, work = Coalescer(), Letters()

    async def read(priority: Priority, inside: asyncio.Event, over: asyncio.Event) -> None:
        async with coalescer.join("k", work, priority=priority):
            inside.set()
            await over.wait()

    async def opened(priority: Priority) -> tuple["asyncio.Task[None]", asyncio.Event]:
        inside, over = asyncio.Event(), asyncio.Event()
        task = asyncio.create_task(read(priority, inside, over))
        await inside.wait()
        await asyncio.sleep(0)
        return task, over

    job, job_over = await opened("background")
    assert work.priority is not None
    assert work.priority() == "background"
    caller, caller_over = await opened("interactive")
    assert work.priority() == "interactive"
    caller_over.set()
    await caller
    assert work.priority() == "background"
    job_over.set()
    await job


async def test_a_failure_reaches_every_reader_and_is_not_remembered() -> None:
    coalescer, work = Coalescer(keep=60), Failing()
    readers = [await Reader(coalescer, work).until("a") for _ in range(2)]
    work.go_on.set()
    for reader in readers:
        with pytest.raises(ValueError, match="broken"):
            await reader.task
    assert coalescer.recall("k") is None
    assert (await Reader(coalescer, Failing()).until("a")).status == "miss"
    await coalescer.close()


async def test_closing_stops_everything() -> None:
    coalescer, work = Coalescer(grace=60), Letters()
    reader = await Reader(coalescer, work, retryable=True).until("a")
    await coalescer.close()
    with pytest.raises(asyncio.CancelledError):
        await reader.task
    assert (work.cancelled, work.released) == (1, 1)


async def test_nothing_is_left_of_a_computation_that_ended() -> None:
    coalescer, work = Coalescer(), Letters()
    work.go_on.set()
    async with coalescer.join("k", work) as (computation, _):
        assert isinstance(computation, Computation)
        assert [part async for part in computation.parts()] == ["a", "b", "c"]
    async with coalescer.join("k", work) as (_, status):
        assert status == "miss"
