"""speechd over HTTP against faster-whisper, on the same recordings, the same weights, the same machine, in one run.

    python -m tests.bench.against_faster_whisper [--model FOLDER] [--rounds N] [--plot FILE.svg]

The peers: faster-whisper in process, plain and with its batched pipeline; and a server built the way the well-known
ones are, `WhisperModel.transcribe` in FastAPI's thread pool. All do each load in turn, N times after one that does not
count; the table shows medians and the median of the ratios, peer over speechd: above 1, speechd is faster. Word error
rates stand beside the times, since a faster answer that is worse is no answer. speechd's cache is off. On a machine
that does other work at the same time the figures are worthless.
"""

import argparse
import asyncio
import io
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import numpy as np
from faster_whisper import BatchedInferencePipeline, WhisperModel
from rich.console import Console
from rich.table import Table

from speechd.registry.loaders import SMALL_MODEL_BYTES
from speechd.registry.registry import shipped_models
from tests.bench.plot import bars
from tests.bench.recordings import Clip, clips, long_recording
from tests.integration.conftest import serving
from tests.support.wer import word_errors


@dataclass(frozen=True)
class Result:
    """One load, done once by one peer."""

    seconds: float
    texts: list[str]


Peer = Callable[[list[Clip], int], Awaitable[list[str]]]
"""Transcribes clips, so many at once."""


@dataclass(frozen=True)
class Load:
    """What is asked of every peer."""

    name: str
    clips: list[Clip]
    clients: int
    peers: tuple[str, ...]

    async def measured(self, peer: Peer) -> Result:
        started = time.perf_counter()
        texts = await peer(self.clips, self.clients)
        return Result(time.perf_counter() - started, texts)

    def error_rate(self, result: Result) -> float:
        counts = [word_errors(clip.text, text) for clip, text in zip(self.clips, result.texts, strict=True)]
        return sum(errors for errors, _ in counts) / sum(words for _, words in counts)


def loads(scale: float) -> list[Load]:
    """The loads; a smaller `scale` shortens the longer ones."""
    many, minutes = max(16, round(160 * scale)), max(3, round(30 * scale))
    return [
        Load("one clip of 5 s", clips(1, 4.5, 5.5), 1, ("plain", "batched", "server")),
        Load("12 clips of 2-8 s, one after the other", clips(12, 2, 8), 1, ("plain", "batched", "server")),
        Load(f"{many} clips of 2-20 s, 16 clients", clips(many, 2, 20), 16, ("server",)),
        Load(f"one recording of {minutes} minutes", [long_recording(minutes)], 1, ("plain", "batched", "server")),
    ]


def over_http(client: httpx2.AsyncClient) -> Peer:
    async def ask(clip: Clip, gate: asyncio.Semaphore) -> str:
        async with gate:
            data = {"model": "bench", "language": "en"}
            reply = await client.post("/v1/audio/transcriptions", files={"file": clip.data}, data=data)
            return str(reply.raise_for_status().json()["text"])

    async def peer(asked: list[Clip], clients: int) -> list[str]:
        gate = asyncio.Semaphore(clients)
        return list(await asyncio.gather(*(ask(clip, gate) for clip in asked)))

    return peer


def in_process(model: WhisperModel | BatchedInferencePipeline) -> Peer:
    def transcribe(clip: Clip) -> str:
        segments, _ = model.transcribe(io.BytesIO(clip.data), language="en", vad_filter=True)
        return "".join(segment.text for segment in segments)

    async def peer(asked: list[Clip], clients: int) -> list[str]:
        return [await asyncio.to_thread(transcribe, clip) for clip in asked]

    return peer


