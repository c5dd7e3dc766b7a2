"""Many recordings of a minute at the same moment: how long the callers wait, and whether `retry-after` is true."""

import asyncio
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import httpx2
from rich.console import Console

from tests.bench.hostile_neighbour.honest import TRANSCRIPTIONS
from tests.bench.hostile_neighbour.recordings import clips
from tests.bench.hostile_neighbour.stage import Stage

TIMEOUT = 900.0
MAX_TRIES = 30


@dataclass
class Caller:
    """What became of one caller, who asks again when it is told to."""

    waits: list[float] = field(default_factory=list)
    """Each `retry-after`."""
    took: float = 0.0
    """Seconds until the answer, from the request that was taken."""
    failure: str = ""

    async def ask(self, stage: Stage, number: int, audio: bytes) -> None:
        headers = stage.headers(f"client-{number}")
        async with httpx2.AsyncClient(base_url=stage.url, headers=headers, timeout=TIMEOUT, trust_env=False) as http:
            for _ in range(MAX_TRIES):
                began = time.monotonic()
                reply = await _sent(http, stage.model, audio)
                if reply.status_code != 503 or "retry-after" not in reply.headers:
                    break
                self.waits.append(float(reply.headers["retry-after"]))
                await asyncio.sleep(self.waits[-1])
        self.took = time.monotonic() - began
        self.failure = "" if reply.status_code == 200 else f"{reply.status_code} {reply.text[:200]}"


async def _sent(http: httpx2.AsyncClient, model: str, audio: bytes) -> httpx2.Response:
    return await http.post(TRANSCRIPTIONS, files={"file": ("a.wav", audio)}, data={"model": model})


async def show(stage: Stage, count: int, length: str, console: Console) -> None:
    """After one recording, of which the server does not learn how fast it is: nothing waited behind it."""
    recordings = clips().of(length)
    await Caller().ask(stage, 0, recordings[0])
    callers = [Caller() for _ in range(count)]
    began = time.monotonic()
    await asyncio.gather(
        *(caller.ask(stage, number, recordings[number % len(recordings)]) for number, caller in enumerate(callers))
    )
    took = time.monotonic() - began
    console.print(f"{count} callers at the same moment, one {length} recording each: all done after {took:.0f} s")
    for line in summary(callers):
        console.print(f"  {line}")


def summary(callers: Sequence[Caller]) -> Iterator[str]:
    answered = [caller.took for caller in callers if not caller.failure] or [0.0]
    refused = [caller for caller in callers if caller.waits]
    again = sum(len(caller.waits) > 1 for caller in refused)
    yield f"answered at the first try {len(callers) - len(refused)}, refused with retry-after {len(refused)}"
    yield f"of these taken when it had passed {len(refused) - again}, refused again {again}"
    yield f"seconds from the request to its answer: p50 {statistics.median(answered):.1f}, longest {max(answered):.1f}"
    if refused:
        first = sorted(caller.waits[0] for caller in refused)
        tries = max(len(caller.waits) for caller in refused) + 1
        yield f"the first retry-after {first[0]:.0f} to {first[-1]:.0f} s, at most {tries} tries"
    yield from (f"failed: {caller.failure}" for caller in callers if caller.failure)
