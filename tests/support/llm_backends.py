"""Companion backends for tests: our own small server, or llama.cpp with models of random numbers."""

import asyncio
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import httpx2

from tests.conftest import ROOT
from tests.support.llm_server import CHAT, EMBED, RERANK, serving_llm

LLAMA_DIR = Path(os.environ.get("LLAMA_DIR", ROOT / ".llama"))
LLAMA_SERVER = LLAMA_DIR / "build" / "bin" / "llama-server"
LLAMA_MODELS = {
    CHAT: ("tiny-chat.gguf", ("-np", "4", "-c", "8192")),
    EMBED: ("tiny-embed.gguf", ("--embeddings",)),
    RERANK: ("tiny-rerank.gguf", ("--rerank",)),
}
"""The same ids as our own server's: file and options of the process that serves it."""


@contextmanager
def our_companion() -> Iterator[dict[str, str]]:
    """The base URL for each glob of models; a server with a loop of its own."""
    started: Future[tuple[str, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        async with serving_llm() as llm:
            end = asyncio.Event()
            started.set_result((llm.url, asyncio.get_running_loop(), end))
            await end.wait()

    thread = Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    url, loop, end = started.result(timeout=20)
    try:
        yield {"*": url}
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join()


@contextmanager
def llama_companion() -> Iterator[dict[str, str]]:
    """Three processes of llama-server: it serves one model, for one purpose."""
    processes, urls = [], {}
    try:
        for model, (file, options) in LLAMA_MODELS.items():
            port = _free_port()
            command = [LLAMA_SERVER, "-m", LLAMA_DIR / file, "--alias", model, *options]
            command += ["--host", "127.0.0.1", "--port", str(port), "--no-ui", "-t", "1"]
            quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            processes.append(subprocess.Popen(list(map(str, command)), **quiet))  # type: ignore[call-overload]
            urls[model] = f"http://127.0.0.1:{port}/v1"
        for url in urls.values():
            _wait_for(f"{url}/models")
        yield urls
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(timeout=30)


def backends_file(folder: Path, urls: Mapping[str, str]) -> Path:
    """The settings file that names these backends."""
    path = folder / "backends.toml"
    path.write_text("".join(f'[[backend]]\nbase_url = "{url}"\nmodels = ["{glob}"]\n' for glob, url in urls.items()))
    return path


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if httpx2.get(url, trust_env=False).status_code == 200:
                return
        except httpx2.HTTPError:
            pass
        time.sleep(0.1)
    raise TimeoutError(url)
