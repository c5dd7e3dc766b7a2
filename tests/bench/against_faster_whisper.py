"""speechd over HTTP against faster-whisper in process: the same recordings, the same weights, one run, one table.

    python -m tests.bench.against_faster_whisper [--rounds N]

Every load is run by both in turn, N times; the table shows the median of the N ratios. Word error rates stand beside
the times, because a faster answer that is worse is no answer. A machine that does other work at the same time makes the
figures worthless.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import httpx2
from faster_whisper import BatchedInferencePipeline, WhisperModel
from rich.console import Console
from rich.table import Table

from speechd.modelstore import shipped_models
from tests.conftest import Fixture, fixtures
from tests.integration.conftest import serving
from tests.wer import word_errors

Texts = list[str]
Peer = Callable[[list[Fixture]], Awaitable[Texts]]


@dataclass(frozen=True)
class Load:
    """Some recordings, and how many are asked for at once."""

    name: str
    recordings: list[Fixture]
    clients: int = 1


@dataclass(frozen=True)
class Result:
    """One load, done by one peer."""

    seconds: float
    texts: Texts


def loads() -> list[Load]:
    clips = [fixture for fixture in fixtures("clean") if fixture.language == "en"]
    return [
        Load("one clip of 2.5 s", clips[:1]),
        Load(f"{len(clips)} clips, one after the other", clips),
        Load(f"{len(clips) * 4} clips, 16 clients", clips * 4, clients=16),
        Load("one recording of 3 minutes", [f for f in fixtures("long") if f.duration > 100]),
    ]


async def over_http(client: httpx2.AsyncClient, load: Load) -> Texts:
    gate = asyncio.Semaphore(load.clients)

    async def ask(fixture: Fixture) -> str:
        async with gate:
            files, data = {"file": fixture.path.read_bytes()}, {"model": "whisper-pocket", "language": "en"}
            reply = await client.post("/v1/audio/transcriptions", files=files, data=data)
            return str(reply.raise_for_status().json()["text"])

    return list(await asyncio.gather(*map(ask, load.recordings)))


def in_process(model: WhisperModel | BatchedInferencePipeline, load: Load) -> Texts:
    return [
        "".join(segment.text for segment in model.transcribe(str(f.path), language="en", vad_filter=True)[0])
        for f in load.recordings
    ]


async def measured(work: Callable[[], Awaitable[Texts]]) -> Result:
    started = time.perf_counter()
    texts = await work()
    return Result(time.perf_counter() - started, texts)


def error_rate(load: Load, result: Result) -> float:
    counts = [word_errors(f.text, text) for f, text in zip(load.recordings, result.texts, strict=True)]
    return sum(errors for errors, _ in counts) / sum(words for _, words in counts)


async def compare(rounds: int) -> Table:
    model = WhisperModel(str(shipped_models() / "whisper-pocket"), device="cpu", compute_type="int8", cpu_threads=1)
    peers = {"plain": model, "batched": BatchedInferencePipeline(model)}
    table = Table("load", "speechd s", "WER", *[f"{p} {c}" for p in peers for c in ("s", "WER", "ratio")])
    with tempfile.TemporaryDirectory() as data, serving(Path(data), SPEECHD_RESULT_CACHE_SECONDS="0") as url:
        async with httpx2.AsyncClient(base_url=url, timeout=600) as client:
            for load in loads():
                table.add_row(*await row(load, client, peers, rounds))
    return table


async def row(
    load: Load, client: httpx2.AsyncClient, peers: dict[str, WhisperModel | BatchedInferencePipeline], rounds: int
) -> list[str]:
    """The load by speechd and by each peer in turn, `rounds` times after one that does not count."""
    ours: list[Result] = []
    theirs: dict[str, list[Result]] = {name: [] for name in peers}
    for _ in range(rounds + 1):
        ours.append(await measured(lambda: over_http(client, load)))
        for name, peer in peers.items():
            theirs[name].append(await measured(lambda peer=peer: asyncio.to_thread(in_process, peer, load)))  # type: ignore[misc]
    cells = [load.name, f"{statistics.median(r.seconds for r in ours[1:]):.3f}", f"{error_rate(load, ours[-1]):.3f}"]
    for results in theirs.values():
        ratios = [their.seconds / our.seconds for our, their in zip(ours[1:], results[1:], strict=True)]
        seconds = statistics.median(r.seconds for r in results[1:])
        cells += [f"{seconds:.3f}", f"{error_rate(load, results[-1]):.3f}", f"{statistics.median(ratios):.2f}x"]
    return cells


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="counted runs of each load by each peer (5)")
    Console(width=120).print(asyncio.run(compare(parser.parse_args().rounds)))


if __name__ == "__main__":
    main()
