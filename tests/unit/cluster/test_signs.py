"""Signs of life between the parts of an answer."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from speechd.cluster.serving.signs import with_signs
from speechd.cluster.serving.wire import SignOfLife

SIGN = SignOfLife()


async def parts(*delays: float) -> AsyncGenerator[float, None]:
    for delay in delays:
        await asyncio.sleep(delay)
        yield delay


async def test_the_first_sign_comes_before_any_work() -> None:
    assert [item async for item in with_signs(parts(0, 0))] == [SIGN, 0, 0]


async def test_signs_come_while_nothing_else_does() -> None:
    items = [item async for item in with_signs(parts(0, 0.2), seconds=0.02)]
    assert items[:2] == [SIGN, 0]
    assert items[-1] == 0.2
    assert items.count(SIGN) >= 3


async def test_an_error_arrives_after_the_parts_before_it() -> None:
    async def failing() -> AsyncGenerator[int, None]:
        yield 1
        raise ValueError("broken")

    items = with_signs(failing())
    assert [await anext(items), await anext(items)] == [SIGN, 1]
    with pytest.raises(ValueError, match="broken"):
        await anext(items)


async def test_closing_stops_the_work() -> None:
    closed = asyncio.Event()

    async def endless() -> AsyncGenerator[int, None]:
        try:
            while True:
                yield 1
                await asyncio.sleep(0)
        finally:
            closed.set()

    async with aclosing(with_signs(endless())) as items:
        async for item in items:
            if item == 1:
                break
    assert closed.is_set()