@contextmanager
def peer_server(folder: Path, threads: int) -> Iterator[str]:
    """The other server, in a process of its own."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-W", "ignore", "-m", "tests.bench.peer_server", str(folder), str(port), str(threads)]
    process = subprocess.Popen(command)
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


@contextmanager
def our_server(folder: Path) -> Iterator[str]:
    """speechd on the same weights; other weights than the embedded ones are put where a pulled model lies."""
    with tempfile.TemporaryDirectory() as data:
        name = "whisper-pocket"
        if folder != shipped_models() / name:
            name = "whisper-base"
            (Path(data) / "models").mkdir()
            (Path(data) / "models" / name).symlink_to(folder.resolve())
        aliases = f'{{"bench": "{name}"}}'
        with serving(Path(data), SPEECHD_RESULT_CACHE_SECONDS="0", SPEECHD_MODEL_ALIASES=aliases) as url:
            yield url


async def compare(folder: Path, rounds: int, scale: float, count: int | None) -> tuple[Table, list[tuple[str, float]]]:
    threads = 1 if (folder / "model.bin").stat().st_size < SMALL_MODEL_BYTES else 2
    model = WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=threads)
    table = Table("load", "peer", "speechd s", "peer s", "speechd WER", "peer WER", "ratio")
    ratios = []
    with ExitStack() as stack:
        ours = stack.enter_context(our_server(folder))
        theirs = stack.enter_context(peer_server(folder, threads))
        async with (
            httpx2.AsyncClient(base_url=ours, timeout=3600) as speechd,
            httpx2.AsyncClient(base_url=theirs, timeout=3600) as server,
        ):
            peers = {
                "plain": in_process(model),
                "batched": in_process(BatchedInferencePipeline(model)),
                "server": over_http(server),
            }
            for load in loads(scale)[:count]:
                for name in load.peers:
                    cells, ratio = await row(load, over_http(speechd), peers[name], rounds)
                    table.add_row(load.name, name, *cells)
                    ratios.append((f"{load.name}, {name}", ratio))
            if count is None:
                await add_mixed(table, speechd, server, scale)
    return table, ratios


async def add_mixed(table: Table, speechd: httpx2.AsyncClient, server: httpx2.AsyncClient, scale: float) -> None:
    """Rows of what others notice while a long file is transcribed."""
    table.add_section()
    for name, peer in (("speechd", over_http(speechd)), ("server", over_http(server))):
        alone, beside, p95 = await mixed(peer, scale)
        cells = ("", f"clip p95 {p95:.2f}", "", "", f"{beside / alone:.2f}x slower")
        table.add_row("a long file and a 3 s clip a second", name, *cells)
    p99 = await health(speechd, scale)
    table.add_row("/healthz while a long file is transcribed", "speechd", "", f"p99 {p99 * 1000:.0f} ms", "", "", "")


async def row(load: Load, ours: Peer, theirs: Peer, rounds: int) -> tuple[list[str], float]:
    pairs = [(await load.measured(ours), await load.measured(theirs)) for _ in range(rounds + 1)][1:]
    ratio = statistics.median(their.seconds / our.seconds for our, their in pairs)
    seconds = [f"{statistics.median(pair[side].seconds for pair in pairs):.3f}" for side in (0, 1)]
    rates = [f"{load.error_rate(result):.3f}" for result in pairs[-1]]
    return [*seconds, *rates, f"{ratio:.2f}x"], ratio


async def health(client: httpx2.AsyncClient, scale: float) -> float:
    """The 99th percentile of an answer's seconds, asked for 50 times a second."""
    work = asyncio.create_task(over_http(client)([long_recording(max(3, round(12 * scale)))], 1))
    waits = []
    while not work.done():
        asked = time.perf_counter()
        (await client.get("/healthz")).raise_for_status()
        waits.append(time.perf_counter() - asked)
        await asyncio.sleep(0.02)
    return float(np.quantile(waits, 0.99))


async def mixed(peer: Peer, scale: float) -> tuple[float, float, float]:
    """Seconds of a long recording alone and beside a clip every second, and the clips' 95th percentile."""
    long, short = [long_recording(max(3, round(12 * scale)))], clips(8, 2.5, 3.5)
    started = time.perf_counter()
    await peer(long, 1)
    alone = time.perf_counter() - started
    waits: list[float] = []

    async def ask(clip: Clip) -> None:
        asked = time.perf_counter()
        await peer([clip], 1)
        waits.append(time.perf_counter() - asked)

    started = time.perf_counter()
    work = asyncio.create_task(peer(long, 1))
    asked = []
    while not work.done():
        asked.append(asyncio.create_task(ask(short[len(asked) % len(short)])))
        await asyncio.wait([work], timeout=1)
    beside = time.perf_counter() - started
    await asyncio.gather(*asked)
    return alone, beside, float(np.quantile(waits, 0.95))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=shipped_models() / "whisper-pocket", help="CTranslate2 folder")
    parser.add_argument("--rounds", type=int, default=3, help="counted runs of each load by each peer (3)")
    parser.add_argument("--scale", type=float, default=1.0, help="below 1: shorter long loads (1)")
    parser.add_argument("--first", type=int, help="only so many of the loads, without the mixed ones")
    parser.add_argument("--plot", type=Path, help="write the ratios as an SVG file")
    arguments = parser.parse_args()
    table, ratios = asyncio.run(compare(arguments.model, arguments.rounds, arguments.scale, arguments.first))
    Console(width=130).print(table)
    if arguments.plot:
        title = f"faster-whisper's time over speechd's, {arguments.model.name}"
        arguments.plot.write_text(bars(title, ratios))


if __name__ == "__main__":
    main()
