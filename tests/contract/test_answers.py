"""What a right request is answered, in both dialects and every format."""

import json
import subprocess
import sys
from typing import Any

import pytest

from speechd.asr.engines.engine_monitor import EngineFaults
from speechd.audio.isolation.pool import DecodingCounts
from speechd.types import VadOptions
from tests.contract.conftest import House, opened
from tests.support.fake_service import TEXT


async def test_json(house: House) -> None:
    openai = await house.transcribe()
    assert openai.json() == {
        "text": TEXT,
        "languages": [{"code": "en"}],
        "usage": {"type": "duration", "seconds": 4},
    }
    assert openai.headers["x-speechd-model"] == "stand-in"
    assert "x-speechd-warning" not in openai.headers
    assert int(openai.headers["openai-processing-ms"]) >= 0
    groq = await house.transcribe(prefix="/openai/v1")
    assert groq.json() == {"text": TEXT, "x_groq": {"id": groq.headers["x-request-id"]}}
    assert "openai-processing-ms" not in groq.headers


@pytest.mark.parametrize("prefix", ["/openai/v1/openai/v1", "/v1/openai/v1"])
async def test_a_repeated_prefix(house: House, prefix: str) -> None:
    reply = await house.transcribe(prefix=prefix)
    assert reply.json()["x_groq"]["id"] == reply.headers["x-request-id"]


@pytest.mark.parametrize(("prefix", "language"), [("/v1", "english"), ("/openai/v1", "English")])
async def test_verbose_json(house: House, prefix: str, language: str) -> None:
    both = {"timestamp_granularities[]": ["word", "segment"]}
    answer = (await house.transcribe(prefix=prefix, response_format="verbose_json", **both)).json()
    assert (answer["task"], answer["language"], answer["duration"], answer["text"]) == (
        "transcribe",
        language,
        3.5,
        TEXT,
    )
    assert [segment["id"] for segment in answer["segments"]] == [0, 1]
    assert [word["word"] for word in answer["words"]] == ["Hello", "there.", "General", "<Kenobi>"]
    assert house.service.ears.asked[-1].word_timestamps


@pytest.mark.parametrize("prefix", ["/v1", "/openai/v1"])
async def test_translation(house: House, prefix: str) -> None:
    reply = await house.post(f"{prefix}/audio/translations", language="de", response_format="verbose_json")
    assert (reply.json()["task"], reply.json()["language"]) == ("translate", "english")
    assert house.service.ears.asked[-1].task == "translate"


@pytest.mark.parametrize(
    ("name", "media_type", "start"),
    [
        ("text", "text/plain", "Hello"),
        ("srt", "text/plain", "1\n00:00:00,520"),
        ("vtt", "text/vtt", "WEBVTT\n\n00:00:00.520"),
        ("tsv", "text/tab-separated-values", "start\tend\ttext\n520\t1480\tHello there.\n"),
        ("lrc", "text/plain", "[00:00.52]Hello there.\n[00:02.00]General <Kenobi>"),
    ],
)
@pytest.mark.parametrize("prefix", ["/v1", "/openai/v1"])
async def test_text_formats(house: House, name: str, media_type: str, start: str, prefix: str) -> None:
    reply = await house.transcribe(prefix=prefix, response_format=name)
    assert reply.headers["content-type"] == f"{media_type}; charset=utf-8"
    assert reply.text.startswith(start)


async def test_parameters_reach_the_service(house: House) -> None:
    await house.transcribe(
        **{
            "language": "German",
            "prompt": "Vorher.",
            "keywords[]": ["Kenobi", "Grievous"],
            "temperature": "0.0",
            "include[]": "logprobs",
            "chunking_strategy[type]": "server_vad",
            "chunking_strategy[threshold]": "0.7",
            "colour": "red",
        }
    )
    asked = house.service.ears.asked[-1]
    assert (asked.language, asked.prompt, asked.hotwords, asked.logprobs) == (
        "de",
        "Vorher.",
        ("Kenobi", "Grievous"),
        True,
    )
    assert asked.vad == VadOptions(threshold=0.7)


async def test_silence_and_cut_recordings(house: House) -> None:
    silence = await house.transcribe(b"silence", response_format="verbose_json")
    assert (silence.json()["text"], silence.json()["segments"], silence.json()["language"]) == ("", [], "")
    assert (await house.transcribe(b"cut")).headers["x-speechd-warning"] == "truncated-audio"


@pytest.mark.parametrize("content_type", ["json", "data", "files"])
async def test_url_instead_of_a_file(house: House, content_type: str) -> None:
    fields: dict[str, Any] = {"model": "auto", "url": "http://example.org/a.wav"}
    if content_type == "files":
        fields = {name: (None, value) for name, value in fields.items()}
    reply = await house.client.post("/openai/v1/audio/transcriptions", **{content_type: fields})
    assert reply.json()["text"] == TEXT
    assert house.service.ears.heard == [b"http://example.org/a.wav"]


