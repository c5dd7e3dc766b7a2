"""A server that is told to end: what it has taken is answered, and the process is gone within its time."""

import signal
import sqlite3
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

import httpx2
import openai
import pytest

from tests.conftest import FIXTURES
from tests.integration.conftest import LISTENS, Program, started
from tests.support.batches import assert_every_line_once, begun, transcriptions, waited
from tests.support.command_line import speechd_in_process
from tests.support.model_hub import Hub, running_hub
from tests.support.processes import children, eventually

CLIP = (FIXTURES / "en_television.flac").read_bytes()
GONE_SECONDS = 30.0
"""Bound of the wait for a process that has nothing to wait for; it is far below the default for requests in work."""
NUMBERS = count()


def patched(engine: str) -> tuple[str, ...]:
    """speechd with another behaviour of its recogniser, which is native code otherwise."""
    program = (
        "import threading, time\n"
        "from speechd.asr.engines.whisper import WhisperEngine\n"
        "from speechd.registry.loading import loaders\n"
        "from speechd.cli.main import main\n"
        "decode = WhisperEngine.decode\n"
        f"{engine}\nmain()"
    )
    return sys.executable, "-c", program


SLOW = patched("WhisperEngine.decode = lambda *given: (time.sleep(3), decode(*given))[1]")
STUCK = patched("WhisperEngine.decode = lambda *given: threading.Event().wait()")
STUCK_LOAD = patched("loaders.ENGINES['whisper'] = lambda *given: threading.Event().wait()")


def transcribe(url: str) -> httpx2.Response:
    """The same recording each time, with a prompt of its own: no copy of another request."""
    data = {"model": "whisper-pocket", "prompt": f"number {next(NUMBERS)}"}
    return httpx2.post(f"{url}/v1/audio/transcriptions", files={"file": ("a.flac", CLIP)}, data=data, timeout=120)


def readiness(url: str) -> str:
    """`ready`, or why it is not."""
    reply = httpx2.get(f"{url}/readyz", timeout=30).json()
    return str(reply.get("status") or reply["error"]["code"])


@contextmanager
def in_work(server: Program) -> Iterator["Future[httpx2.Response]"]:
    """A request that has reached the engine, or waits for the load of its model."""
    with ThreadPoolExecutor(1) as pool:
        request = pool.submit(transcribe, server.found)
        listed = f"{server.found}/v1/models?loaded=true"
        assert eventually(lambda: bool(httpx2.get(listed, timeout=30).json()["data"]), 60)
        yield request


@pytest.mark.slow
def test_requests_in_work_are_answered_and_new_ones_too_while_it_drains(tmp_path: Path) -> None:
    with started(tmp_path, "serve", LISTENS, program=SLOW, SPEECHD_DRAIN_SECONDS="3") as server:
        assert eventually(lambda: readiness(server.found) == "ready")
        with in_work(server) as first, ThreadPoolExecutor(1) as pool:
            server.process.terminate()
            assert eventually(lambda: readiness(server.found) == "draining")
            second = pool.submit(transcribe, server.found)
            assert (first.result().status_code, second.result().status_code) == (200, 200)
            assert second.result().headers["connection"] == "close"
        assert server.process.wait(timeout=GONE_SECONDS) == 0
        with pytest.raises(httpx2.ConnectError):
            readiness(server.found)


@pytest.mark.slow
def test_what_does_not_end_in_time_is_told_to_come_again(tmp_path: Path) -> None:
    with started(tmp_path, "serve", LISTENS, program=STUCK, SPEECHD_SHUTDOWN_SECONDS="1") as server:
        with in_work(server) as request:
            server.process.terminate()
            reply = request.result()
        assert reply.status_code == 503
        assert reply.json()["error"]["code"] == "shutting_down"
        assert float(reply.headers["retry-after"]) > 0
        assert server.process.wait(timeout=GONE_SECONDS) == 0, "native work is not waited for"
    assert "Traceback" not in "".join(server.log)


@pytest.mark.extra
@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_it_at_once(tmp_path: Path, second: signal.Signals) -> None:
    with started(tmp_path, "serve", LISTENS, program=STUCK) as server, in_work(server) as request:
        helpers = children(server.process.pid)
        server.process.terminate()
        server.wait_for("requests in work")
        server.process.send_signal(second)
        assert server.process.wait(timeout=GONE_SECONDS) == 128 + second
        with pytest.raises(httpx2.HTTPError):
            request.result()
    assert eventually(lambda: not any(Path(f"/proc/{each}").exists() for each in helpers))


@pytest.mark.extra
def test_a_load_that_does_not_end_holds_up_nobody(tmp_path: Path) -> None:
    with started(tmp_path, "serve", LISTENS, program=STUCK_LOAD, SPEECHD_SHUTDOWN_SECONDS="1") as server:
        with in_work(server) as request:
            server.process.terminate()
            assert request.result().json()["error"]["code"] == "shutting_down"
        assert server.process.wait(timeout=GONE_SECONDS) == 0


