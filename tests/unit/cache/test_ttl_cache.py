"""How long results are kept, and how much of them."""

import asyncio

from speechd.cache.ttl_cache import TTLCache


async def test_results_are_bounded_by_their_weight() -> None:
    memory = TTLCache[str](keep=60, weigh=len, maximum=10)
    for key, result in (("a", "aaaa"), ("b", "bbbb"), ("c", "cccc"), ("heavy", "x" * 11)):
        memory.remember(key, result)
    assert [memory.recall(key) for key in ("a", "b", "c", "heavy")] == [None, "bbbb", "cccc", None]


async def test_what_is_asked_for_again_outlives_what_is_not() -> None:
    memory = TTLCache[str](keep=60, maximum=2)
    memory.remember("a", "1")
    memory.remember("b", "2")
    assert memory.recall("a") == "1"
    memory.remember("c", "3")
    assert [memory.recall(key) for key in ("a", "b", "c")] == ["1", None, "3"]


async def test_a_newer_result_takes_the_place_of_an_older_one() -> None:
    memory = TTLCache[str](keep=60, weigh=len, maximum=10)
    memory.remember("a", "xxxxxxxx")
    memory.remember("a", "yyyy")
    memory.remember("b", "zzzzzz")
    assert (memory.recall("a"), memory.recall("b")) == ("yyyy", "zzzzzz")


async def test_an_old_result_leaves_the_memory_though_nobody_asks() -> None:
    memory = TTLCache[str](keep=0.02)
    memory.remember("k", "private")
    await asyncio.sleep(0.1)
    assert len(memory) == 0


async def test_a_result_is_gone_after_its_time() -> None:
    now = 0.0
    memory = TTLCache[str](keep=60, clock=lambda: now)
    memory.remember("k", "result")
    now = 59
    assert memory.recall("k") == "result"
    now = 61
    assert memory.recall("k") is None


async def test_nothing_is_kept_where_nothing_shall_be() -> None:
    memory = TTLCache[str](keep=0)
    memory.remember("k", "result")
    assert memory.recall("k") is None
