"""The calls of real clients, as they send them, and what each is answered."""

import json
from typing import Any

import groq
import openai
import pytest

from speechd.types import Clip
from tests.contract.conftest import House, Server
from tests.contract.test_answers import events_of
from tests.contract.test_error_shape import assert_envelope
from tests.support.fake_service import TEXT

GROQ, OPENAI = "/openai/v1", "/v1"
BOTH = (GROQ, OPENAI)
WORDS = {"timestamp_granularities[]": ["word"]}


@pytest.mark.parametrize("prefix", BOTH)
@pytest.mark.parametrize(
    ("fields", "asked"),
    [
        ({"timestamp_granularities[]": ["segment"]}, {"word_timestamps": False}),
        ({"timestamp_granularities[]": ["segment"], "response_format": "srt"}, {"word_timestamps": False}),
        ({"timestamp_granularities": "word,segment", "response_format": "verbose_json"}, {"word_timestamps": True}),
        ({"timestamp_granularities": '["word"]', "response_format": "verbose_json"}, {"word_timestamps": True}),
        ({"language": "auto"}, {"language": None}),
        ({"language": "und"}, {"language": None}),
        ({"model": ""}, {"language": None}),
        ({"translate": "true"}, {"task": "translate"}),
        ({"translate": "false"}, {"task": "transcribe"}),
        ({"chunking_strategy": "auto"}, {}),
        ({"chunking_strategy": "server_vad"}, {}),
        ({"chunking_strategy[type]": "auto"}, {}),
        ({"start": "60", "duration": "30.5"}, {"clip": Clip(60, 30.5)}),
        ({"include[]": ["logprobs", "languages"]}, {"logprobs": True}),
    ],
    ids=str,
)
async def test_a_call_that_succeeds(house: House, prefix: str, fields: dict[str, Any], asked: dict[str, Any]) -> None:
    reply = await house.transcribe(prefix=prefix, **fields)
    assert reply.status_code == 200, reply.text
    options = house.service.ears.asked[-1]
    assert {name: getattr(options, name) for name in asked} == asked


@pytest.mark.parametrize("prefix", BOTH)
async def test_a_model_that_is_left_out_is_the_default(house: House, prefix: str) -> None:
    reply = await house.client.post(f"{prefix}/audio/transcriptions", files={"file": ("a.wav", b"speech")})
    assert (reply.json()["text"], reply.headers["x-speechd-model"]) == (TEXT, "stand-in")
    spoken = await house.client.post(f"{prefix}/audio/speech", json={"input": "Hello."})
    assert spoken.headers["x-speechd-voice"] == "stand-in-voice"


@pytest.mark.parametrize("format", ["json", "text", "srt", "vtt"])
async def test_words_without_verbose_json(house: House, format: str) -> None:
    """Groq ignores them, OpenAI refuses them."""
    ignored = await house.transcribe(prefix=GROQ, response_format=format, **WORDS)
    assert (ignored.status_code, ignored.headers["x-speechd-warning"]) == (200, "ignored-timestamp-granularities")
    assert not house.service.ears.asked[-1].word_timestamps
    refused = await house.transcribe(prefix=OPENAI, response_format=format, **WORDS)
    assert_envelope(refused, 400, param="timestamp_granularities")


async def test_what_had_no_effect_is_named(house: House) -> None:
    reply = await house.transcribe(b"cut", **{"include[]": ["logprobs", "speakers"]})
    assert reply.headers["x-speechd-warning"] == "truncated-audio, ignored-include"
    stream = await house.transcribe(stream="true", **{"include[]": ["speakers"]})
    assert stream.headers["x-speechd-warning"] == "ignored-include"


@pytest.mark.parametrize(
    "path", ["/v1//audio/transcriptions", "/v1/audio/transcriptions/", "//openai/v1//audio/translations//"]
)
async def test_extra_slashes(house: House, path: str) -> None:
    reply = await house.post(f"http://127.0.0.1:8000{path}")
    assert (reply.status_code, reply.json()["text"]) == (200, TEXT)
    assert reply.history == []


