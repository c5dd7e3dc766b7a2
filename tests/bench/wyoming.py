"""Latency of the Wyoming protocol beside wyoming-faster-whisper and wyoming-piper, on the same weights in the same run.

    pip install wyoming-faster-whisper wyoming-piper
    python -m tests.bench.wyoming [--rounds 7]

Printed: the time to `info` while a server is busy, the time from `audio-stop` to the transcript of a 3 s clip on
Whisper base, and the time to the first audio of a sentence and of a paragraph with the voice joe. The servers are
warmed up and take turns, and medians count. A peer that is not installed is left out.
"""

import argparse
import asyncio
import importlib.util
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from wyoming.asr import Transcribe
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.event import Eventable
from wyoming.info import Describe
from wyoming.tts import Synthesize, SynthesizeVoice

from speechd.audio.encode import pcm16
from speechd.types import SAMPLE_RATE
from tests.integration.conftest import started
from tests.real.corpora import samples_of
from tests.real.debian import prompts
from tests.real.weights import BASE, JOE, model_folder

CLIP_SECONDS = 2.5, 3.5
CHUNK = 2048
"""Bytes, as Home Assistant sends them."""
SENTENCE = "The kitchen light is on."
PARAGRAPH = " ".join(["The ferry leaves at a quarter past nine, so bring a warm jacket and something to read."] * 3)
VOICE = SynthesizeVoice(JOE.name)
LISTENS = r"listens on tcp://127\.0\.0\.1:(\d+)"
START_SECONDS = 120

Measure = Callable[[int], Awaitable[float]]
"""Asks the server on a port, and gives seconds."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A server of the package's own that answers one half of the protocol."""

    package: str
    options: tuple[str, ...]


def peers(models: Path) -> list[Peer]:
    threads = str(len(os.sched_getaffinity(0)))
    whisper = ("--model", str(models / BASE.name), "--data-dir", str(models), "--language", "en")
    piper = ("--voice", JOE.name, "--data-dir", str(models / JOE.name))
    fast = ("--compute-type", "int8", "--cpu-threads", threads)
    return [Peer("wyoming_faster_whisper", whisper + fast), Peer("wyoming_piper", piper)]


@contextmanager
def serving_peer(peer: Peer) -> Iterator[int]:
    """The peer on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = [sys.executable, "-m", peer.package, "--uri", f"tcp://127.0.0.1:{port}", *peer.options]
    process = subprocess.Popen([*command, "--local-files-only"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and process.poll() is None:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.2)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=30)


async def until(client: AsyncTcpClient, kind: str) -> float:
    """Waits for the first event of a type; the time when it came."""
    while (event := await client.read_event()) is not None:
        if event.type == kind:
            return time.perf_counter()
        if event.type == "error":
            raise ConnectionError(event.data)
    raise ConnectionError(f"no {kind}")


async def send(client: AsyncTcpClient, *events: Eventable) -> float:
    for event in events:
        await client.write_event(event.event())
    return time.perf_counter()


async def info(port: int) -> float:
    started_at = time.perf_counter()
    async with AsyncTcpClient("127.0.0.1", port) as client:
        await send(client, Describe())
        return await until(client, "info") - started_at


async def transcript(port: int, pcm: bytes) -> float:
    """Seconds from the stop to the transcript."""
    async with AsyncTcpClient("127.0.0.1", port) as client:
        await send(client, Transcribe(language="en"), AudioStart(SAMPLE_RATE, 2, 1))
        chunks = (pcm[at : at + CHUNK] for at in range(0, len(pcm), CHUNK))
        await send(client, *(AudioChunk(SAMPLE_RATE, 2, 1, chunk) for chunk in chunks))
        sent = await send(client, AudioStop())
        return await until(client, "transcript") - sent


async def first_audio(port: int, text: str) -> float:
    """Seconds from the text to the first audio; the rest is read too."""
    async with AsyncTcpClient("127.0.0.1", port) as client:
        sent = await send(client, Synthesize(text, VOICE))
        first = await until(client, "audio-chunk")
        await until(client, "audio-stop")
        return first - sent


async def busy_info(port: int, work: Measure) -> float:
    """Seconds to `info` while four clients wait for their answers."""
    tasks = [asyncio.ensure_future(work(port)) for _ in range(4)]
    await asyncio.sleep(0.3)
    seconds = await info(port)
    await asyncio.gather(*tasks)
    return seconds


def clips() -> Iterator[bytes]:
    """Different recordings of a person, so that no answer is known before."""
    for prompt in prompts("en"):
        samples = samples_of(prompt)
        if CLIP_SECONDS[0] <= len(samples) / SAMPLE_RATE <= CLIP_SECONDS[1]:
            yield pcm16(samples).tobytes()


async def compared(
    title: str, measure: Callable[[int], Awaitable[float]], servers: dict[str, int], rounds: int
) -> None:
    """Prints the median of each server, and ours over the peer's."""
    seconds: dict[str, list[float]] = {name: [] for name in servers}
    for _ in range(rounds):
        for name, port in servers.items():
            seconds[name].append(await measure(port))
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    shown = "  ".join(f"{name} {median:.3f} s" for name, median in medians.items())
    ours, *others = medians.values()
    print(f"{title:<42}{shown}" + (f"  ratio {ours / others[0]:.2f}" if others else ""), flush=True)


async def measured(ours: int, theirs: dict[str, int], rounds: int) -> None:
    recordings = list(clips())
    listening = {"speechd": ours} | {name: port for name, port in theirs.items() if name == "wyoming_faster_whisper"}
    speaking = {"speechd": ours} | {name: port for name, port in theirs.items() if name == "wyoming_piper"}
    following = iter([clip for clip in recordings for _ in listening] * (rounds + 8))

    async def one_transcript(port: int) -> float:
        return await transcript(port, next(following))

    for port in listening.values():
        await one_transcript(port)
    for port in speaking.values():
        await first_audio(port, SENTENCE)
    print(f"{len(recordings)} clips of {CLIP_SECONDS[0]} to {CLIP_SECONDS[1]} s, {rounds} rounds")
    await compared("info", info, listening, rounds)
    await compared("info while 4 transcribe", lambda port: busy_info(port, one_transcript), listening, rounds)
    await compared("info while 4 speak", lambda port: busy_info(port, _paragraph), speaking, rounds)
    await compared("transcript after audio-stop", one_transcript, listening, rounds)
    await compared("first audio of a sentence", lambda port: first_audio(port, SENTENCE), speaking, rounds)
    await compared("first audio of a paragraph", _paragraph, speaking, rounds)


async def _paragraph(port: int) -> float:
    return await first_audio(port, PARAGRAPH)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder, ExitStack() as running:
        models = Path(folder) / "models"
        models.mkdir()
        for weights in (BASE, JOE):
            (models / weights.name).symlink_to(model_folder(weights))
        ours = running.enter_context(started(Path(folder), "wyoming", LISTENS, SPEECHD_WYOMING_PORT="0"))
        theirs = {
            peer.package: running.enter_context(serving_peer(peer))
            for peer in peers(models)
            if importlib.util.find_spec(peer.package)
        }
        asyncio.run(measured(int(ours.found), theirs, rounds))


if __name__ == "__main__":
    main()
