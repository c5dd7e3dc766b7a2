"""Work that is killed, stopped or out of disk: nothing is lost, nothing is half there, and the next start goes on.

A row for each kind of work and each interruption. Three cells are elsewhere: a killed pull (test_models), a killed
batch and one on a full disk (test_durability), a killed folder run (test_folders).
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx2
import openai
import pytest

from speechd.registry.files import shipped_models
from tests.conftest import Fixture
from tests.integration.conftest import LISTENS, Program, fill, started
from tests.integration.hostile.test_models import transcribed
from tests.integration.test_folders import FORMATS, POCKET, check, running
from tests.support.audio_folders import make_folder
from tests.support.batches import assert_every_line_once, begun, transcriptions, waited
from tests.support.model_hub import Hub, running_hub
from tests.support.processes import children, eventually

pytestmark = [pytest.mark.extra, pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks into /proc")]

MODEL = "Systran/faster-whisper-large-v2"
"""What the hub calls whisper-pocket here."""
CLIPS = ("--include", "*")
SMALL = {"SPEECHD_MIN_FREE_BYTES": "0", "SPEECHD_RESULT_CACHE_SECONDS": "0"}
STOPPED_SECONDS = 12.0
"""Longer than a pull waits for a silent source."""
LEASE_SECONDS = 25.0
"""Longer than a worker may be silent before others take its lines."""


def stop(process: "subprocess.Popen[str]", seconds: float) -> None:
    """For so long it does nothing, as on a machine that swaps or sleeps."""
    os.kill(process.pid, signal.SIGSTOP)
    time.sleep(seconds)
    os.kill(process.pid, signal.SIGCONT)


# A pull


@pytest.fixture
def hub() -> Iterator[Hub]:
    pocket = shipped_models() / "whisper-pocket"
    files = {path.name: path.read_bytes() for path in sorted(pocket.iterdir()) if path.suffix in (".json", ".bin")}
    with running_hub(Hub({MODEL: files}, chunk_delay=0.05)) as hub:
        yield hub


def pull(data: Path, hub: Hub) -> "subprocess.Popen[str]":
    variables = {"SPEECHD_DATA_DIR": str(data), "HF_HOME": str(data / "hf"), "HF_ENDPOINT": hub.url}
    command = [sys.executable, "-m", "speechd", "models", "pull", MODEL]
    return subprocess.Popen(command, env=os.environ | variables, stderr=subprocess.PIPE, text=True)


@contextmanager
def pulling(data: Path, hub: Hub) -> Iterator["subprocess.Popen[str]"]:
    """A pull of which a part has arrived."""
    with pull(data, hub) as process:
        try:
            assert eventually(lambda: any(part.stat().st_size for part in data.rglob("model.bin.part")), 60)
            yield process
        finally:
            process.kill()


def installed(data: Path) -> bool:
    """Its files are there, whole or not at all."""
    place = data / "models" / MODEL
    if not place.exists():
        return False
    original = shipped_models() / "whisper-pocket"
    assert (place / "model.bin").read_bytes() == (original / "model.bin").read_bytes()
    assert json.loads((place / "config.json").read_text()) == json.loads((original / "config.json").read_text())
    return True


def test_a_pull_that_was_stopped_goes_on(tmp_path: Path, hub: Hub) -> None:
    with pulling(tmp_path, hub) as process:
        os.kill(process.pid, signal.SIGSTOP)
        with pull(tmp_path, hub) as second:
            _, told = second.communicate(timeout=120)
        assert (second.returncode, "is being pulled by another process" in told) == (1, True), told
        time.sleep(STOPPED_SECONDS)
        assert not installed(tmp_path)
        os.kill(process.pid, signal.SIGCONT)
        _, told = process.communicate(timeout=120)
    assert process.returncode == 0, told
    assert installed(tmp_path)


def test_a_pull_on_a_full_disk_goes_on_where_there_is_room(small_disk: Path, hub: Hub) -> None:
    with pulling(small_disk, hub) as process:
        ballast = fill(small_disk)
        _, told = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "the disk is full" in told.lower()
    assert "Traceback" not in told
    assert not installed(small_disk)
    ballast.unlink()
    hub.asked.clear()
    with pull(small_disk, hub) as process:
        _, told = process.communicate(timeout=120)
    assert process.returncode == 0, told
    assert installed(small_disk)
    assert [wanted for name, wanted in hub.asked if name == "model.bin"] != [""], "what had arrived is not asked again"


# A model load


@contextmanager
def loading(data: Path, english: Fixture) -> Iterator[tuple[Program, "Future[httpx2.Response]"]]:
    """A server whose first request has a model tried, and that request."""
    copied = data / "models" / "copied"
    if not copied.exists():
        shutil.copytree(shipped_models() / "whisper-pocket", copied)
    with ExitStack() as stack:
        server = stack.enter_context(started(data, "serve", LISTENS, **SMALL))
        pool = stack.enter_context(ThreadPoolExecutor(1))
        request = pool.submit(transcribed, server.found, english, "copied", words=True)
        assert eventually(lambda: bool(tries(server)), 60)
        yield server, request


def tries(server: Program) -> list[int]:
    """The processes that try a model for this server."""
    lines = {child: Path(f"/proc/{child}/cmdline") for child in children(server.process.pid)}
    return [child for child, line in lines.items() if b"load_check" in line.read_bytes()]


def verdicts(data: Path) -> dict[str, object]:
    """What is remembered of models that were tried."""
    path = data / "model-checks.json"
    found: dict[str, object] = json.loads(path.read_text()) if path.exists() else {}
    assert all(verdict == {"broken": "", "until": None} for verdict in found.values()), found
    return found


def loads_well(data: Path, english: Fixture) -> None:
    """The next start tries and loads it."""
    with started(data, "serve", LISTENS, **SMALL) as server:
        reply = transcribed(server.found, english, "copied", words=True)
        assert (reply.status_code, bool(reply.json()["words"])) == (200, True)
    assert verdicts(data)


def test_a_server_that_is_killed_while_it_loads_a_model_loads_it_the_next_time(
    tmp_path: Path, english: Fixture
) -> None:
    with loading(tmp_path, english) as (server, request):
        (child,) = tries(server)
        server.process.kill()
        server.process.wait()
        with pytest.raises(httpx2.HTTPError):
            request.result()
        assert eventually(lambda: not Path(f"/proc/{child}").exists())
    assert verdicts(tmp_path) == {}
    loads_well(tmp_path, english)


def test_a_server_that_is_stopped_while_it_loads_a_model_answers_afterwards(tmp_path: Path, english: Fixture) -> None:
    with loading(tmp_path, english) as (server, request):
        stop(server.process, STOPPED_SECONDS)
        assert request.result().status_code == 200
    assert verdicts(tmp_path)


def test_a_model_is_loaded_on_a_full_disk(small_disk: Path, english: Fixture) -> None:
    """What is not remembered is tried again."""
    with loading(small_disk, english) as (server, request):
        ballast = fill(small_disk)
        assert request.result().status_code == 200
        server.wait_for("the check of a model is not remembered")
        assert "Traceback" not in "".join(server.log)
    assert verdicts(small_disk) == {}
    ballast.unlink()
    loads_well(small_disk, english)
    assert not list(small_disk.glob(".model-checks*"))


# A batch


def test_the_lines_of_a_worker_that_is_stopped_are_done_once(tmp_path: Path) -> None:
    """Another worker takes them; the one that comes back changes nothing of it and goes on with the next batch."""
    shared, lines = {"SPEECHD_WORKER": "false", "SPEECHD_RESULT_CACHE_SECONDS": "0"}, 60
    with (
        started(tmp_path, "serve", LISTENS, **shared) as server,
        openai.OpenAI(api_key="unused", base_url=f"{server.found}/v1", max_retries=0) as client,
        started(tmp_path, "worker", "worker processes batches", **shared) as first,
    ):
        batch = begun(client, transcriptions(lines))
        waited(client, batch, lambda batch: batch.request_counts.completed >= lines / 4)
        os.kill(first.process.pid, signal.SIGSTOP)
        with started(tmp_path, "worker", "worker processes batches", **shared) as second:
            time.sleep(LEASE_SECONDS)
            waited(client, batch, lambda batch: batch.request_counts.completed == lines)
            os.kill(first.process.pid, signal.SIGCONT)
            assert_every_line_once(client, batch, lines)
        again = begun(client, transcriptions(8))
        assert_every_line_once(client, again, 8)
        assert "Traceback" not in "".join([*server.log, *first.log, *second.log])


# A folder run


def test_a_folder_run_that_was_stopped_goes_on(tmp_path: Path) -> None:
    folder, output = tmp_path / "in", tmp_path / "out"
    said = make_folder(folder, 24)
    with running(folder, "-o", output, *FORMATS, *POCKET) as run:
        run.until_done(6)
        stop(run.process, STOPPED_SECONDS)
        end = run.finish()
    assert (end["exit"], end["failures"]) == (0, 0)
    check(folder, output, said)


def test_a_folder_run_on_a_full_disk_goes_on_where_there_is_room(tmp_path: Path, small_disk: Path) -> None:
    folder, output = tmp_path / "in", small_disk / "out"
    said = make_folder(folder, 24)
    words = (folder, "-o", output, *FORMATS, *POCKET)
    with running(*words) as run:
        run.until_done(6)
        ballast = fill(small_disk)
        told = run.until(lambda event: event["event"] in ("error", "end"))
        assert run.process.wait(timeout=60) == 1
    assert "No space left" in json.dumps(told) or "full" in json.dumps(told), told
    ballast.unlink()
    assert not list(output.rglob("*.partial"))
    with running(*words) as run:
        end = run.finish()
    assert (end["exit"], end["failures"]) == (0, 0)
    assert end["files_finished_before"] >= 6
    check(folder, output, said)