async def test_extra_slashes_go_around_no_rule(keyed: House) -> None:
    for path in ("/v1//models", "http://127.0.0.1:8000//v1/models/", "/v1/models//"):
        assert_envelope(await keyed.client.get(path), 401, "invalid_api_key")
        reply = await keyed.client.get(path, headers={"authorization": "Bearer sk-right"})
        assert reply.json()["object"] == "list"
        assert "openai-processing-ms" in reply.headers
    assert (await keyed.client.get("/healthz/")).json() == {"status": "ok"}


async def test_extra_slashes_on_the_wire(server: Server) -> None:
    async with openai.AsyncOpenAI(api_key="unused", base_url=f"{server.url}//v1//", max_retries=0) as client:
        answer = await client.audio.transcriptions.create(file=("a.wav", b"speech"), model="stand-in")
    assert answer.text == TEXT


@pytest.mark.parametrize("disposition", ["filename*=UTF-8''%D0%93.wav", "filename*=\"UTF-8''a.wav\""])
async def test_a_file_with_only_an_extended_name(house: House, disposition: str) -> None:
    body = (
        b'--b\r\nContent-Disposition: form-data; name="file"; '
        + disposition.encode()
        + b'\r\n\r\nspeech\r\n--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nauto\r\n--b--\r\n'
    )
    headers = {"content-type": "multipart/form-data; boundary=b"}
    reply = await house.client.post("/v1/audio/transcriptions", content=body, headers=headers)
    assert reply.json()["text"] == TEXT


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (None, "text/vtt"),
        ("*/*", "text/vtt"),
        ("application/json", "text/vtt"),
        ("application/json, text/plain, */*", "text/vtt"),
        ("text/vtt, text/plain", "text/vtt"),
        ("text/plain", "text/plain"),
        ("text/plain, */*;q=0.1", "text/plain"),
        ("text/plain;q=0.9, text/*;q=0.8", "text/plain"),
        ("text/plain;q=0, */*", "text/vtt"),
        ("text/plain;q=x", "text/vtt"),
    ],
)
async def test_the_media_type_of_vtt(house: House, accept: str | None, media_type: str) -> None:
    form = {"data": {"model": "stand-in", "response_format": "vtt"}, "files": {"file": ("a.wav", b"speech")}}
    headers = {} if accept is None else {"accept": accept}
    reply = await house.client.post("/v1/audio/transcriptions", **form, headers=headers)
    assert reply.headers["content-type"] == f"{media_type}; charset=utf-8"
    assert reply.text.startswith("WEBVTT\n\n")
    form["data"]["response_format"] = "json"
    assert (await house.client.post("/v1/audio/transcriptions", **form, headers=headers)).headers[
        "content-type"
    ] == "application/json"


@pytest.mark.parametrize("format", ["srt", "vtt", "tsv", "lrc"])
async def test_a_stream_of_cues(house: House, format: str) -> None:
    reply = await house.transcribe(response_format=format, stream="true")
    *segments, done, _ = events_of(reply.text)
    assert segments[0] == {
        "type": "transcript.text.segment",
        "id": "seg_001",
        "start": 0.52,
        "end": 1.48,
        "text": "Hello there.",
    }
    assert [event["type"] for event in segments] == ["transcript.text.segment"] * 2
    assert done["text"] == (await house.transcribe(response_format=format)).text
    assert done["usage"]["seconds"] == 4


async def test_a_stream_of_verbose_json(house: House) -> None:
    fields = {"response_format": "verbose_json", **WORDS}
    *events, done, _ = events_of((await house.transcribe(stream="true", **fields)).text)
    whole = (await house.transcribe(response_format="verbose_json")).json()
    assert [event["type"] for event in events] == ["transcript.text.delta", "transcript.text.segment"] * 2
    assert "".join(event.get("delta", "") for event in events) == done["text"] == TEXT
    for event, segment in zip(events[1::2], whole["segments"], strict=True):
        assert event["words"]
        assert {name: event[name] for name in segment if name != "id"} | {"id": segment["id"]} == segment
    assert {name: done[name] for name in ("task", "language", "duration")} == {
        name: whole[name] for name in ("task", "language", "duration")
    }


