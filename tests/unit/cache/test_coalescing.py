"""Who shares whose computation, who gets a result of late, and what happens when nobody waits any more."""

import asyncio
from dataclasses import dataclass, field

import pytest

from speechd.cache.coalescing import RequestCoalescer


@dataclass
class Work:
    """A computation that ends when told, and knows what became of it."""

    result: str = "text"
    end: asyncio.Event = field(default_factory=asyncio.Event)
    begun: int = 0
    cancelled: int = 0
    released: int = 0

    async def compute(self) -> str:
        self.begun += 1
        try:
            await self.end.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return self.result

    def release(self) -> None:
        self.released += 1


async def test_those_who_ask_meanwhile_join() -> None:
    coalescer, work = RequestCoalescer[str](), Work()
    asking = [asyncio.create_task(coalescer.run("k", work.compute, work.release)) for _ in range(3)]
    await asyncio.sleep(0)
    work.end.set()
    assert [how for _, how in await asyncio.gather(*asking)] == ["miss", "joined", "joined"]
    assert (work.begun, work.released) == (1, 3)


async def test_different_requests_do_not_join() -> None:
    coalescer, work = RequestCoalescer[str](), Work()
    work.end.set()
    answers = await asyncio.gather(*(coalescer.run(key, work.compute, work.release) for key in "ab"))
    assert [how for _, how in answers] == ["miss", "miss"]


async def test_who_asks_again_soon_gets_the_result() -> None:
    now = 0.0
    coalescer, work = RequestCoalescer[str](keep=60, clock=lambda: now), Work()
    work.end.set()
    assert await coalescer.run("k", work.compute, work.release) == ("text", "miss")
    now = 59
    assert await coalescer.run("k", work.compute, work.release) == ("text", "hit")
    now = 61
    assert await coalescer.run("k", work.compute, work.release) == ("text", "miss")
    assert (work.begun, work.released) == (2, 3)


async def test_a_retry_within_the_grace_period_joins_what_its_asker_left() -> None:
    coalescer, work = RequestCoalescer[str](grace=0.5), Work()
    first = asyncio.create_task(coalescer.run("k", work.compute, work.release))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0.01)
    again = asyncio.create_task(coalescer.run("k", work.compute, work.release))
    await asyncio.sleep(0)
    work.end.set()
    assert await again == ("text", "joined")
    assert (work.begun, work.cancelled, work.released) == (1, 0, 2)


async def test_after_the_grace_period_the_work_stops() -> None:
    coalescer, work = RequestCoalescer[str](grace=0.01), Work()
    asking = asyncio.create_task(coalescer.run("k", work.compute, work.release))
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.sleep(0.1)
    assert (work.begun, work.cancelled, work.released) == (1, 1, 1)


async def test_one_who_leaves_does_not_stop_the_others() -> None:
    coalescer, work = RequestCoalescer[str](), Work()
    leaving, staying = (asyncio.create_task(coalescer.run("k", work.compute, work.release)) for _ in range(2))
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.sleep(0.05)
    work.end.set()
    assert await staying == ("text", "joined")


async def test_a_failure_reaches_all_and_is_not_remembered() -> None:
    coalescer = RequestCoalescer[str](keep=60)

    async def fail() -> str:
        raise ValueError("broken")

    for _ in range(2):
        with pytest.raises(ValueError, match="broken"):
            await coalescer.run("k", fail, lambda: None)


async def test_closing_stops_everything() -> None:
    coalescer, work = RequestCoalescer[str](grace=60), Work()
    asking = asyncio.create_task(coalescer.run("k", work.compute, work.release))
    await asyncio.sleep(0.01)
    await coalescer.close()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert (work.cancelled, work.released) == (1, 1)
