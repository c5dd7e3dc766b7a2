"""A route, a batch line and an audio job answer the same for the same fields, and share their work."""

import asyncio
import json
from typing import Any, BinaryIO

import httpx2
import pytest

from speechd.dialects import BY_NAME, Dialect
from speechd.operations.batch import BatchRequest, run_line
from speechd.operations.context import RequestContext
from tests.contract.conftest import House, Opener
from tests.support.llm_server import CHAT, EMBED

LATER = {"prefer": "respond-async"}


async def line(house: House, url: str, fields: dict[str, Any], dialect: Dialect, request_id: str) -> Any:
    """What a line of a batch with these fields is answered, and the bytes of the file that it made."""
    pieces: list[bytes] = []

    async def write(data: bytes) -> None:
        pieces.append(data)

    context = RequestContext(dialect=dialect, request_id=request_id, priority="background")

    async def open_file(file_id: str) -> BinaryIO:
        return await (await house.app.state.jobs.open()).files.open_recording("", file_id)  # type: ignore[no-any-return]

    line = BatchRequest(url, fields, context, write, open_file)
    reply = await run_line(house.service, line)  # type: ignore[arg-type]
    return reply.body, b"".join(pieces)


@pytest.mark.parametrize("dialect", BY_NAME.values(), ids=list(BY_NAME))
@pytest.mark.parametrize("operation", ["transcriptions", "translations"])
@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"response_format": "text"},
        {"response_format": "srt"},
        {
            "response_format": "verbose_json",
            "timestamp_granularities[]": ["word", "segment"],
            "include[]": ["evidence"],
        },
        {"response_format": "diarized_json", "channels": "split", "channel_labels": ["agent", "caller"]},
        {"include": ["logprobs"], "language": "en"},
    ],
    ids=lambda fields: fields.get("response_format", "json"),
)
async def test_transcriptions(house: House, dialect: Dialect, operation: str, fields: dict[str, Any]) -> None:
    body = {"model": "stand-in", "url": "speech"} | fields
    reply = await house.client.post(f"{dialect.prefix}/audio/{operation}", json=body)
    assert reply.status_code == 200, reply.text
    answer, _ = await line(house, f"/v1/audio/{operation}", body, dialect, reply.headers["x-request-id"])
    is_json = reply.headers["content-type"] == "application/json"
    assert answer == (reply.json() if is_json else {"text": reply.text})


@pytest.mark.parametrize("dialect", BY_NAME.values(), ids=list(BY_NAME))
@pytest.mark.parametrize("shape", ["wav", "flac", "pcm"])
async def test_speech(house: House, dialect: Dialect, shape: str) -> None:
    body = {"model": "tts-1", "voice": "alloy", "input": "Hello there. How are you?", "response_format": shape}
    reply = await house.client.post(f"{dialect.prefix}/audio/speech", json=body)
    answer, audio = await line(house, "/v1/audio/speech", body, dialect, "")
    assert audio == reply.content
    assert answer["voice"] == reply.headers["x-speechd-voice"]


@pytest.mark.parametrize(
    ("url", "fields"),
    [
        ("/v1/chat/completions", {"model": CHAT, "messages": [{"role": "user", "content": "Say it."}]}),
        ("/v1/responses", {"model": CHAT, "input": "Say it."}),
        ("/v1/embeddings", {"model": EMBED, "input": ["one", "two"]}),
    ],
)
@pytest.mark.parametrize("dialect", BY_NAME.values(), ids=list(BY_NAME))
async def test_text(text_house: House, dialect: Dialect, url: str, fields: dict[str, Any]) -> None:
    reply = await text_house.client.post(dialect.prefix + url.removeprefix("/v1"), json=fields)
    assert reply.status_code == 200, reply.text
    answer, _ = await line(text_house, url, fields, dialect, reply.headers["x-request-id"])
    assert answer == reply.json()


async def post(house: House, audio: bytes, headers: dict[str, str] | None = None, **fields: str) -> httpx2.Response:
    form = {"files": {"file": ("a.wav", audio)}, "data": {"model": "stand-in"} | fields}
    return await house.client.post("/v1/audio/transcriptions", **form, headers=headers)  # type: ignore[arg-type]


async def test_a_stream_and_a_plain_request_join_a_running_job(
    open_house: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def measure(service: object, audio: object, clip: object) -> float:
        return 3.5

    monkeypatch.setattr("speechd.api.async_requests.measure", measure)
    house = await open_house(worker=True)
    ears = house.service.ears
    job = await post(house, b"gated", LATER)
    await asyncio.wait_for(ears.started.wait(), 20)
    readers = [asyncio.create_task(post(house, b"gated", stream=stream)) for stream in ("true", "false")]
    await asyncio.sleep(0.2)
    ears.gate.set()
    stream, plain = await asyncio.gather(*readers)
    assert [reply.headers["x-speechd-cache"] for reply in (stream, plain)] == ["joined", "joined"]
    events = [json.loads(event) for event in stream.text.removesuffix("\n\ndata: [DONE]\n\n")[6:].split("\n\ndata: ")]
    assert "".join(event.get("delta", "") for event in events) == events[-1]["text"] == plain.json()["text"]
    state = await ended(house, job.headers["location"])
    assert (state["status"], state["result"]) == ("completed", plain.json())
    assert len(ears.heard) == 1


async def ended(house: House, path: str) -> dict[str, Any]:
    async with asyncio.timeout(20):
        while True:
            state: dict[str, Any] = (await house.client.get(path)).json()
            if state["status"] not in ("queued", "running"):
                return state
            await asyncio.sleep(0.05)
