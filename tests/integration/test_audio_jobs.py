"""Audio that is answered later: real recordings, real processes, real receivers of webhooks on loopback."""

import base64
import hashlib
import hmac
import io
import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
import soundfile

from tests.conftest import FIXTURES, Fixture, fixtures
from tests.integration.conftest import LISTENS, serving, started
from tests.support.wer import word_errors

LATER = {"prefer": "respond-async"}
SECRET = "whsec_" + base64.b64encode(b"known to the two of us, only").decode()
ALLOWED = {"SPEECHD_FETCH_ALLOW_HOSTS": "127.0.0.1", "SPEECHD_RESULT_CACHE_SECONDS": "0"}
ENDED = ("completed", "failed", "cancelled", "expired")
(LONG,) = (fixture for fixture in fixtures("long") if fixture.path.name == "three_minutes.opus")

Job = dict[str, Any]


@dataclass
class Receiver:
    """What a webhook's receiver was sent; it answers with the statuses given, then with 204."""

    statuses: list[int] = field(default_factory=list)
    url: str = ""
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    here: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def wait(self) -> tuple[dict[str, str], bytes]:
        """The next message."""
        assert self.here.acquire(timeout=240)
        return self.got[-1]


@contextmanager
def receiving(*statuses: int) -> Iterator[Receiver]:
    receiver = Receiver(list(statuses))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            receiver.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
            status = receiver.statuses.pop(0) if receiver.statuses else 204
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("location", f"{receiver.url}/elsewhere")
            self.send_header("content-length", "0")
            self.end_headers()
            receiver.here.release()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield receiver
        server.shutdown()


def ordered(url: str, recording: Fixture = LONG, **fields: str) -> str:
    """The address of a job."""
    form = {"model": "whisper-pocket", "language": "en"} | fields
    with recording.path.open("rb") as file:
        reply = httpx2.post(
            f"{url}/v1/audio/transcriptions", data=form, files={"file": file}, headers=LATER, timeout=120
        )
    assert reply.status_code == 202, reply.text
    return url + reply.headers["location"]


def waited(job: str, until: Callable[[Job], bool] = lambda job: job["status"] in ENDED) -> Job:
    """The job, once it is as wished; a slow machine only takes longer."""
    for _ in range(4000):
        found: Job = httpx2.get(job, timeout=60).json()
        if until(found):
            return found
        assert found["status"] not in ENDED, found
        time.sleep(0.05)
    raise AssertionError(found)


def delivered(job: str) -> Job:
    """The job, once its webhook was accepted: that is written after the job's end."""
    for _ in range(4000):
        found: Job = httpx2.get(job, timeout=60).json()
        if found["webhook"]["status"] == "delivered":
            return found
        time.sleep(0.05)
    raise AssertionError(found)


def test_progress_and_the_same_result_as_for_who_waits(server: str) -> None:
    job = ordered(server, response_format="verbose_json")
    under_way = waited(job, lambda job: bool(job["segments"]))
    progress = under_way["progress"]
    assert (progress["unit"], round(progress["total"])) == ("seconds", round(LONG.duration))
    assert 0 < progress["ratio"] < 1
    assert under_way["segments"][-1]["end"] <= progress["done"] + 0.01
    done = waited(job)
    final = [(segment["id"], segment["text"]) for segment in done["result"]["segments"]]
    assert [(segment["id"], segment["text"]) for segment in under_way["segments"]] == final[
        : len(under_way["segments"])
    ]
    assert done["status"] == "completed"
    assert done["progress"]["ratio"] == 1
    with LONG.path.open("rb") as file:
        form = {"model": "whisper-pocket", "language": "en", "response_format": "verbose_json"}
        now = httpx2.post(f"{server}/v1/audio/transcriptions", data=form, files={"file": file}, timeout=240)
    assert httpx2.get(f"{job}/result").json() == done["result"] == now.json()


def test_the_openai_sdk_asks_for_it(server: str, english: Fixture) -> None:
    with openai.OpenAI(api_key="unused", base_url=f"{server}/v1") as client, english.path.open("rb") as file:
        accepted = client.audio.transcriptions.with_raw_response.create(
            model="whisper-pocket", file=file, extra_headers={"Prefer": "respond-async"}
        )
        assert accepted.http_response.status_code == 202
        done = waited(server + accepted.headers["location"])
    assert word_errors(english.text, done["result"]["text"])[0] == 0


def test_cancelling_stops_the_work(server: str) -> None:
    job = ordered(server, temperature="0.1")
    waited(job, lambda job: job["status"] == "running")
    for _ in range(2):
        reply = httpx2.post(f"{job}/cancel")
        assert (reply.status_code, reply.json()["status"]) == (200, "cancelled")
    small = waited(ordered(server, fixtures("clean")[0]))  # the queue goes on
    assert small["status"] == "completed"
    assert waited(job)["result"] is None


@pytest.mark.slow
def test_a_killed_server_starts_over_and_tells_once(tmp_path: Path) -> None:
    with receiving() as receiver:
        hook = {"webhook_url": f"{receiver.url}/done", "webhook_secret": SECRET}
        with started(tmp_path, "serve", LISTENS, **ALLOWED) as server:
            job = ordered(server.found, **hook)
            path = job.removeprefix(server.found)
            waited(job, lambda job: job["progress"]["done"] > 10)
            server.process.send_signal(signal.SIGKILL)
            server.process.wait()
        with serving(tmp_path, **ALLOWED) as url:
            done = waited(url + path)
            headers, body = receiver.wait()
            told = delivered(url + path)
            assert (done["status"], told["webhook"]["attempts"], len(receiver.got)) == ("completed", 1, 1)
            assert json.loads(body)["result"] == done["result"]
            errors, words = word_errors(LONG.text, done["result"]["text"])
            assert errors <= words / 4
            listed = httpx2.get(f"{url}/v1/audio/jobs").json()["data"]
            assert [each["id"] for each in listed] == [done["id"]]
    assert headers["webhook-id"].startswith("msg_")


