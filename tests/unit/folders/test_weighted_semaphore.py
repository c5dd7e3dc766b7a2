"""Who may hold how much at once."""

import asyncio

from speechd.folders.weighted_semaphore import WeightedSemaphore


async def test_no_more_than_there_is_and_first_come_first_served() -> None:
    room, order, held, maximum = WeightedSemaphore(4), list[str](), 0, 0

    async def task(name: str, size: int) -> None:
        nonlocal held, maximum
        async with room.place(size):
            order.append(name)
            held += min(size, 4)
            maximum = max(maximum, held)
            await asyncio.sleep(0)
            held -= min(size, 4)

    sizes = [1, 3, 4, 1, 1, 9, 2]
    await asyncio.gather(*(task(f"{number}: {size}", size) for number, size in enumerate(sizes)))
    assert order == [f"{number}: {size}" for number, size in enumerate(sizes)]
    assert maximum == 4


async def test_one_who_gives_up_waiting_holds_nothing() -> None:
    room = WeightedSemaphore(1)
    async with room.place():
        waiting = asyncio.create_task(room.place().__aenter__())
        await asyncio.sleep(0)
        waiting.cancel()
    async with asyncio.timeout(10), room.place():
        pass
