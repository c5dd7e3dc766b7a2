"""What the page needs of the API, on real recordings and real processes: events, recordings, formats, samples."""

import json
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx2
import pytest
import soundfile

from tests.conftest import FIXTURES
from tests.integration.conftest import LISTENS, serving, started
from tests.integration.test_audio_jobs import ALLOWED, LONG, ordered, waited

PAUSES = FIXTURES / "long" / "pauses_25s.flac"
CALL = FIXTURES / "channels" / "call.opus"


@dataclass(frozen=True)
class Event:
    name: str
    id: str
    data: dict[str, Any]


def following(job: str, last_event_id: str = "") -> Iterator[Event]:
    """The events of a job, each when it comes."""
    headers = {"last-event-id": last_event_id} if last_event_id else {}
    with httpx2.stream("GET", f"{job}/events", headers=headers, timeout=240) as reply:
        assert reply.headers["content-type"].startswith("text/event-stream")
        fields: dict[str, str] = {}
        for line in reply.iter_lines():
            name, _, value = line.partition(": ")
            if line:
                fields[name] = value
            elif "event" in fields:
                yield Event(fields["event"], fields["id"], json.loads(fields["data"]))
                fields = {}


def segments_of(events: list[Event]) -> list[tuple[int, str]]:
    return [(each.data["id"], each.data["text"]) for each in events if each.name == "transcript.text.segment"]


@pytest.mark.slow
def test_a_job_of_another_process_is_followed_over_a_cut(tmp_path: Path) -> None:
    """The stream is cut when the first segments are there, and goes on where it was cut."""
    variables = ALLOWED | {"SPEECHD_WORKER": "false"}
    with (
        serving(tmp_path, **variables) as url,
        started(tmp_path, "worker", "worker processes batches", **variables),
    ):
        job = ordered(url, response_format="verbose_json")
        before: list[Event] = []
        for event in following(job):
            before.append(event)
            if len(segments_of(before)) >= 2:
                break
        assert before[0].name == "audio.job.updated"
        assert waited(job, lambda job: job["status"] == "running")["progress"]["seconds_left"] > 0
        after = list(following(job, before[-1].id))
        assert [event.name for event in after if event.name != "transcript.text.segment"][-1] == "audio.job.completed"
        result = after[-1].data["result"]
        told = segments_of(before) + segments_of(after)
        assert told == [(each["id"], each["text"]) for each in result["segments"]]
        assert after[-1].data == httpx2.get(job).json()


@pytest.mark.slow
def test_a_server_leaves_although_a_job_is_followed(tmp_path: Path) -> None:
    with started(tmp_path, "serve", LISTENS, SPEECHD_WORKER="false", SPEECHD_SHUTDOWN_SECONDS="120") as server:
        events = following(ordered(server.found))
        assert next(events).data["status"] == "queued"
        server.process.send_signal(signal.SIGTERM)
        assert list(events) == []
        server.process.wait(timeout=30)


def test_the_recording_is_played_from_any_place(server: str, tmp_path: Path) -> None:
    job = ordered(server)
    content = LONG.path.read_bytes()
    whole = httpx2.get(f"{job}/input")
    assert (whole.content, whole.headers["content-type"]) == (content, "audio/ogg")
    part = httpx2.get(f"{job}/input", headers={"range": "bytes=1000-1999"})
    assert (part.status_code, part.content) == (206, content[1000:2000])
    rest = httpx2.get(
        f"{job}/input", headers={"range": f"bytes={len(content) - 10}-", "if-range": part.headers["etag"]}
    )
    assert rest.content == content[-10:]
    httpx2.delete(job)
    assert httpx2.get(f"{job}/input").status_code == 404


@pytest.mark.parametrize("recording", [PAUSES, CALL], ids=lambda path: path.stem)
def test_unedited_text_is_exported_as_the_server_writes_it(server: str, recording: Path) -> None:
    """To the byte, in every format and layout. Layouts need word times, which change the times of segments a little."""
    split = {"channels": "split"} if recording is CALL else {}
    words = {"timestamp_granularities[]": ["word", "segment"]}
    plain, timed = (asked(server, recording, response_format="verbose_json", **split, **more) for more in ({}, words))
    layouts: list[tuple[httpx2.Response, dict[str, Any]]] = [
        *((plain, {"response_format": name}) for name in ("json", "text", "srt", "vtt", "tsv", "lrc")),
        *((plain, {"response_format": name}) for name in (("minutes", "diarized_json") if split else ())),
        (timed, {"response_format": "srt", "max_line_width": 24, "max_lines": 1, "min_gap": 0.1}),
        (timed, {"response_format": "srt", "max_cue_seconds": 1.5}),
        (timed, {"response_format": "vtt", "max_line_width": 32, "karaoke": True}),
    ]
    for verbose, layout in layouts:
        form = {name: str(value).lower() if value is True else value for name, value in layout.items()}
        expected = asked(server, recording, **form, **split)
        body = {"transcript": verbose.json(), **layout}
        reply = httpx2.post(f"{server}/openai/v1/audio/transcriptions/format", json=body, timeout=60)
        mine, its = (each.headers["x-request-id"].encode() for each in (reply, expected))
        assert reply.content.replace(mine, its) == expected.content, layout
        assert reply.headers["content-type"] == expected.headers["content-type"]


def asked(server: str, recording: Path, **form: Any) -> httpx2.Response:
    with recording.open("rb") as file:
        data = {"model": "whisper-pocket", "language": "en"} | form
        reply = httpx2.post(f"{server}/openai/v1/audio/transcriptions", data=data, files={"file": file}, timeout=240)
    assert reply.status_code == 200, reply.text
    return reply


def test_every_voice_can_be_heard(server: str) -> None:
    voices = httpx2.get(f"{server}/v1/audio/voices").json()["data"]
    assert voices
    for voice in voices:
        reply = httpx2.get(server + voice["sample_url"], timeout=120)
        assert (reply.status_code, reply.headers["content-type"]) == (200, "audio/mpeg"), reply.text
        assert soundfile.info(BytesIO(reply.content)).duration > 1


def test_the_state_of_a_real_server(server: str) -> None:
    state = httpx2.get(f"{server}/v1/admin/status", timeout=60).json()
    assert state["ready"]
    assert not [check for check in state["checks"] if check["status"] == "problem"]
    settings = {row["name"]: row for row in httpx2.get(f"{server}/v1/admin/settings").json()["data"]}
    assert settings["data_dir"]["source"] == "SPEECHD_DATA_DIR"
    assert httpx2.get(f"{server}/v1/admin/me").json()["scopes"][-1] == "admin"
