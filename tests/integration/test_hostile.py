"""Broken and hostile input to the real server: the documented envelope, and a server that lives on."""

import asyncio
import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.conftest import FIXTURES, Fixture, fixtures
from tests.integration.conftest import server_pid, serving
from tests.unit.net.test_fetch import FORBIDDEN

BROKEN = json.loads((FIXTURES / "broken" / "manifest.json").read_text())
TRANSCRIPTIONS = "/v1/audio/transcriptions"


@pytest.fixture(scope="module")
def client(server: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=server, timeout=60) as client:
        yield client


def posted(client: httpx2.Client, audio: bytes, name: str = "audio.wav", **fields: Any) -> httpx2.Response:
    return client.post(TRANSCRIPTIONS, files={"file": (name, audio)}, data={"model": "whisper-pocket"} | fields)


def assert_envelope(reply: httpx2.Response, status: int) -> dict[str, Any]:
    assert reply.status_code == status, reply.text
    assert reply.headers["x-request-id"].startswith("req_")
    assert set(reply.json()) == {"error"}
    error: dict[str, Any] = reply.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"]
    return error


@pytest.mark.parametrize("row", BROKEN, ids=lambda row: row["file"])
def test_broken_files(client: httpx2.Client, row: dict[str, str]) -> None:
    reply = posted(client, (FIXTURES / "broken" / row["file"]).read_bytes(), row["file"])
    if row["expect"] == "error":
        error = assert_envelope(reply, 400)
        assert error["param"] == "file"
        assert error["code"] in ("invalid_audio", "unsupported_audio_format")
    else:
        assert reply.status_code == 200, reply.text
        assert ("truncated-audio" in reply.headers.get("x-speechd-warning", "")) == (row["expect"] == "truncated")


def test_the_server_still_answers_after_all_that(client: httpx2.Client, english: Fixture) -> None:
    assert client.get("/healthz").status_code == 200
    assert posted(client, english.path.read_bytes()).json()["text"]


@pytest.mark.parametrize("url", [url for url in FORBIDDEN if ".example" not in url])  # names need a resolver of ours
def test_no_forbidden_url_is_fetched(client: httpx2.Client, url: str) -> None:
    reply = client.post(TRANSCRIPTIONS, data={"model": "whisper-pocket", "url": url})
    assert reply.status_code in (400, 403), reply.text
    assert assert_envelope(reply, reply.status_code)["param"] == "url"


def temporary_files(pid: int, scratch: Path) -> list[str]:
    """What a process has open in its folder for temporary files, and deleted ones anywhere; its database is neither."""
    links = []
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            links.append(str(descriptor.readlink()))
    return [link for link in links if link.startswith(f"{scratch}/") or "(deleted)" in link]


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks into /proc")
async def test_clients_that_leave_cost_nothing(tmp_path: Path) -> None:
    """Half an upload, and leaving while the work is done: the work stops, no temporary file stays."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    recording = next(f for f in fixtures("long") if f.duration > 100).path.read_bytes()
    with serving(tmp_path / "data", TMPDIR=str(scratch), SPEECHD_DISCONNECT_GRACE="0") as url:
        await asyncio.gather(*(leave_early(url, recording, share) for share in (0.3, 0.9, 1.0, 1.0, 1.0, 0.5)))
        async with httpx2.AsyncClient(base_url=url, timeout=30) as client:
            short = fixtures()[0]
            reply = await client.post(
                TRANSCRIPTIONS, files={"file": short.path.read_bytes()}, data={"model": "whisper-pocket"}
            )
            assert reply.status_code == 200
            for _ in range(50):
                if not temporary_files(server_pid(url), scratch):
                    break
                await asyncio.sleep(0.1)
            assert temporary_files(server_pid(url), scratch) == []
        assert list(scratch.iterdir()) == []


async def leave_early(url: str, recording: bytes, share: float) -> None:
    """Sends the first part of an upload of several megabytes, or all of it, and hangs up."""
    host, _, port = url.removeprefix("http://").partition(":")
    body = (
        b'--x\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-pocket\r\n'
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.opus"\r\n\r\n'
        + recording
        + b"\0" * 3_000_000
        + b"\r\n--x--\r\n"
    )
    head = (
        f"POST {TRANSCRIPTIONS} HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: {len(body)}\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\n\r\n"
    )
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(head.encode() + body[: int(len(body) * share)])
    await writer.drain()
    await asyncio.sleep(0.3)
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


async def test_health_answers_while_a_long_recording_is_transcribed(server: str) -> None:
    recording = (
        next(f for f in fixtures("long") if f.duration > 100).path.read_bytes() + b"health"
    )  # asked for by no other test
    async with httpx2.AsyncClient(base_url=server, timeout=120) as client:
        work = asyncio.create_task(
            client.post(TRANSCRIPTIONS, files={"file": recording}, data={"model": "whisper-pocket"})
        )
        answers = 0
        while not work.done():
            assert (await client.get("/healthz")).status_code == 200
            answers += 1
            await asyncio.sleep(0.02)
        assert (await work).status_code == 200
    assert answers > 5, "the event loop stood still while the engine worked"


def test_recordings_over_the_limits_are_refused(tmp_path: Path) -> None:
    long = next(f for f in fixtures("long") if f.duration > 100).path.read_bytes()
    limits = {"SPEECHD_MAX_UPLOAD_BYTES": "600000", "SPEECHD_MAX_AUDIO_SECONDS": "60"}
    with serving(tmp_path, **limits) as url, httpx2.Client(base_url=url, timeout=30) as client:
        assert "bytes" in assert_envelope(posted(client, b"\0" * 5_000_000), 413)["message"]
        assert "60 seconds" in assert_envelope(posted(client, long), 413)["message"]


def test_one_key_guards_everything_but_health(tmp_path: Path, english: Fixture) -> None:
    with serving(tmp_path, SPEECHD_API_KEY="sk-secret") as url, httpx2.Client(base_url=url, timeout=30) as client:
        assert client.get("/healthz").status_code == 200
        assert_envelope(client.get("/v1/models"), 401)
        wrong = client.get("/v1/models", headers={"authorization": "Bearer sk-wrong"})
        assert assert_envelope(wrong, 401)["code"] == "invalid_api_key"
        client.headers["authorization"] = "Bearer sk-secret"
        assert posted(client, english.path.read_bytes()).status_code == 200


def test_a_model_that_is_not_installed_says_so(client: httpx2.Client, english: Fixture) -> None:
    reply = posted(client, english.path.read_bytes(), model="whisper-small")
    assert assert_envelope(reply, 503)["code"] == "model_not_installed"
    assert reply.headers["x-should-retry"] == "false"
    assert_envelope(posted(client, english.path.read_bytes(), model="no-such-model"), 404)