async def test_where_a_stream_is_ignored(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """As OpenAI does for whisper-1; Groq has no `stream`."""
    models = house.service.models
    known = models.get
    monkeypatch.setattr(models, "get", lambda id: known("stand-in" if id == "whisper-1" else id))
    plain = await house.transcribe(model="whisper-1", stream="true", response_format="verbose_json")
    assert (plain.json()["text"], plain.headers["x-speechd-warning"]) == (TEXT, "ignored-stream")
    stream = await house.transcribe(prefix=GROQ, model="whisper-1", stream="true")
    assert stream.headers["content-type"].startswith("text/event-stream")


async def test_openai_reads_a_stream_of_segments(server: Server) -> None:
    async with openai.AsyncOpenAI(api_key="unused", base_url=f"{server.url}/v1", max_retries=0) as client:
        stream = await client.audio.transcriptions.create(
            file=("a.wav", b"speech"), model="stand-in", response_format="srt", stream=True
        )
        events = [event async for event in stream]
    assert [event.type for event in events] == ["transcript.text.segment"] * 2 + ["transcript.text.done"]
    assert (events[0].start, events[0].text) == (0.52, "Hello there.")
    assert events[-1].usage.total_tokens == 41
    assert events[-1].languages[0].code == "en"


@pytest.mark.parametrize("prefix", BOTH)
async def test_speech_events_end_with_the_last_of_them(house: House, prefix: str) -> None:
    reply = await house.client.post(f"{prefix}/audio/speech", json={"input": "Hello.", "stream_format": "sse"})
    events = [json.loads(line.removeprefix("data: ")) for line in reply.text.split("\n\n")[:-1]]
    assert {event["type"] for event in events[:-1]} == {"speech.audio.delta"}
    assert events[-1]["type"] == "speech.audio.done"
    assert events[-1]["usage"]["input_tokens"] == 6


async def test_lists_without_rows_have_no_null(house: House) -> None:
    for prefix in BOTH:
        for path in ("files", "batches", "audio/jobs"):
            page = (await house.client.get(f"{prefix}/{path}")).json()
            assert (page["data"], page["first_id"], page["last_id"], page["has_more"]) == ([], "", "", False)


@pytest.mark.parametrize("purpose", ["batch", "assistants", "user_data"])
async def test_purposes_by_dialect(house: House, purpose: str) -> None:
    form: dict[str, Any] = {"files": {"file": ("a.txt", b"text")}, "data": {"purpose": purpose}}
    made = (await house.client.post("/v1/files", **form)).json()
    assert (made["purpose"], "expires_at" in made) == (purpose, True)
    reply = await house.client.post("/openai/v1/files", **form)
    if purpose == "batch":
        assert None not in reply.json().values()
    else:
        assert_envelope(reply, 400, param="purpose")
        assert "`batch`" in reply.json()["error"]["message"]


async def test_groq_asks_for_words_with_json(server: Server) -> None:
    """As groq-python's own tests do."""
    async with groq.AsyncGroq(api_key="unused", base_url=server.url, max_retries=0) as client:
        answer = await client.audio.transcriptions.create(
            file=("a.wav", b"speech"),
            model="stand-in",
            language="en",
            response_format="json",
            timestamp_granularities=["word"],
        )
    assert answer.text == TEXT


@pytest.mark.parametrize("strategy", ["auto", None, {"type": "server_vad"}, openai.omit])
async def test_openai_sends_a_chunking_strategy(server: Server, strategy: Any) -> None:
    async with openai.AsyncOpenAI(api_key="unused", base_url=f"{server.url}/v1", max_retries=0) as client:
        answer = await client.audio.transcriptions.create(
            file=("a.wav", b"speech"),
            model="stand-in",
            chunking_strategy=strategy,
            timestamp_granularities=["segment"],
            stream=None,
        )
    assert (answer.text, answer.languages[0].code) == (TEXT, "en")