def events_of(body: str) -> list[Any]:
    lines = body.split("\n\n")
    assert lines[-1] == ""
    assert all(line.startswith("data: ") for line in lines[:-1])
    return [line if line == "data: [DONE]" else json.loads(line[6:]) for line in lines[:-1]]


@pytest.mark.parametrize("prefix", ["/v1", "/openai/v1"])
async def test_stream(house: House, prefix: str) -> None:
    reply = await house.transcribe(prefix=prefix, stream="true")
    assert reply.headers["content-type"].startswith("text/event-stream")
    assert reply.headers["x-speechd-model"] == "stand-in"
    *deltas, done, end = events_of(reply.text)
    assert end == "data: [DONE]"
    assert "".join(event["delta"] for event in deltas) == done["text"] == TEXT
    assert {event["type"] for event in deltas} == {"transcript.text.delta"}
    assert done["type"] == "transcript.text.done"
    assert done["usage"] == {
        "type": "tokens",
        "input_tokens": 35,
        "input_token_details": {"audio_tokens": 35, "text_tokens": 0},
        "output_tokens": 6,
        "total_tokens": 41,
        "seconds": 4,
    }
    assert done.get("languages") == (None if prefix == "/openai/v1" else [{"code": "en"}])
    if prefix == "/openai/v1":
        assert done["x_groq"] == {"id": reply.headers["x-request-id"]}
    assert all(file.closed for file in house.service.ears.files)


async def test_stream_with_logprobs_and_of_silence(house: House) -> None:
    reply = await house.transcribe(stream="true", **{"include[]": "logprobs"})
    first, _, done, _ = events_of(reply.text)
    assert len(first["logprobs"]) == 2
    assert len(done["logprobs"]) == 3
    done, _ = events_of((await house.transcribe(b"silence", stream="true")).text)
    assert done["text"] == ""


@pytest.mark.parametrize(("audio", "code"), [(b"late refusal", "invalid_audio"), (b"late crash", "internal_error")])
async def test_an_error_after_the_first_byte_is_an_event(house: House, audio: bytes, code: str) -> None:
    reply = await house.transcribe(audio, stream="true")
    assert reply.status_code == 200
    delta, error = events_of(reply.text)
    assert delta["delta"] == "Hello there."
    assert error["error"]["code"] == code
    assert "secret" not in reply.text
    assert house.service.ears.running == 0
    assert all(file.closed for file in house.service.ears.files)


@pytest.mark.parametrize("prefix", ["/v1", "/openai/v1"])
async def test_models(house: House, prefix: str) -> None:
    listed = (await house.client.get(f"{prefix}/models")).json()
    assert listed["object"] == "list"
    assert [model["id"] for model in listed["data"]] == ["stand-in", "org/stand-in-en", "whisper-large-v3"]
    one = (await house.client.get(f"{prefix}/models/org/stand-in-en")).json()
    assert one.pop("speechd")["tasks"] == ["transcribe"]
    assert one == {
        "id": "org/stand-in-en",
        "object": "model",
        "created": 1_760_000_000,
        "owned_by": "speechd",
        "active": True,
        "context_window": 448,
        "public_apps": None,
        "max_completion_tokens": 448,
    }
    assert listed["data"][1].pop("speechd")["embedded"]
    assert listed["data"][1] == one
    assert not listed["data"][2]["active"]


async def test_status(house: House) -> None:
    assert (await house.client.get("/healthz")).json() == {"status": "ok"}
    assert (await house.client.get("/readyz")).json() == {"status": "ready"}
    house.service.engine_faults = {"pocketsphinx": EngineFaults(hung=2, overdue=1)}
    told = {"pocketsphinx": {"hung": 2, "crashed": 0, "overdue": 1}}
    assert (await house.client.get("/readyz")).json() == {"status": "ready", "engines": told}
    house.service.decodings = DecodingCounts(started=9, crashed=1, refused=2)
    told = {"crashed": 1, "abandoned": 0, "silent": 0, "refused": 2}
    assert (await house.client.get("/readyz")).json()["decodings"] == told
    assert (await house.client.get("/")).json()["name"] == "speechd"
    head = await house.client.head("/healthz")
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", "15")


