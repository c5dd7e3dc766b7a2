"""Two servers on one PostgreSQL behind nginx, with data folders of their own: what one has, the other has too."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest
from websockets.sync.client import connect

from speechd.auth.usage_writer import FLUSH_SECONDS, REFRESH_SECONDS
from speechd.registry.files import shipped_models
from tests.conftest import FIXTURES, ROOT
from tests.support.balanced import TRANSCRIPTIONS, Balanced, Clients, balanced, is_ready, recordings, unique
from tests.support.command_line import speechd_in_process
from tests.support.model_hub import Hub, running_hub
from tests.support.postgres import needs_postgres, serving_postgres
from tests.support.processes import eventually

pytestmark = [*needs_postgres, pytest.mark.slow]

OWN = "sk-of-the-operator"
BEARER = {"authorization": f"Bearer {OWN}"}
THREE_MINUTES = (FIXTURES / "long" / "three_minutes.opus").read_bytes()


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with serving_postgres() as url:
        yield url


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    """A hub with one model, which comes slowly."""
    folder = shipped_models() / "whisper-pocket"
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    with running_hub(Hub({"org/tuned": files}, chunk_delay=0.1)) as running:
        yield running


@pytest.fixture(scope="module")
def both(database: str, hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Balanced]:
    folder = tmp_path_factory.mktemp("two")
    folder.chmod(0o755)
    variables = {
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(folder / "hf"),
        "SPEECHD_API_KEY": OWN,
        "SPEECHD_ALLOW_ANY_MODEL": "true",
    }
    with balanced(folder, database, **variables) as (servers, _):
        yield servers


def call(servers: Balanced, number: int, key: str = OWN) -> httpx2.Client:
    """A client of one of both servers."""
    headers = {"authorization": f"Bearer {key}"}
    return httpx2.Client(base_url=servers.url(number), headers=headers, timeout=120)


def transcribe(client: httpx2.Client, sound: bytes, **fields: str) -> httpx2.Response:
    data = {"model": "whisper-pocket"} | fields
    return client.post(TRANSCRIPTIONS, data=data, files={"file": ("a", sound)})


def test_captions_made_by_one_are_read_from_the_other(both: Balanced) -> None:
    with call(both, 0) as first, call(both, 1) as second:
        body = {"model": "auto", "voice": "auto", "input": "Good morning.", "captions": "srt", "response_format": "wav"}
        spoken = first.post("/v1/audio/speech", json=body)
        assert spoken.status_code == 200
        path = spoken.headers["x-speechd-captions"]
        there = second.get(path)
        assert there.status_code == 200
        assert "Good morning." in there.text
        assert there.text == first.get(path).text


def test_a_key_holds_on_both_and_its_limit_is_counted_over_both(both: Balanced, database: str) -> None:
    variables = {"SPEECHD_DATABASE_URL": database, "SPEECHD_DATA_DIR": str(both.folder / "elsewhere")}
    made = speechd_in_process("keys", "add", "anna", "--requests-per-day", "6", **variables)
    assert made.returncode == 0, made.stderr
    key = made.stdout.strip()
    with call(both, 0, key) as first, call(both, 1, key) as second:
        for _ in range(3):
            assert [each.get("/v1/models").status_code for each in (first, second)] == [200, 200]
        counted = "requests per day 6 of 6"
        assert eventually(lambda: counted in speechd_in_process("keys", "list", **variables).stdout, 30)
        time.sleep(FLUSH_SECONDS + REFRESH_SECONDS + 3)  # a request that looks earlier would be counted itself
        assert [each.get("/v1/models").status_code for each in (first, second)] == [429, 429]
        assert speechd_in_process("keys", "revoke", "anna", **variables).returncode == 0
        assert eventually(lambda: all(each.get("/v1/models").status_code == 401 for each in (first, second)), 20)


def test_a_retry_that_lands_elsewhere_joins_and_an_equal_upload_hits(both: Balanced) -> None:
    with call(both, 0) as first, call(both, 1) as second, ThreadPoolExecutor(2) as pool:
        begun = pool.submit(transcribe, first, THREE_MINUTES)
        time.sleep(1)  # the second one comes while the first works; else it would find the result
        retried = pool.submit(transcribe, second, THREE_MINUTES).result()
        assert begun.result().headers["x-speechd-cache"] == "miss"
        assert retried.headers["x-speechd-cache"] == "joined"
        assert retried.json()["text"] == begun.result().json()["text"]
        sound = unique(recordings()[0], 1)
        made = transcribe(second, sound)
        assert made.headers["x-speechd-cache"] == "miss"
        found = transcribe(first, sound, response_format="srt")
        assert found.headers["x-speechd-cache"] in ("joined", "hit")  # it may still be on its way to the database
        assert made.json()["text"] in found.text
        assert transcribe(first, sound).headers["x-speechd-cache"] == "hit"
        assert transcribe(first, sound, language="en").headers["x-speechd-cache"] == "miss"


def test_a_stream_that_joins_elsewhere_has_all_segments(both: Balanced) -> None:
    sound = unique(recordings()[1], 2)
    with call(both, 0) as first, call(both, 1) as second:
        here = transcribe(first, sound, stream="true", response_format="json")
        there = transcribe(second, sound, stream="true", response_format="json")
        assert here.text.count("transcript.text.delta") == there.text.count("transcript.text.delta") > 0
        assert there.headers["x-speechd-cache"] in ("joined", "hit")


def test_a_load_at_one_is_seen_and_done_at_both(both: Balanced) -> None:
    with call(both, 0) as first, call(both, 1) as second:
        assert first.post("/v1/models/whisper-pocket/load").status_code == 200
        assert places(second, "whisper-pocket"), "the other one tells of it at once"
        assert eventually(
            lambda: len(places(first, "whisper-pocket")) == len(places(second, "whisper-pocket")) == 2, 60
        )
        listed = speechd_in_process("models", "ps", SPEECHD_URL=both.url(1), SPEECHD_API_KEY=OWN).stdout
        assert all(name in listed for name in places(first, "whisper-pocket"))
        assert second.post("/v1/models/whisper-pocket/unload").status_code == 200
        assert eventually(lambda: not places(first, "whisper-pocket") and not places(second, "whisper-pocket"), 60)


def test_a_pull_at_one_is_seen_and_done_at_both(both: Balanced) -> None:
    with call(both, 0) as first, call(both, 1) as second:
        assert first.post("/v1/models/org/tuned").status_code == 202
        seen = second.get("/v1/models/org/tuned").json()["speechd"]["pull"]
        assert seen["state"] == "pulling"
        for each in (first, second):
            assert eventually(lambda each=each: each.get("/v1/models/org/tuned").json()["active"], 120)
            assert transcribe(each, unique(recordings()[2], 3), model="org/tuned").status_code == 200
        assert second.delete("/v1/models/org/tuned").status_code == 200
        assert eventually(lambda: first.get("/v1/models/org/tuned").status_code == 404, 30)


def places(client: httpx2.Client, model: str) -> list[str]:
    """The servers that have a model in memory, as one of them says."""
    models = {each["id"]: each["speechd"]["loaded"] for each in client.get("/v1/models?loaded=true").json()["data"]}
    found = models.get(model)
    return [] if found is None else found["servers"] or ["this one"]


def test_client_secrets_of_one_open_sockets_of_the_other(both: Balanced) -> None:
    with call(both, 0) as first:
        made = first.post("/v1/realtime/client_secrets", json={"session": {"type": "transcription"}})
        assert made.status_code == 200, made.text
        address = both.url(1).replace("http", "ws") + "/v1/realtime?intent=transcription"
        headers = {"authorization": f"Bearer {made.json()['value']}"}
        with connect(address, additional_headers=headers, open_timeout=60) as socket:
            assert '"session.created"' in str(socket.recv(timeout=60))


def test_events_come_through_nginx_while_they_are_made(both: Balanced) -> None:
    asked = {"model": "whisper-pocket", "stream": "true", "prompt": "events"}
    files = {"file": ("a.opus", THREE_MINUTES)}
    with both.front.stream("POST", TRANSCRIPTIONS, headers=BEARER, data=asked, files=files) as reply:
        lines = reply.iter_lines()
        assert any("transcript.text.delta" in line for line in lines)
        with call(both, 0) as first:
            models = first.get("/v1/models?loaded=true").json()["data"]
        assert any(model["speechd"]["loaded"]["users"] for model in models), "the rest is still being transcribed"
        assert any("transcript.text.done" in line for line in lines)


def test_sockets_go_through_nginx(both: Balanced) -> None:
    address = str(both.front.base_url).replace("http", "ws", 1).rstrip("/") + "/v1/realtime?intent=transcription"
    with connect(address, additional_headers=BEARER, open_timeout=60) as socket:
        assert '"session.created"' in str(socket.recv(timeout=60))


@pytest.mark.parametrize(("size", "status"), [(100_000_000, 400), (100_000_001, 413)])
def test_bodies_as_large_as_speechd_takes_go_through_nginx(both: Balanced, size: int, status: int) -> None:
    files = {"file": ("a.wav", bytes(size))}
    reply = both.front.post(TRANSCRIPTIONS, headers=BEARER, data={"model": "whisper-pocket"}, files=files)
    assert reply.status_code == status
    assert reply.json()["error"]["type"] == "invalid_request_error", "speechd says so, not nginx"


def test_nothing_is_lost_when_a_server_dies_under_load(database: str, tmp_path: Path) -> None:
    """A shorter run of tests/bench/balanced_death.py."""
    tmp_path.chmod(0o755)
    variables = {"SPEECHD_ALLOW_ANONYMOUS": "true"}
    with serving_postgres() as own, balanced(tmp_path, own, **variables) as (servers, client):
        clients = Clients.of(client, servers.url(0))

        def kill_and_start() -> None:
            assert eventually(lambda: clients.outcome.answered > 40, 120)
            servers.kill(0)
            before = clients.outcome.answered
            assert eventually(lambda: clients.outcome.answered > before + 20, 120), str(clients.outcome)
            servers.start(0)
            assert eventually(lambda: is_ready(servers.url(0)), 60)

        outcome = clients.run(10, 16, kill_and_start)
        print(outcome)
        clients.read_logs(servers.logs)
        assert (outcome.errors, outcome.wrong, outcome.doubled) == ([], [], []), str(outcome)
        assert outcome.caches["joined"] + outcome.caches["hit"] > 0
        assert outcome.logged > 0.9 * outcome.caches["miss"], "the logs tell of the requests"


def test_a_database_that_is_away_stops_only_what_needs_it(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with ExitStack() as stack:
        running = stack.enter_context(ExitStack())
        own = running.enter_context(serving_postgres())
        servers, client = stack.enter_context(balanced(tmp_path, own, SPEECHD_API_KEY=OWN))
        client.headers["authorization"] = f"Bearer {OWN}"
        sounds = recordings()
        assert transcribe(client, unique(sounds[0], 1)).status_code == 200
        running.close()  # the database is gone
        assert [transcribe(client, unique(sound, 2)).status_code for sound in sounds[:4]] == [200] * 4
        body = {"model": "auto", "voice": "auto", "input": "Hello.", "captions": "srt", "response_format": "wav"}
        with call(servers, 0) as first, call(servers, 1) as second:
            path = first.post("/v1/audio/speech", json=body).headers["x-speechd-captions"]
            assert first.get(path).status_code == 200
            for refused in (second.get(path), first.post("/v1/models/whisper-pocket/load")):
                assert (refused.status_code, refused.json()["error"]["code"]) == (503, "storage_unavailable")
                assert int(refused.headers["retry-after"]) > 0
            listed = first.get("/v1/models?loaded=true")
            assert listed.headers["x-speechd-warning"] == "other-servers-unknown"
            assert any(model["id"] == "whisper-pocket" for model in listed.json()["data"])
            wrong = httpx2.get(f"{servers.url(0)}/v1/models", headers={"authorization": "Bearer sk-wrong"}, timeout=60)
            assert wrong.status_code == 401


@pytest.mark.extra
@pytest.mark.parametrize("suite", ["test_transcription.py", "test_speech.py"])
def test_the_suites_of_the_sdks_pass_behind_the_balancer(database: str, tmp_path: Path, suite: str) -> None:
    tmp_path.chmod(0o755)
    with balanced(tmp_path, database, SPEECHD_ALLOW_ANONYMOUS="true") as (_, client):
        environment = os.environ | {"TEST_SERVER": str(client.base_url).rstrip("/")}
        command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-x", f"tests/integration/{suite}"]
        ended = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=1800, check=False
        )
    assert ended.returncode == 0, ended.stdout[-4000:]
    assert " passed" in ended.stdout