@pytest.mark.slow
def test_workers_of_their_own_and_one_that_dies(tmp_path: Path) -> None:
    """The server only takes orders."""
    variables = ALLOWED | {"SPEECHD_WORKER": "false"}
    with (
        serving(tmp_path, **variables) as url,
        started(tmp_path, "worker", "worker processes batches", **variables) as first,
    ):
        job, other = ordered(url), ordered(url)
        waited(job, lambda job: job["progress"]["done"] > 10)
        httpx2.post(f"{other}/cancel")
        with started(tmp_path, "worker", "worker processes batches", **variables) as second:
            first.process.send_signal(signal.SIGKILL)
            first.process.wait()
            done = waited(job)
            assert (done["status"], done["progress"]["ratio"]) == ("completed", 1)
            assert waited(other)["status"] == "cancelled"
            assert "Traceback" not in "".join(second.log)


@pytest.mark.parametrize("secret", ["the request's", "the server's"])
@pytest.mark.slow
def test_a_webhook_is_sent_until_it_is_accepted(tmp_path: Path, english: Fixture, secret: str) -> None:
    own = {"SPEECHD_WEBHOOK_SECRET": SECRET} if secret == "the server's" else {}
    with receiving(500, 302) as receiver, serving(tmp_path, **ALLOWED, **own) as url:
        fields = {"webhook_url": f"{receiver.url}/hook?token=1"} | ({} if own else {"webhook_secret": SECRET})
        job = ordered(url, english, **fields)
        messages = [receiver.wait() for _ in range(3)]
        state = delivered(job)["webhook"]
    assert (state["attempts"], state["last_status"], state["url"]) == (3, 204, f"{receiver.url}/hook")
    assert len({headers["webhook-id"] for headers, _ in messages}) == 1
    assert len({body for _, body in messages}) == 1
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    with openai.OpenAI(api_key="unused", webhook_secret=SECRET) as client:
        for headers, body in messages:
            signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
            by_hand = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
            assert headers["webhook-signature"] == f"v1,{by_hand}"
            client.webhooks.verify_signature(body, headers)
        event: Any = client.webhooks.unwrap(messages[-1][1], messages[-1][0])
    assert (event.object, event.status) == ("audio.job", "completed")
    assert word_errors(english.text, event.result["text"])[0] == 0


@pytest.mark.slow
def test_webhooks_survive_a_restart(tmp_path: Path, english: Fixture) -> None:
    with receiving(500) as receiver:
        with started(tmp_path, "serve", LISTENS, **ALLOWED) as server:
            job = ordered(server.found, english, webhook_url=receiver.url, webhook_secret=SECRET)
            path = job.removeprefix(server.found)
            receiver.wait()
            server.process.send_signal(signal.SIGKILL)
            server.process.wait()
        with serving(tmp_path, **ALLOWED) as url:
            receiver.wait()
            told = delivered(url + path)
    assert told["webhook"]["last_status"] == 204
    assert SECRET not in "".join(server.log)


def test_loopback_is_refused_unless_it_is_allowed(server: str, english: Fixture) -> None:
    with receiving() as receiver, english.path.open("rb") as file:
        form = {"model": "whisper-pocket", "webhook_url": receiver.url, "webhook_secret": SECRET}
        refused = httpx2.post(f"{server}/v1/audio/translations", data=form, files={"file": file}, headers=LATER)
        assert (refused.status_code, refused.json()["error"]["param"]) == (403, "webhook_url")
        assert receiver.got == []


def test_speech_later(server: str) -> None:
    pytest.importorskip("piper")
    body = {"model": "auto", "input": "It is 9:05. " * 30, "response_format": "mp3"}
    accepted = httpx2.post(f"{server}/openai/v1/audio/speech", json=body, headers=LATER)
    done = waited(server + accepted.headers["location"])
    result = httpx2.get(server + done["result_url"])
    assert result.headers["content-type"] == "audio/mpeg"
    assert result.headers["x-speechd-voice"] == done["result"]["voice"]
    sound = soundfile.info(io.BytesIO(result.content))
    assert (sound.samplerate, len(result.content)) == (48_000, done["result"]["bytes"])
    assert sound.duration == pytest.approx(done["result"]["duration"], abs=0.1)
    assert httpx2.get(f"{server}/v1/files/{done['result']['id']}/content").content == result.content


@pytest.mark.slow
def test_what_is_no_recording_is_refused_at_once(server: str) -> None:
    for broken in sorted((FIXTURES / "broken").iterdir()):
        with broken.open("rb") as file:
            parts = {"data": {"model": "whisper-pocket"}, "files": {"file": file}}
            later: Any = httpx2.post(f"{server}/v1/audio/transcriptions", **parts, headers=LATER, timeout=60)  # type: ignore[arg-type]
        with broken.open("rb") as file:
            parts = {"data": {"model": "whisper-pocket"}, "files": {"file": file}}
            now = httpx2.post(f"{server}/v1/audio/transcriptions", **parts, timeout=60)  # type: ignore[arg-type]
        if later.status_code == 202:  # what only decoding shows
            done = waited(server + later.headers["location"])
            assert done["status"] == ("completed" if now.is_success else "failed"), broken.name
            later = httpx2.get(f"{server}{later.headers['location']}/result")
        assert later.status_code == now.status_code, broken.name
        if now.is_error:
            assert later.json() == now.json(), broken.name
