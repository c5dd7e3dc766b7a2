"""What speechd adds to a companion's latency: the same requests straight to it and through speechd, in one run.

    python -m tests.bench.proxy_latency [--url http://127.0.0.1:8080/v1 --model NAME] [--requests 300] [--streams 200]

Without a URL the companion is the tests' own small server in a process of its own. Requests alternate between the two
ways, so that both see the same machine. Printed are p50 and p95 in milliseconds, and the difference.
"""

import argparse
import asyncio
import json
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable, Coroutine
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import httpx2

from tests.integration.conftest import serving
from tests.support.llm_server import CHAT, serving_llm

QUESTION = [{"role": "user", "content": "Say hello in one word."}]
Way = Callable[[httpx2.AsyncClient, dict[str, Any]], Coroutine[Any, Any, float]]


async def whole(client: httpx2.AsyncClient, asked: dict[str, Any]) -> float:
    """Seconds until a whole answer is read."""
    began = time.perf_counter()
    reply = await client.post("chat/completions", json=asked)
    reply.raise_for_status()
    return time.perf_counter() - began


async def first_event(client: httpx2.AsyncClient, asked: dict[str, Any]) -> float:
    """Seconds until the first piece of a stream; the rest is read too."""
    began = time.perf_counter()
    async with client.stream("POST", "chat/completions", json=asked | {"stream": True}) as reply:
        reply.raise_for_status()
        pieces = reply.aiter_raw()
        await anext(pieces)
        seconds = time.perf_counter() - began
        async for _ in pieces:
            pass
    return seconds


async def compare(direct: str, through: str, asked: dict[str, Any], count: int, streams: int) -> None:
    """Each measurement has connections of its own: some servers give a thread to every idle one."""
    for name, way in (("whole answer", whole), ("first piece of a stream", first_event)):
        async with connected(direct) as near, connected(through) as far:
            await alternate(name, way, near, far, asked, count)
    for name, url in (("straight", direct), ("through speechd", through)):
        async with connected(url) as client:
            await many(name, client, asked, streams)


def connected(url: str) -> httpx2.AsyncClient:
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=300)
    return httpx2.AsyncClient(base_url=url, limits=limits, timeout=120, trust_env=False)


async def alternate(
    name: str, way: Way, near: httpx2.AsyncClient, far: httpx2.AsyncClient, asked: dict[str, Any], count: int
) -> None:
    for _ in range(10):
        await way(near, asked)
        await way(far, asked)
    times = [(await way(near, asked), await way(far, asked)) for _ in range(count)]
    (near50, near95), (far50, far95) = (percentiles([pair[side] for pair in times]) for side in (0, 1))
    print(
        f"{name:24}  straight p50 {near50:6.2f} p95 {near95:6.2f}  through p50 {far50:6.2f} p95 {far95:6.2f}"
        f"  added p50 {far50 - near50:+6.2f} p95 {far95 - near95:+6.2f} ms  ({count} of each)"
    )


async def many(name: str, client: httpx2.AsyncClient, asked: dict[str, Any], count: int) -> None:
    began = time.perf_counter()
    outcomes = await asyncio.gather(*(first_event(client, asked) for _ in range(count)), return_exceptions=True)
    failed = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    p50, p95 = percentiles([outcome for outcome in outcomes if isinstance(outcome, float)])
    print(
        f"{count} streams at once, {name}: {count - len(failed)} whole, {len(failed)} failed,"
        f" first piece p50 {p50:.0f} p95 {p95:.0f} ms, all in {time.perf_counter() - began:.2f} s"
    )


def percentiles(seconds: list[float]) -> tuple[float, float]:
    """p50 and p95, in milliseconds."""
    cuts = statistics.quantiles(seconds, n=20)
    return cuts[9] * 1000, cuts[18] * 1000


def llm(pipe: Connection) -> None:
    """The tests' own server, until the pipe closes."""

    async def serve() -> None:
        async with serving_llm() as llm:
            pipe.send(llm.url)
            await asyncio.to_thread(pipe.recv)

    asyncio.run(serve())


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--url", help="base URL of a companion that runs already")
    parser.add_argument("--model", default=CHAT)
    parser.add_argument("--requests", type=int, default=300)
    parser.add_argument("--streams", type=int, default=200)
    given = parser.parse_args()
    process = None
    if given.url is None:
        here, there = multiprocessing.get_context("spawn").Pipe()
        process = multiprocessing.get_context("spawn").Process(target=llm, args=(there,), daemon=True)
        process.start()
    url = given.url or here.recv()
    asked = {"model": given.model, "messages": QUESTION, "max_tokens": 8}
    print(json.dumps(asked))
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder), SPEECHD_LLM_BASE_URL=url) as speechd:
        asyncio.run(compare(url, f"{speechd}/openai/v1", asked, given.requests, given.streams))
    if process is not None:
        here.send("end")
        process.join()


if __name__ == "__main__":
    main()
