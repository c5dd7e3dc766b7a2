"""Who is measured: speechd, and those that it is compared with. A peer is a row of PEERS, and a process of its own."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx2

from tests.bench.recognition.in_process import install
from tests.integration.conftest import server_pid, serving
from tests.real.corpora import Recording
from tests.real.recognisers import MAX_THREADS

START_SECONDS = 300.0
WHISPER_CPP = Path(".peers/bin/python")
"""Of the environment that `make bench` makes for it."""


@dataclass(frozen=True)
class Place:
    """What all peers get."""

    folder: Path
    """Of the model, in CTranslate2's format."""
    device: str
    scratch: Path
    """For files of this run."""

    @property
    def threads(self) -> int:
        return min(os.cpu_count() or 1, MAX_THREADS)


@dataclass(frozen=True)
class RunningPeer:
    """A peer that has its model loaded."""

    ask: Callable[[Recording, bool], Awaitable[str]]
    """The text of a recording, with word times or without."""
    pid: int


@dataclass(frozen=True)
class Peer:
    """One row."""

    title: str
    start: Callable[[Place], AbstractAsyncContextManager[RunningPeer]]
    missing: Callable[[], str] = lambda: ""
    """Why it cannot run here; empty where it can."""


@asynccontextmanager
async def speechd(place: Place) -> AsyncIterator[RunningPeer]:
    """Over HTTP. It answers nothing from memory, and refuses nobody for the time that others wait."""
    data_dir = Path(tempfile.mkdtemp(dir=place.scratch))
    model = install(place.folder, data_dir)
    variables = {"SPEECHD_RESULT_CACHE_SECONDS": "0", "SPEECHD_MAX_WAIT": "0", "SPEECHD_DEVICE": place.device}
    with serving(data_dir, **variables) as url:
        async with asking(url, server_pid(url), model) as peer:
            yield peer


@asynccontextmanager
async def thread_pool(place: Place) -> AsyncIterator[RunningPeer]:
    """tests/bench/recognition/thread_pool_server.py."""
    arguments = [str(place.folder), "{port}", str(place.threads), place.device]
    command = [sys.executable, "-W", "ignore", "-m", "tests.bench.recognition.thread_pool_server", *arguments]
    async with server(command) as peer:
        yield peer


@asynccontextmanager
async def whisper_cpp(place: Place) -> AsyncIterator[RunningPeer]:
    """whisper.cpp on the same weights, converted, behind tests/bench/recognition/whisper_cpp_server.py."""
    from tests.bench.recognition.ggml import convert

    weights = place.scratch / f"{place.folder.name}.ggml"
    if not weights.exists():
        convert(place.folder, weights)
    program = Path(__file__).with_name("whisper_cpp_server.py")
    async with server([str(WHISPER_CPP), str(program), str(weights), "{port}", str(place.threads)]) as peer:
        yield peer


@asynccontextmanager
async def in_process(way: str, place: Place) -> AsyncIterator[RunningPeer]:
    """tests/bench/recognition/in_process.py; one recording at a time."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.bench.recognition.in_process", way]
    process = subprocess.Popen(  # noqa: ASYNC220 - nothing else runs yet
        [*command, str(place.folder), str(place.threads), place.device],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    stdin, stdout = process.stdin, process.stdout
    lock = asyncio.Lock()

    async def ask(recording: Recording, words: bool) -> str:
        path = place.scratch / f"{way} {recording.name}"
        path.write_bytes(recording.data)
        async with lock:
            stdin.write(json.dumps({"path": str(path), "words": words}) + "\n")
            return str(json.loads(await asyncio.to_thread(stdout.readline))["text"])

    try:
        json.loads(await asyncio.to_thread(stdout.readline))
        yield RunningPeer(ask, process.pid)
    finally:
        stdin.close()
        process.wait()
        stdout.close()


PEERS: Mapping[str, Peer] = {
    "speechd": Peer("speechd", speechd),
    "engine": Peer("speechd's engine, called directly", partial(in_process, "engine")),
    "plain": Peer("faster-whisper", partial(in_process, "plain")),
    "vad": Peer("faster-whisper, VAD", partial(in_process, "vad")),
    "batched-8": Peer("faster-whisper, batched 8", partial(in_process, "batched-8")),
    "batched-16": Peer("faster-whisper, batched 16", partial(in_process, "batched-16")),
    "thread-pool": Peer("thread-pool server", thread_pool),
    "whisper.cpp": Peer(
        "whisper.cpp", whisper_cpp, lambda: "" if WHISPER_CPP.exists() else "`make bench` installs it into .peers"
    ),
}


@asynccontextmanager
async def at_url(url: str, model: str) -> AsyncIterator[RunningPeer]:
    """A server that runs already on this machine, such as speaches, which no package index carries."""
    async with asking(url, server_pid(url), model) as peer:
        yield peer


@asynccontextmanager
async def server(command: list[str]) -> AsyncIterator[RunningPeer]:
    """A server, from when it listens; `{port}` in the command is the port that it gets."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen([word.format(port=port) for word in command])  # noqa: ASYNC220 - nothing else runs yet
    try:
        await asyncio.to_thread(_wait_for, port, process)
        async with asking(f"http://127.0.0.1:{port}", process.pid, "whisper-1") as peer:
            yield peer
    finally:
        process.terminate()
        process.wait()


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    """
    Raises:
        RuntimeError: it ended, or does not listen in time.
    """
    end = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"{process.args} did not start")


@asynccontextmanager
async def asking(url: str, pid: int, model: str) -> AsyncIterator[RunningPeer]:
    """The OpenAI API of a server."""
    async with httpx2.AsyncClient(base_url=url, timeout=7200, limits=httpx2.Limits(max_connections=None)) as client:

        async def ask(recording: Recording, words: bool) -> str:
            data = {"model": model, "language": "en"}
            if words:
                data |= {"response_format": "verbose_json", "timestamp_granularities[]": "word"}
            files = {"file": (f"{recording.name}.audio", recording.data)}
            reply = await client.post("/v1/audio/transcriptions", files=files, data=data)
            return str(reply.raise_for_status().json()["text"])

        yield RunningPeer(ask, pid)