async def test_openapi_lists_both_prefixes(house: House) -> None:
    document = (await house.client.get("/openapi.json")).json()
    for prefix in ("/v1", "/openai/v1"):
        for operation in ("transcriptions", "translations"):
            post = document["paths"][f"{prefix}/audio/{operation}"]["post"]
            form = post["requestBody"]["content"]["multipart/form-data"]["schema"]
            assert form["properties"]["file"]["format"] == "binary"
            assert "required" not in form
            assert {"language", "response_format", "timestamp_granularities", "url"} <= set(form["properties"])
            assert {"200", "400", "413", "503"} <= set(post["responses"])
        assert "get" in document["paths"][f"{prefix}/models"]
        assert "get" in document["paths"][f"{prefix}/models/{{model}}"]
    identifiers = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]
    assert len(identifiers) == len(set(identifiers))


async def test_the_service_closes_with_the_application() -> None:
    async with opened() as house:
        service = house.service
        assert not service.closed
    assert service.closed
    assert house.app.state.service is None


def test_the_front_door_loads_no_engine() -> None:
    heavy = ("ctranslate2", "onnxruntime", "faster_whisper", "librosa", "ray", "torch")
    program = f"import sys, speechd.api.app; print([name for name in {heavy} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


SPLIT = {"channels": "split", "channel_labels[]": ["agent", "caller"]}


async def test_diarized_json(house: House) -> None:
    reply = await house.transcribe(response_format="diarized_json", **SPLIT)
    assert reply.json() == {
        "task": "transcribe",
        "duration": 3.5,
        "text": TEXT,
        "segments": [
            {
                "type": "transcript.text.segment",
                "id": "seg_001",
                "start": 0.52,
                "end": 1.48,
                "text": "Hello there.",
                "speaker": "agent",
            },
            {
                "type": "transcript.text.segment",
                "id": "seg_002",
                "start": 2.0,
                "end": 3.25,
                "text": "General <Kenobi> & co --> here.",
                "speaker": "caller",
            },
        ],
        "usage": {"type": "duration", "seconds": 7},
    }
    groq = await house.transcribe(prefix="/openai/v1", response_format="diarized_json", channels="split")
    assert [segment["speaker"] for segment in groq.json()["segments"]] == ["channel_1", "channel_2"]
    assert groq.json()["x_groq"] == {"id": groq.headers["x-request-id"]}


async def test_diarized_stream(house: House) -> None:
    reply = await house.transcribe(response_format="diarized_json", stream="true", **SPLIT)
    *events, done, end = events_of(reply.text)
    assert end == "data: [DONE]"
    assert [event["type"] for event in events] == ["transcript.text.delta", "transcript.text.segment"] * 2
    assert "".join(event.get("delta", "") for event in events) == done["text"] == TEXT
    assert [event.get("segment_id", event.get("id")) for event in events] == ["seg_001"] * 2 + ["seg_002"] * 2
    assert [event["speaker"] for event in events[1::2]] == ["agent", "caller"]


async def test_channels_in_other_formats(house: House) -> None:
    words = {"timestamp_granularities[]": ["word", "segment"]}
    split = (await house.transcribe(response_format="verbose_json", **SPLIT, **words)).json()
    assert [segment["channel"] for segment in split["segments"]] == ["agent", "caller"]
    assert [word["channel"] for word in split["words"]] == ["agent", "agent", "caller", "caller"]
    assert house.service.ears.asked[-1].channels == "split"
    mixed = (await house.transcribe(response_format="verbose_json", **words)).json()
    assert not any("channel" in part for part in mixed["segments"] + mixed["words"])
    vtt = (await house.transcribe(response_format="vtt", **SPLIT)).text
    assert "\n<v agent>Hello there.\n" in vtt
    assert (await house.transcribe(response_format="text", **SPLIT)).text == TEXT


@pytest.mark.parametrize(
    ("prefix", "languages"), [("/v1", ["english", "german"]), ("/openai/v1", ["English", "German"])]
)
async def test_a_language_for_each_segment(house: House, prefix: str, languages: list[str]) -> None:
    reply = await house.transcribe(prefix=prefix, response_format="verbose_json", language="multi")
    assert [segment["language"] for segment in reply.json()["segments"]] == languages
    assert reply.json()["language"] == languages[0]
    plain = await house.transcribe(prefix=prefix, response_format="verbose_json")
    assert "language" not in plain.json()["segments"][0]


async def test_subtitles_as_wished(house: House) -> None:
    srt = await house.transcribe(response_format="srt", max_line_width="16")
    assert srt.text == (
        "1\n00:00:00,520 --> 00:00:01,480\nHello there.\n\n"
        "2\n00:00:02,000 --> 00:00:03,250\nGeneral <Kenobi>\n& co -> here.\n\n"
    )
    vtt = await house.transcribe(response_format="vtt", karaoke="true")
    assert "\nHello <00:00:00.900>there.\n" in vtt.text
    plain = await house.transcribe(response_format="srt")
    assert "General <Kenobi> & co -> here.\n" in plain.text
    assert [asked.word_timestamps for asked in house.service.ears.asked] == [True, True, False]
