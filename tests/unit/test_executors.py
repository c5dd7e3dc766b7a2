import asyncio
import subprocess
import sys
from contextvars import ContextVar
from threading import Event, current_thread

import pytest

from speechd import executors
from speechd.executors import DECODING, DNS, LOADS, MODEL_CHECKS, PULLS, run_in

ASKED: ContextVar[str] = ContextVar("asked", default="")


async def test_work_that_waits_holds_up_no_other_work() -> None:
    over = Event()
    waiting = [asyncio.create_task(run_in(PULLS, over.wait)) for _ in range(50)]
    try:
        async with asyncio.timeout(10):
            for executor in (MODEL_CHECKS, DECODING, DNS, LOADS):
                assert await run_in(executor, lambda: 1) == 1
            assert await asyncio.to_thread(lambda: 2) == 2
        assert not any(task.done() for task in waiting)
    finally:
        over.set()
        await asyncio.gather(*waiting)


async def test_the_callers_context_arguments_and_errors() -> None:
    ASKED.set("anna")
    assert await run_in(DECODING, ASKED.get) == "anna"
    assert await run_in(DECODING, int, "11", base=2) == 3
    assert (await run_in(PULLS, lambda: current_thread().name)).startswith("pull")
    with pytest.raises(ValueError, match="invalid literal"):
        await run_in(executors.DNS, int, "x")


HANGS = """
import threading
from concurrent.futures import ThreadPoolExecutor
from speechd.executors import exit_within
ThreadPoolExecutor(1).submit(threading.Event().wait)
exit_within(0.5)
"""


def test_a_thread_that_never_ends_does_not_hold_the_process() -> None:
    ended = subprocess.run([sys.executable, "-c", HANGS], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert "Timeout" in ended.stderr