@pytest.mark.extra
def test_a_preload_that_does_not_end_holds_up_nobody(tmp_path: Path) -> None:
    variables = {"SPEECHD_PRELOAD": "whisper-pocket"}
    with started(tmp_path, "serve", LISTENS, program=STUCK_LOAD, **variables) as server:
        assert eventually(lambda: readiness(server.found) == "starting")
        server.process.terminate()
        assert server.process.wait(timeout=GONE_SECONDS) == 0


@pytest.mark.extra
def test_a_pull_is_left_and_can_be_resumed(tmp_path: Path) -> None:
    name = "Systran/faster-whisper-large-v2"
    files = {"model.bin": bytes(2_000_000), "config.json": b"{}", "tokenizer.json": b"{}", "vocabulary.json": b"[]"}
    with running_hub(Hub({name: files}, chunk_delay=3)) as hub:
        variables = {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "hf")}
        with started(tmp_path, "serve", LISTENS, **variables) as server:
            reply = httpx2.post(f"{server.found}/v1/models/whisper-large-v2", timeout=30)
            assert reply.status_code < 300, reply.text
            assert eventually(lambda: any(part.stat().st_size for part in tmp_path.rglob("model.bin.part")), 60)
            server.process.terminate()
            assert server.process.wait(timeout=GONE_SECONDS) == 0, "".join(server.log)
    assert any(part.stat().st_size for part in tmp_path.rglob("model.bin.part")), "the next pull begins with it"


@pytest.mark.extra
def test_a_migration_that_waits_is_left_and_made_at_the_next_start(tmp_path: Path) -> None:
    """Another program writes to the database for longer than a start waits."""
    (tmp_path / "speechd.db").touch()
    with sqlite3.connect(tmp_path / "speechd.db", isolation_level=None) as other:
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("BEGIN IMMEDIATE")
        with started(tmp_path, "serve", LISTENS) as server:
            assert readiness(server.found) in ("starting", "not_ready")
            server.process.terminate()
            server.process.wait(timeout=GONE_SECONDS)
        other.execute("ROLLBACK")
    with started(tmp_path, "serve", LISTENS) as server:
        assert eventually(lambda: readiness(server.found) == "ready", 60)
        assert httpx2.get(f"{server.found}/v1/files", timeout=60).json()["data"] == []


