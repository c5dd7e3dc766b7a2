"""Engines that are processes and answer no more."""

import fcntl
import os
import signal
import sys
import termios
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from tests.conftest import Fixture
from tests.integration.conftest import LISTENS, Program, started
from tests.integration.hostile.test_models import transcribed
from tests.support.processes import children, eventually

pytest.importorskip("pocketsphinx")
MODEL = "pocketsphinx-en-us"


def engine_process(server: Program) -> int:
    """The one process of PocketSphinx."""
    (found,) = [
        child
        for child in children(server.process.pid)
        if b"pocketsphinx_process" in Path(f"/proc/{child}/cmdline").read_bytes()
    ]
    return found


@contextmanager
def hanging(data: Path, english: Fixture, **variables: str) -> Iterator[tuple[Program, "Future[httpx2.Response]", int]]:
    """A server whose engine has been stopped, a request that waits for it, and the process that hangs."""
    variables["SPEECHD_RESULT_CACHE_SECONDS"] = "0"  # else the second request needs no engine
    with started(data, "serve", LISTENS, **variables) as server, ThreadPoolExecutor(1) as pool:
        assert transcribed(server.found, english, MODEL).status_code == 200
        process = engine_process(server)
        os.kill(process, signal.SIGSTOP)
        yield server, pool.submit(transcribed, server.found, english, MODEL), process


def idle(process: int) -> bool:
    """It has been sent nothing since it was stopped: its standard input is empty."""
    with Path(f"/proc/{process}/fd/0").open("rb") as pipe:
        return not int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), "little")


def engines(server: Program) -> object:
    return httpx2.get(f"{server.found}/readyz", timeout=60).json().get("engines")


@pytest.mark.slow
def test_an_engine_that_hangs_is_told_of_ended_and_replaced(tmp_path: Path, english: Fixture) -> None:
    with hanging(tmp_path, english, SPEECHD_ENGINE_TIMEOUT="6") as (server, request, process):
        assert eventually(lambda: engines(server) == {"pocketsphinx": {"hung": 0, "crashed": 0, "overdue": 1}})
        reply = request.result()
        assert reply.status_code == 500
        assert reply.json()["error"]["code"] == "engine_timeout"
        assert not Path(f"/proc/{process}").exists()
        assert transcribed(server.found, english, MODEL).json()["text"]
        assert engines(server) == {"pocketsphinx": {"hung": 1, "crashed": 0, "overdue": 0}}
        assert engine_process(server) != process


STUCK = """
import threading
from speechd.asr.engines.whisper import WhisperEngine
from speechd.cli.main import main
WhisperEngine.decode = lambda *_: threading.Event().wait()
main()
"""


@pytest.mark.extra
def test_a_library_that_hangs_is_told_of_and_the_server_still_ends(tmp_path: Path, english: Fixture) -> None:
    """No thread can be ended from outside, so it is left, and the process ends around it."""
    program = (sys.executable, "-c", STUCK)
    with (
        started(tmp_path, "serve", LISTENS, program=program, SPEECHD_ENGINE_TIMEOUT="1") as server,
        ThreadPoolExecutor(1) as pool,
    ):
        request = pool.submit(transcribed, server.found, english, "whisper-pocket")
        assert eventually(lambda: engines(server) == {"whisper-pocket": {"hung": 0, "crashed": 0, "overdue": 1}})
        assert httpx2.get(f"{server.found}/v1/models", timeout=60).status_code == 200
        server.process.terminate()
        assert request.result().json()["error"]["code"] == "shutting_down"
        assert server.process.wait(timeout=60) == 0, "".join(server.log)


@pytest.mark.slow
def test_a_server_whose_engine_hangs_ends_when_it_is_asked_to(tmp_path: Path, english: Fixture) -> None:
    with hanging(tmp_path, english, SPEECHD_ENGINE_TIMEOUT="600") as (server, request, process):
        assert eventually(lambda: not idle(process))
        server.process.terminate()
        assert server.process.wait(timeout=60) in (0, -signal.SIGTERM), "".join(server.log)
        assert not Path(f"/proc/{process}").exists()
        with pytest.raises(httpx2.HTTPError):
            request.result().raise_for_status()
