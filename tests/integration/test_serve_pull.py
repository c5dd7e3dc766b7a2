"""`speechd serve --pull` brings models before it serves, and serves all the same where it cannot."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import Popen, run

import httpx2
import pytest

from tests.integration.conftest import LISTENS, started
from tests.support.file_server import FileServer, serving_files
from tests.support.processes import eventually, start

CLOSED = "http://127.0.0.1:1"
AWAY = {"HF_ENDPOINT": CLOSED, "PIP_INDEX_URL": f"{CLOSED}/simple", "PIP_CONFIG_FILE": os.devnull}
SERVE = (sys.executable, "-m", "speechd", "serve")
REMEDY = "speechd models pull"


@pytest.fixture
def silent() -> Iterator[FileServer]:
    with serving_files(FileServer(silent=True)) as server:
        yield server


def wait_until(happened: Callable[[], bool], process: "Popen[bytes]") -> None:
    for _ in range(600):
        if happened():
            return
        assert process.poll() is None
        time.sleep(0.1)
    raise AssertionError("it did not happen")


@pytest.mark.slow
def test_with_every_source_away_one_line_says_so_and_it_serves(tmp_path: Path) -> None:
    with started(tmp_path, "--pull", LISTENS, SERVE, **AWAY) as server:
        assert eventually(lambda: httpx2.get(f"{server.found}/readyz", timeout=60).status_code == 200)
        server.wait_for(REMEDY)
    (line,) = [line for line in server.log if "whisper-base" in line]
    assert "cannot be reached" in line
    assert "understands synthetic voices only" in line
    assert "joe" not in "".join(server.log), "the next model would meet the same closed doors"


@pytest.mark.parametrize("setting", [{"SPEECHD_AUTO_MODEL": "none"}, {"SPEECHD_OFFLINE": "true"}])
def test_who_wants_none_is_asked_nothing(tmp_path: Path, setting: dict[str, str], silent: FileServer) -> None:
    with started(tmp_path, "--pull", LISTENS, SERVE, **AWAY | {"HF_ENDPOINT": silent.url}, **setting) as server:
        server.wait_for(REMEDY)
    assert silent.asked == []
    assert "could not" not in "".join(server.log)


def test_without_the_option_nothing_is_asked(tmp_path: Path, silent: FileServer) -> None:
    with started(tmp_path, "serve", LISTENS, **AWAY | {"HF_ENDPOINT": silent.url}) as server:
        server.wait_for(REMEDY)
    assert silent.asked == []


@pytest.mark.slow
def test_ctrl_c_skips_the_download_and_it_serves(tmp_path: Path, silent: FileServer) -> None:
    environment = (
        os.environ | AWAY | {"HF_ENDPOINT": silent.url, "SPEECHD_DATA_DIR": str(tmp_path), "SPEECHD_PORT": "0"}
    )
    log = tmp_path / "log"
    with log.open("w") as output:
        process = start([*SERVE, "--pull"], env=environment, stderr=output)
    try:
        wait_until(lambda: bool(silent.asked), process)
        process.send_signal(signal.SIGINT)
        wait_until(lambda: "startup complete" in log.read_text(), process)
        assert "Skipped" in log.read_text()
        process.send_signal(signal.SIGINT)
        process.wait(timeout=30)
    finally:
        process.kill()
    assert "Traceback" not in log.read_text()


def test_a_name_that_means_no_model_ends_it_before_it_serves(tmp_path: Path) -> None:
    environment = os.environ | {
        "SPEECHD_DATA_DIR": str(tmp_path),
        "SPEECHD_PORT": "0",
        "SPEECHD_AUTO_MODEL": "whisper-bas",
    }
    done = run([*SERVE, "--pull"], env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "SPEECHD_AUTO_MODEL" in done.stderr
