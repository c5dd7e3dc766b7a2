"""A batch against the same lines sent interactively, and what callers notice while a batch runs.

    python -m tests.bench.batches [--lines 400] [--clients 8] [--asked 60] [--rounds 3]

One server process on the embedded model; the lines are short recordings as `data:` URLs, none is answered from memory.
Printed for each round: lines per second of `--clients` callers and of a batch, and the 50th and 95th percentile of one
caller who asks every half second, without and with a batch at work.
"""

import argparse
import asyncio
import json
import math
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx2

from tests.integration.conftest import serving
from tests.support.batches import ENDED, transcriptions

ENDPOINT = "/v1/audio/transcriptions"
EVERY = 0.5
"""Seconds between two questions of the caller who comes while a batch runs."""


async def ask(client: httpx2.AsyncClient, body: dict[str, Any]) -> float:
    """Seconds that one request took."""
    began = time.perf_counter()
    (await client.post(ENDPOINT, json=body)).raise_for_status()
    return time.perf_counter() - began


async def interactively(client: httpx2.AsyncClient, bodies: list[dict[str, Any]], clients: int) -> float:
    """Lines per second of several callers, each with one request at a time."""
    waiting = iter(bodies)

    async def caller() -> None:
        for body in waiting:
            await ask(client, body)

    began = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(clients)))
    return len(bodies) / (time.perf_counter() - began)


async def begin(client: httpx2.AsyncClient, text: str) -> str:
    files = {"file": ("in.jsonl", text.encode())}
    file = (await client.post("/v1/files", files=files, data={"purpose": "batch"})).raise_for_status().json()["id"]
    order = {"input_file_id": file, "endpoint": ENDPOINT, "completion_window": "24h"}
    batch: str = (await client.post("/v1/batches", json=order)).raise_for_status().json()["id"]
    return batch


async def as_batch(client: httpx2.AsyncClient, text: str, lines: int) -> float:
    """Lines per second from the upload to the output file."""
    began = time.perf_counter()
    found = await ended(client, await begin(client, text))
    assert found["request_counts"]["completed"] == lines, found
    return lines / (time.perf_counter() - began)


async def ended(client: httpx2.AsyncClient, batch: str) -> dict[str, Any]:
    while (found := await look(client, batch))["status"] not in ENDED:  # noqa: ASYNC110 - the API has no event
        await asyncio.sleep(0.05)
    return found


async def look(client: httpx2.AsyncClient, batch: str) -> dict[str, Any]:
    found: dict[str, Any] = (await client.get(f"/v1/batches/{batch}")).raise_for_status().json()
    return found


async def patiently(client: httpx2.AsyncClient, bodies: list[dict[str, Any]], count: int) -> list[float]:
    """Seconds of each answer to one caller."""
    took = []
    for place in range(count):
        took.append(await ask(client, bodies[place % len(bodies)]))
        await asyncio.sleep(max(0.0, EVERY - took[-1]))
    return took


def percentiles(took: list[float]) -> str:
    cuts = statistics.quantiles(took, n=20)
    return f"p50 {cuts[9] * 1000:6.0f} ms   p95 {cuts[18] * 1000:6.0f} ms"


async def measure(url: str, options: argparse.Namespace) -> None:
    text = transcriptions(options.lines)
    bodies = [json.loads(row)["body"] for row in text.splitlines()]
    async with httpx2.AsyncClient(base_url=url, timeout=600) as client:
        await interactively(client, bodies[: options.clients], options.clients)  # loads the model
        for _ in range(options.rounds):
            single = await interactively(client, bodies, options.clients)
            batch = await as_batch(client, text, options.lines)
            print(
                f"{options.clients} callers {single:6.1f} lines/s   batch {batch:6.1f} lines/s, {batch / single:.2f}x"
            )
            print("one caller alone          ", percentiles(await patiently(client, bodies, options.asked)))
            enough = math.ceil(options.asked * 2 * EVERY * batch / options.lines)
            running = [await begin(client, text) for _ in range(enough)]
            print("one caller beside batches ", percentiles(await patiently(client, bodies, options.asked)))
            assert (await look(client, running[-1]))["status"] == "in_progress", "the batches were over too soon"
            for batch_id in running:
                await client.post(f"/v1/batches/{batch_id}/cancel")
                await ended(client, batch_id)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    for name, default in (("lines", 400), ("clients", 8), ("asked", 60), ("rounds", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(Path(folder), SPEECHD_RESULT_CACHE_SECONDS="0", SPEECHD_WORKER_CONCURRENCY=str(options.clients)) as url,
    ):
        asyncio.run(measure(url, options))


if __name__ == "__main__":
    main()
