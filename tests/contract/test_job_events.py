"""GET audio/jobs/{id}/events and /input: a job is followed over any interruption, and its recording is played back."""

import asyncio
import io
import json
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr

from speechd.api.responses import job_events
from speechd.auth.keys import KeyFile, KeyLimits
from speechd.errors import InvalidAudio
from speechd.schemas.audio_jobs import AudioJobObject
from speechd.store.audio_jobs.records import NewSegments, Progress
from speechd.store.queue import Queue, QueuedTask
from speechd.store.store import Store
from tests.contract.conftest import House, Opener
from tests.contract.test_error_shape import assert_envelope
from tests.support.fake_service import SEGMENTS

LATER = {"prefer": "respond-async"}


@pytest.fixture(autouse=True)
def _recordings_of_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stand-in's recordings are words, which last 3.5 s."""

    async def measure(service: object, audio: io.BufferedReader, clip: object) -> float:
        if audio.read() == b"broken":
            raise InvalidAudio(param="file")
        return 3.5

    monkeypatch.setattr("speechd.api.async_requests.measure", measure)
    monkeypatch.setattr("speechd.worker.audio_job.measure", measure)
    monkeypatch.setattr(job_events, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(job_events, "WAITING_SECONDS", 0.02)


@dataclass(frozen=True)
class Event:
    name: str
    id: str
    data: dict[str, Any]


def event_of(text: str) -> Event:
    fields = dict(line.split(": ", 1) for line in text.splitlines())
    return Event(fields["event"], fields["id"], json.loads(fields["data"]))


async def ordered(client: httpx2.AsyncClient, audio: bytes = b"speech", **headers: str) -> str:
    files = {"file": ("a b.wav", audio, "audio/wav")}
    path, body = "/v1/audio/transcriptions", {"model": "stand-in"}
    reply = await client.post(path, files=files, data=body, headers=LATER | headers)
    assert reply.status_code == 202, reply.text
    return str(reply.headers["location"])


async def all_events(house: House, path: str, **headers: str) -> list[Event]:
    reply = await house.client.get(f"{path}/events", headers=headers)
    assert (reply.status_code, reply.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    return [event_of(each) for each in reply.text.split("\n\n") if each.startswith("event:")]


@pytest.mark.parametrize("prefix", ["/v1", "/openai/v1"])
async def test_a_job_is_followed_from_its_order_to_its_end(open_house: Opener, prefix: str) -> None:
    house = await open_house(worker=True)
    path = (await ordered(house.client)).replace("/v1", prefix, 1)
    events = await all_events(house, path)
    assert events[0].name == "audio.job.updated"
    segments = [event.data for event in events if event.name == "transcript.text.segment"]
    assert [(each["id"], each["text"]) for each in segments] == [(n, s.text) for n, s in enumerate(SEGMENTS)]
    assert [event.name for event in events[-1:]] == ["audio.job.completed"]
    last = AudioJobObject.model_validate(events[-1].data)
    assert (last.status, last.result["text"]) == ("completed", "".join(s.text for s in SEGMENTS).strip())
    assert events[-1].data == (await house.client.get(path)).json()


async def test_another_process_does_the_work(house: House) -> None:
    """What a worker writes down is told at once, each segment once; a new attempt begins anew."""
    path = await ordered(house.client)
    store, job_id = await house.app.state.jobs.open(), path.rpartition("/")[2]
    follower = job_events.JobFollower(store, "", job_id, job_events.EventPosition(), leaves=lambda: False)
    stream = follower.events()
    assert await anext(stream) == job_events.RECONNECT

    async def following() -> list[Event]:
        chunk = (await asyncio.wait_for(anext(stream), 10)).decode()
        return [event_of(each) for each in chunk.strip().split("\n\n")]

    assert [event.data["status"] for event in await following()] == ["queued"]
    queue, line = await at_work(store)
    assert [event.data["status"] for event in await following()] == ["running"]
    await report(store, job_id, 0, ["One.", "Two."])
    updated, *segments = await following()
    assert updated.data["progress"]["ratio"] == pytest.approx(2 / 3.5, abs=1e-3)
    assert updated.data["progress"]["seconds_left"] >= 0
    assert [segment.data["text"] for segment in segments] == ["One.", "Two."]
    await report(store, job_id, 2, ["Three."])
    assert [event.data["id"] for event in await following()] == [job_id, 2]
    await queue.put_back(line)
    assert [event.data["status"] for event in await following()] == ["queued"]
    await at_work(store)
    assert [event.data["status"] for event in await following()] == ["running"]
    await report(store, job_id, 0, ["Uno."])
    assert (await following())[-1].data == {"id": 0, "text": "Uno."}
    await house.client.post(f"{path}/cancel")
    (last,) = await following()
    assert (last.name, last.data["status"]) == ("audio.job.cancelled", "cancelled")
    assert await anext(stream, None) is None


async def test_a_worker_that_lost_the_job_changes_nothing(house: House) -> None:
    path = await ordered(house.client)
    store, job_id = await house.app.state.jobs.open(), path.rpartition("/")[2]
    await at_work(store)
    await report(store, job_id, 0, ["One."])
    await store.audio.report(job_id, Progress(1.0, 3.5, new=NewSegments(1.5, 0, ({"id": 0, "text": "Old."},))))
    await house.client.post(f"{path}/cancel")
    assert [event.data.get("text") for event in await all_events(house, path)] == [None, "One.", None]


async def test_a_stream_goes_on_where_it_was_cut(house: House) -> None:
    path = await ordered(house.client)
    store = await house.app.state.jobs.open()
    await at_work(store)
    await report(store, path.rpartition("/")[2], 0, ["One.", "Two.", "Three."])
    await house.client.post(f"{path}/cancel")
    first = await all_events(house, path)
    assert [event.data.get("text") for event in first] == [None, "One.", "Two.", "Three.", None]
    again = await all_events(house, path, **{"last-event-id": first[2].id})
    assert [event.data.get("text") for event in again] == [None, "Three.", None]
    for strange in ("", "x", "1.0-0", "9" * 90, first[2].id + "0"):
        told = await all_events(house, path, **{"last-event-id": strange})
        assert told[0].name == "audio.job.updated"
        assert told[-1].name == "audio.job.cancelled"


async def test_failures_end_the_stream(open_house: Opener) -> None:
    house = await open_house(worker=True)
    path = await ordered(house.client, b"crash")
    last = (await all_events(house, path))[-1]
    assert (last.name, last.data["error"]["code"]) == ("audio.job.failed", "internal_error")


async def test_a_deleted_job_ends_the_stream_with_the_error(house: House) -> None:
    path = await ordered(house.client)
    following = asyncio.create_task(house.client.get(f"{path}/events"))
    await asyncio.sleep(0.2)
    await house.client.delete(path)
    text = (await asyncio.wait_for(following, 10)).text
    assert json.loads(text.strip().rpartition("data: ")[2])["error"]["code"] == "audio_job_not_found"


async def test_streams_end_when_the_server_drains(house: House) -> None:
    path = await ordered(house.client)
    following = asyncio.create_task(house.client.get(f"{path}/events"))
    await asyncio.sleep(0.2)
    house.app.state.draining.begin()
    assert "audio.job.updated" in (await asyncio.wait_for(following, 10)).text


async def test_silence_is_filled_with_comments(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_events, "KEEP_ALIVE_SECONDS", 0.05)
    path = await ordered(house.client)
    following = asyncio.create_task(house.client.get(f"{path}/events"))
    await asyncio.sleep(0.5)
    await house.client.post(f"{path}/cancel")
    assert ": keep-alive\n\n" in (await asyncio.wait_for(following, 10)).text


async def test_streams_are_bounded(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_events, "MAX_STREAMS_PER_CALLER", 1)
    path = await ordered(house.client)
    following = asyncio.create_task(house.client.get(f"{path}/events"))
    await asyncio.sleep(0.2)
    refused = await house.client.get(f"{path}/events")
    assert_envelope(refused, 503, "overloaded")
    assert refused.headers["retry-after"]
    await house.client.post(f"{path}/cancel")
    await asyncio.wait_for(following, 10)
    assert (await house.client.get(f"{path}/events")).status_code == 200


@pytest.mark.parametrize("what", ["events", "input"])
async def test_jobs_of_others_are_not_found(open_house: Opener, tmp_path: Any, what: str) -> None:
    house = await open_house(data_dir=tmp_path, api_key=SecretStr("sk-operator"))
    anna, bert = (
        {"authorization": f"Bearer {KeyFile(house.service.settings.keys_path).add(name, KeyLimits())}"}
        for name in ("anna", "bert")
    )
    path = await ordered(house.client, **anna)
    assert_envelope(await house.client.get(f"{path}/{what}", headers=bert), 404, "audio_job_not_found")
    assert_envelope(await house.client.get(f"{path}/{what}"), 401)
    assert_envelope(await house.client.get(f"/v1/audio/jobs/none/{what}", headers=anna), 404, "audio_job_not_found")


async def test_the_recording_comes_back_as_long_as_the_job_is_there(open_house: Opener) -> None:
    house = await open_house(worker=True)
    path = await ordered(house.client)
    await all_events(house, path)
    job = (await house.client.get(path)).json()
    assert job["input_url"] == f"{path}/input"
    await (await house.app.state.jobs.open()).audio.tend()
    reply = await house.client.get(f"{path}/input")
    assert (reply.status_code, reply.content) == (200, b"speech")
    assert reply.headers["content-type"] == "audio/wav"
    assert reply.headers["content-disposition"] == "inline; filename*=UTF-8''a%20b.wav"
    assert (reply.headers["accept-ranges"], reply.headers["content-length"]) == ("bytes", "6")
    await house.client.delete(path)
    assert_envelope(await house.client.get(f"{path}/input"), 404, "audio_job_not_found")


@pytest.mark.parametrize(
    ("asked", "status", "content", "range_"),
    [
        ("bytes=0-", 206, b"speech", "bytes 0-5/6"),
        ("bytes=1-3", 206, b"pee", "bytes 1-3/6"),
        ("bytes=4-900", 206, b"ch", "bytes 4-5/6"),
        ("bytes=-2", 206, b"ch", "bytes 4-5/6"),
        ("bytes=-900", 206, b"speech", "bytes 0-5/6"),
        ("bytes=0-1,3-4", 200, b"speech", None),
        ("bytes=3-1", 200, b"speech", None),
        ("bytes=-", 200, b"speech", None),
        ("bits=0-1", 200, b"speech", None),
        ("bytes=" + "9" * 400 + "-", 200, b"speech", None),
    ],
)
async def test_ranges(house: House, asked: str, status: int, content: bytes, range_: str | None) -> None:
    path = f"{await ordered(house.client)}/input"
    reply = await house.client.get(path, headers={"range": asked})
    assert (reply.status_code, reply.content, reply.headers.get("content-range")) == (status, content, range_)
    assert reply.headers["content-length"] == str(len(content))
    other = await house.client.get(path, headers={"range": asked, "if-range": '"another"'})
    assert (other.status_code, other.content) == (200, b"speech")


@pytest.mark.parametrize("asked", ["bytes=6-", "bytes=99-100", "bytes=-0"])
async def test_a_range_after_the_end(house: House, asked: str) -> None:
    reply = await house.client.get(f"{await ordered(house.client)}/input", headers={"range": asked})
    assert_envelope(reply, 416, "range_not_satisfiable")
    assert reply.headers["content-range"] == "bytes */6"


async def test_a_text_has_no_recording(house: House) -> None:
    body = {"model": "tts-1", "voice": "alloy", "input": "Hello."}
    accepted = await house.client.post("/v1/audio/speech", json=body, headers=LATER)
    assert accepted.json()["input_url"] is None
    assert_envelope(await house.client.get(f"{accepted.headers['location']}/input"), 404, "file_not_found")


@pytest.mark.parametrize(
    ("name", "claimed", "told"),
    [
        ("a.wav", "text/html", "audio/wav"),
        ("a.html", "text/html", "application/octet-stream"),
        ("a.svg", "image/svg+xml", "application/octet-stream"),
        ("a.bin", "audio/webm;codecs=opus", "audio/webm"),
        ("a.M4A", "application/octet-stream", "audio/mp4"),
    ],
)
async def test_no_recording_is_a_page(house: House, name: str, claimed: str, told: str) -> None:
    path, files = "/v1/audio/transcriptions", {"file": (name, b"<script>", claimed)}
    accepted = await house.client.post(path, files=files, data={"model": "stand-in"}, headers=LATER)
    reply = await house.client.get(f"{accepted.headers['location']}/input")
    assert (reply.headers["content-type"], reply.headers["x-content-type-options"]) == (told, "nosniff")


async def at_work(store: Store) -> tuple[Queue, QueuedTask]:
    """A worker of another process claims the job."""
    queue = Queue(store.database, "worker_1")
    (line,) = await queue.claim(1)
    return queue, line


async def report(store: Store, job_id: str, first: int, texts: list[str]) -> None:
    job = await store.audio.look(job_id)
    segments = tuple({"id": first + place, "text": text} for place, text in enumerate(texts))
    done = float(first + len(texts))
    await store.audio.report(job_id, Progress(done, 3.5, new=NewSegments(job.started_at, first, segments)))
