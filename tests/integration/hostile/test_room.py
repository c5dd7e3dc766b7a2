"""Much out of little: hours of silence from a few kilobytes, and what they may take on the disk."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from tests.integration.conftest import serving
from tests.integration.hostile.conftest import PATIENCE, probing

HOURS = "<speak>Hello." + '<break time="10s"/>' * 9_990 + "</speak>"
"""27 hours and three quarters, in 190 kB."""
QUOTA = 5_000_000


@contextmanager
def watching(folder: Path) -> Iterator[list[int]]:
    """The bytes in a folder, again and again."""
    sizes: list[int] = []
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            sizes.append(sum(_size(path) for path in folder.rglob("*")))
            over.wait(0.02)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield sizes
    finally:
        over.set()
        thread.join()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:
        return 0


def test_hours_of_breaks_are_refused_before_anything_is_spoken(server: str) -> None:
    body = {"model": "auto", "input": HOURS, "response_format": "wav"}
    with probing(server) as waits, httpx2.stream("POST", f"{server}/v1/audio/speech", json=body, timeout=30) as reply:
        assert reply.status_code == 413
        error = json.loads(reply.read())["error"]
    assert (error["code"], error["param"]) == ("speech_too_long", "input")
    assert max(waits) < PATIENCE


def test_speech_that_becomes_too_long_ends_with_the_error(tmp_path: Path) -> None:
    text = "One, two, three, four, five, six, seven. " * 20
    body = {"model": "auto", "input": text, "response_format": "pcm", "stream_format": "sse"}
    with serving(tmp_path, SPEECHD_MAX_SPEECH_SECONDS="8") as url:
        reply = httpx2.post(f"{url}/v1/audio/speech", json=body, timeout=60)
        short = httpx2.post(f"{url}/v1/audio/speech", json=body | {"input": "One, two."}, timeout=60)
    events = [json.loads(line.removeprefix("data: ")) for line in reply.text.splitlines() if line.startswith("data: {")]
    assert events[0]["type"] == "speech.audio.delta"
    assert events[-1]["error"]["code"] == "speech_too_long"
    assert "speech.audio.done" in short.text


def test_a_job_takes_no_more_than_the_quota_while_it_is_made(tmp_path: Path) -> None:
    hour = "<speak>Hello." + '<break time="10s"/>' * 360 + "</speak>"
    body = {"model": "auto", "input": hour, "response_format": "wav", "sample_rate": 48_000}
    with (
        serving(tmp_path, SPEECHD_FILES_QUOTA_BYTES=str(QUOTA)) as url,
        watching(tmp_path / "files") as sizes,
    ):
        asked = httpx2.post(f"{url}/v1/audio/speech", json=body, headers={"prefer": "respond-async"}, timeout=30)
        assert asked.status_code == 202
        for _ in range(600):
            if max(sizes, default=0) > 0 and sizes[-1] == 0:  # it was given up
                break
            time.sleep(0.05)
    assert max(sizes) > 0, "it was being made"
    assert max(sizes) <= QUOTA


def test_an_upload_over_the_quota_is_refused_while_it_arrives(tmp_path: Path) -> None:
    with serving(tmp_path, SPEECHD_FILES_QUOTA_BYTES=str(QUOTA)) as url, watching(tmp_path / "files") as sizes:
        file = {"file": ("a.jsonl", bytes(6 * QUOTA))}
        reply = httpx2.post(f"{url}/v1/files", files=file, data={"purpose": "batch"}, timeout=30)
    assert (reply.status_code, reply.json()["error"]["code"]) == (413, "quota_exceeded")
    assert max(sizes) <= QUOTA


def test_a_floor_of_free_space(tmp_path: Path) -> None:
    with serving(tmp_path, SPEECHD_MIN_FREE_BYTES=str(10**18)) as url:
        file = {"file": ("a.jsonl", b"{}")}
        reply = httpx2.post(f"{url}/v1/files", files=file, data={"purpose": "batch"}, timeout=30)
    assert (reply.status_code, reply.json()["error"]["code"]) == (503, "storage_full")
    assert int(reply.headers["retry-after"]) >= 1