@pytest.mark.extra
def test_lines_of_a_batch_are_handed_back_and_answered_once_by_the_next_server(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with started(data, "serve", LISTENS, program=SLOW, SPEECHD_DRAIN_SECONDS="1") as server:
        client = openai.OpenAI(base_url=f"{server.found}/v1", api_key="none")
        batch = begun(client, transcriptions(12))
        waited(client, batch, lambda batch: batch.status == "in_progress")
        server.process.terminate()
        server.process.wait(timeout=GONE_SECONDS)
        with sqlite3.connect(data / "speechd.db") as database:
            (held,) = database.execute("SELECT count(*) FROM lines WHERE state = 'running'").fetchone()
        assert held == 0
    with started(data, "serve", LISTENS) as server:
        client = openai.OpenAI(base_url=f"{server.found}/v1", api_key="none")
        assert waited(client, batch).status == "completed"
        assert_every_line_once(client, batch, 12)


class Balancer:
    """Sends each request to a server that says it is ready, and looks every tenth of a second, as proxies do."""

    def __init__(self, urls: list[str]) -> None:
        self._urls = urls
        self._ready = list(urls)
        self._turn = count()
        self._until = 0.0

    def transcribe(self, _: int) -> int:
        return transcribe(self._choose()).status_code

    def _choose(self) -> str:
        if time.monotonic() > self._until:
            self._until = time.monotonic() + 0.1
            self._ready = [url for url in self._urls if self._is_ready(url)]
        return self._ready[next(self._turn) % len(self._ready)]

    def _is_ready(self, url: str) -> bool:
        with suppress(httpx2.HTTPError):
            return readiness(url) == "ready"
        return False


@pytest.mark.extra
def test_of_200_requests_none_is_lost_while_one_of_two_servers_ends(tmp_path: Path) -> None:
    variables = {"SPEECHD_DRAIN_SECONDS": "2", "SPEECHD_MAX_WAIT": "0"}
    with (
        started(tmp_path / "a", "serve", LISTENS, **variables) as first,
        started(tmp_path / "b", "serve", LISTENS, **variables) as second,
        ThreadPoolExecutor(16) as pool,
    ):
        assert eventually(lambda: readiness(first.found) == readiness(second.found) == "ready")
        balancer = Balancer([first.found, second.found])
        replies = pool.map(balancer.transcribe, range(200))
        statuses = [next(replies) for _ in range(40)]
        began = time.monotonic()
        first.process.terminate()
        statuses += replies
        assert first.process.wait(timeout=GONE_SECONDS) == 0
        print(f"the process was gone {time.monotonic() - began:.1f} s after SIGTERM, at the latest")
        assert statuses == [200] * 200


@pytest.mark.extra
def test_of_200_requests_that_one_server_has_taken_none_is_lost(tmp_path: Path) -> None:
    """All are there when it is told to end, and it is alone."""
    with started(tmp_path, "serve", LISTENS, SPEECHD_MAX_WAIT="0") as server, ThreadPoolExecutor(200) as pool:
        assert transcribe(server.found).status_code == 200
        pending = [pool.submit(transcribe, server.found) for _ in range(200)]
        assert eventually(lambda: sum(request.running() for request in pending) == 200)
        assert eventually(lambda: any(request.done() for request in pending))
        time.sleep(1)  # the last of 200 threads has connected
        server.process.terminate()
        assert [request.result().status_code for request in pending] == [200] * 200
        assert server.process.wait(timeout=GONE_SECONDS) == 0


def test_what_changes_in_the_file_of_settings_holds_after_a_hangup(tmp_path: Path) -> None:
    config, key = tmp_path / "speechd.toml", tmp_path / "key"
    config.write_text("max_upload_bytes = 1000\nlog_level = 'info'\n")
    key.write_text("sk-old\n")
    variables = {"SPEECHD_CONFIG": str(config), "SPEECHD_API_KEY_FILE": str(key)}
    with started(tmp_path / "data", "serve", LISTENS, **variables) as server:

        def asked(secret: str) -> httpx2.Response:
            headers = {"authorization": f"Bearer {secret}"}
            form = {"data": {"model": "auto"}, "files": {"file": ("a.flac", CLIP)}}
            return httpx2.post(f"{server.found}/v1/audio/transcriptions", headers=headers, timeout=60, **form)

        assert (asked("sk-old").status_code, asked("sk-new").status_code) == (413, 401)
        config.write_text("max_upload_bytes = 10_000_000\nlog_level = 'debug'\n")
        key.write_text("sk-new\n")
        server.process.send_signal(signal.SIGHUP)
        server.wait_for("read again; changed: api_key, log_level, max_upload_bytes")
        assert (asked("sk-old").status_code, asked("sk-new").status_code) == (401, 200)
        config.write_text("max_upload_bytes = 'many'\n")
        server.process.send_signal(signal.SIGHUP)
        server.wait_for("stay as they are: The setting `max_upload_bytes` in .* is not valid")
        assert asked("sk-new").status_code == 200


NOT_THERE = {
    "data_folder": "The data folder cannot be written",
    "device": "SPEECHD_DEVICE is cuda:99, but there is no GPU 99",
    "default_model": "The model `nope` does not exist",
}


def test_a_server_that_cannot_serve_is_not_ready_and_says_why(tmp_path: Path) -> None:
    variables = {"DATA_DIR": "/proc/speechd", "DEVICE": "cuda:99", "DEFAULT_MODEL": "nope"}
    given = {f"SPEECHD_{name}": value for name, value in variables.items()}
    with started(tmp_path, "serve", LISTENS, **given) as server:
        server.wait_for("not ready: device")
        assert readiness(server.found) == "not_ready"
        checks = httpx2.get(f"{server.found}/readyz?verbose", timeout=60).json()["checks"]
        assert checks["settings"]["status"] == "ok"
        for name, message in NOT_THERE.items():
            assert checks[name]["status"] == "failed"
            assert message in checks[name]["message"]
            server.wait_for(f"not ready: {name}: {message}")
        assert httpx2.get(f"{server.found}/healthz", timeout=60).status_code == 200


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"SPEECHD_LOG_LEVEL": "loud"}, "The setting SPEECHD_LOG_LEVEL is not valid"),
        ({"SPEECHD_DEVICE": "gpu"}, "SPEECHD_DEVICE is not valid: it is auto, cpu, cuda or cuda:0,1"),
        ({"SPEECHD_LEXICON": "{"}, "SPEECHD_LEXICON is not valid: it is not JSON"),
        ({"SPEECHD_CONFIG": "/nowhere.toml"}, "/nowhere.toml cannot be read: No such file"),
    ],
)
def test_a_wrong_setting_is_one_line(tmp_path: Path, variables: dict[str, str], told: str) -> None:
    ended = speechd_in_process("serve", SPEECHD_DATA_DIR=str(tmp_path), **variables)
    assert (ended.returncode, told in ended.stderr) == (1, True), ended.stderr
    assert len(ended.stderr.splitlines()) == 1
