"""`speechd batch` beside a running server."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.integration.conftest import LISTENS, serving, started
from tests.support.batches import CLIPS, line, transcriptions
from tests.support.processes import start

URL = "/v1/audio/transcriptions"


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "speechd", "batch", *arguments]


def batch(url: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"SPEECHD_URL": url} | variables
    return subprocess.run(command(*arguments), env=environment, cwd=ROOT, capture_output=True, text=True, timeout=300)


def written(folder: Path, text: str) -> str:
    (folder / "requests.jsonl").write_text(text)
    return str(folder / "requests.jsonl")


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(row) for row in path.read_text().splitlines()]


def eventually(look: Callable[[], Any]) -> Any:
    for _ in range(1200):
        if found := look():
            return found
        time.sleep(0.1)
    raise AssertionError("it did not happen")


def test_a_file_of_requests_becomes_a_file_of_answers(server: str, tmp_path: Path) -> None:
    done = batch(server, "run", written(tmp_path, transcriptions(5)), "--output", str(tmp_path / "out"))
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert "5 answered, 0 failed" in done.stderr
    (path,) = (tmp_path / "out").iterdir()
    texts = {row["custom_id"]: row["response"]["body"]["text"] for row in rows(path)}
    assert texts == {f"line-{place}": CLIPS[place].text for place in range(5)}


def test_the_dialect_of_the_lines(server: str, tmp_path: Path) -> None:
    text = transcriptions(1).replace('"/v1/', '"/openai/v1/')
    done = batch(server, "run", written(tmp_path, text), "--output", str(tmp_path), "--json")
    (row,) = rows(Path(json.loads(done.stdout)["output_path"]))
    assert row["response"]["body"]["x_groq"]["id"] == row["response"]["request_id"]


def test_lines_that_fail(server: str, tmp_path: Path) -> None:
    bad = line("bad", URL, {"model": "nope", "url": "data:,x"})
    text = f"{transcriptions(2)}\n{bad}\n"
    done = batch(server, "run", written(tmp_path, text), "--output", str(tmp_path), "--window", "2d", "--json")
    assert done.returncode == 3, done.stderr
    told = json.loads(done.stdout)
    assert (told["completion_window"], told["request_counts"]["failed"]) == ("2d", 1)
    (failure,) = rows(Path(told["error_path"]))
    assert (failure["custom_id"], failure["response"]["status_code"]) == ("bad", 404)
    shown = batch(server, "status", told["id"])
    assert (shown.returncode, "3 of 3" in shown.stdout) == (0, True)
    again = batch(server, "status", told["id"], "--wait", "--output", str(tmp_path / "again"))
    assert again.returncode == 3
    assert len(list((tmp_path / "again").iterdir())) == 2


def test_an_input_that_is_not_valid(server: str, tmp_path: Path) -> None:
    good = json.loads(line("a", URL, {}))
    text = "\n".join(json.dumps(row) for row in (good, good | {"custom_id": "b", "method": "GET"}, good))
    done = batch(server, "run", written(tmp_path, text))
    assert done.returncode == 4
    assert "line 2: `method` must be `POST`." in done.stderr
    assert "line 3: The custom_id 'a' is on an earlier line too." in done.stderr


class Terminal:
    """Where a command's standard error goes, so that it shows a bar."""

    def __init__(self) -> None:
        self._reader, self.side = pty.openpty()
        self.said = ""

    def wait_for(self, text: str) -> None:
        while text not in " ".join(self.said.split()):
            self.said += os.read(self._reader, 1 << 16).decode(errors="replace")

    def close(self) -> None:
        os.close(self._reader)
        os.close(self.side)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    opened = Terminal()
    yield opened
    opened.close()


@pytest.mark.slow
def test_interrupted_and_gone_on_with(tmp_path: Path, terminal: Terminal) -> None:
    """Over a server that is killed and comes back at the same address."""
    fresh = {"SPEECHD_RESULT_CACHE_SECONDS": "0", "SPEECHD_WORKER_CONCURRENCY": "1"}
    with started(tmp_path / "data", "serve", LISTENS, **fresh) as server:
        environment = os.environ | {"SPEECHD_URL": server.found, "TERM": "xterm", "COLUMNS": "150"}
        asked = command("run", written(tmp_path, transcriptions(90)))
        running = start(asked, env=environment, cwd=ROOT, stderr=terminal.side)
        terminal.wait_for("/90")
        assert "━" in terminal.said
        running.send_signal(signal.SIGINT)
        assert running.wait(timeout=60) == 130
        terminal.wait_for("--wait")
        id = next(word for word in terminal.said.split() if word.startswith("batch_"))
        assert f"speechd batch status {id} --wait" in " ".join(terminal.said.split())
        terminal.said = ""
        asked = command("status", id, "--wait", "--output", str(tmp_path))
        waiting = start(asked, env=environment, cwd=ROOT, stderr=terminal.side)
        terminal.wait_for("/90")
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
    port = server.found.rpartition(":")[2]
    with started(tmp_path / "data", "serve", LISTENS, SPEECHD_PORT=port, **fresh):
        terminal.wait_for("answers:")
        assert waiting.wait(timeout=60) == 0
    assert len(rows(tmp_path / f"{id}_output.jsonl")) == 90


@pytest.mark.slow
def test_cancelled_and_listed(tmp_path: Path) -> None:
    with serving(tmp_path / "data", SPEECHD_WORKER="false", SPEECHD_API_KEY="sk-mine") as url:
        key = {"SPEECHD_API_KEY": "sk-mine"}
        assert "no batch yet" in batch(url, "status", **key).stderr
        running = start(
            command("run", written(tmp_path, transcriptions(2)), "--url", f"{url}/v1", "--api-key", "sk-mine"),
            cwd=ROOT,
            stderr=subprocess.PIPE,
        )
        (found,) = eventually(lambda: json.loads(batch(url, "list", "--json", **key).stdout))
        assert found["id"] in batch(url, "list", **key).stdout
        for _ in range(2):
            assert "cancel" in batch(url, "cancel", found["id"], **key).stdout
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=60)
        shown = json.loads(batch(url, "status", "--json", **key).stdout)
        assert (shown["id"], shown["status"]) == (found["id"], "cancelling")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("status", "batch_none"), "no batch `batch_none`"),
        (("cancel", "batch_none"), "no batch `batch_none`"),
        (("run", "README.md"), "is not a request"),
        (("run", "pyproject.toml", "--endpoint", "/v1/nothing"), "`endpoint` must be one of"),
        (("list", "--url", "http://127.0.0.1:1"), "No speechd answers at http://127.0.0.1:1"),
        (("list", "--url", "nowhere"), "No speechd answers at nowhere"),
    ],
)
def test_refusals_are_one_line(server: str, arguments: tuple[str, ...], message: str) -> None:
    done = batch(server, *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
