"""The calls of other servers: what their clients send and read, and that they are off, and guarded, as the others."""

import io
import wave
from pathlib import Path
from typing import Any

import httpx2
import pytest

from speechd.auth.keys import KeyFile, KeyLimits, Permission
from speechd.cache.coalescing import RequestCoalescer
from speechd.errors import InvalidRequest
from speechd.settings import read_settings
from tests.contract.conftest import House, Opener, opened
from tests.contract.test_error_shape import BODIES, METHODS, assert_envelope
from tests.support.fake_service import SEGMENTS, TEXT
from tests.support.generated_audio import wav

CALLS = {"/asr": "audio_file", "/detect-language": "audio_file", "/inference": "file"}
LINES = "".join(f"{segment.text}\n" for segment in SEGMENTS)


@pytest.fixture
async def house(open_house: Opener) -> House:
    return await open_house(compat=("asr", "inference"), max_upload_bytes=100_000)


async def send(house: House, path: str, audio: bytes = b"speech", **more: Any) -> httpx2.Response:
    return await house.client.post(path, files={CALLS[path]: ("talk.wav", audio)}, **more)


async def asr(house: House, audio: bytes = b"speech", **query: str) -> httpx2.Response:
    return await send(house, "/asr", audio, params=query)


async def infer(house: House, audio: bytes = b"speech", **fields: str) -> httpx2.Response:
    return await send(house, "/inference", audio, data=fields)


# Off and on


@pytest.mark.parametrize("path", CALLS)
@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_they_are_off_and_say_how_to_turn_them_on(open_house: Opener, path: str, method: str) -> None:
    house = await open_house()
    reply = await house.client.request(method, path)
    assert_envelope(reply, 404, "unknown_url")
    assert "SPEECHD_COMPAT=" in reply.json()["error"]["message"]


async def test_each_is_turned_on_by_its_name(open_house: Opener) -> None:
    house = await open_house(compat=("inference",))
    assert (await infer(house)).status_code == 200
    assert_envelope(await asr(house), 404)
    assert {"/inference"} == CALLS.keys() & house.app.openapi()["paths"].keys()


def test_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPEECHD_COMPAT", "asr, inference,asr")
    assert read_settings().compat == ("asr", "inference")
    monkeypatch.setenv("SPEECHD_COMPAT", "asr,deepgram")
    with pytest.raises(InvalidRequest, match=r"SPEECHD_COMPAT is not valid.*'deepgram' is none of asr, inference"):
        read_settings()


# whisper-asr-webservice


async def test_asr_answers_in_each_format(house: House) -> None:
    texts = {output: await asr(house, output=output) for output in ("txt", "srt", "vtt", "tsv", "json")}
    for output, reply in texts.items():
        assert reply.status_code == 200, reply.text
        assert reply.headers["content-type"] == "text/plain; charset=utf-8"
        assert reply.headers["content-disposition"] == f'attachment; filename="talk.wav.{output}"'
        assert reply.headers["asr-engine"] == "speechd"
    assert (await asr(house)).text == texts["txt"].text == "Hello there.\nGeneral <Kenobi> & co --> here.\n"
    assert texts["srt"].text.startswith("1\n00:00:00,520 --> 00:00:01,480\nHello there.\n\n2\n")
    assert texts["vtt"].text.startswith("WEBVTT\n\n00:00:00.520 --> ")
    assert texts["tsv"].text.splitlines()[:2] == ["start\tend\ttext", "520\t1480\tHello there."]
    told = texts["json"].json()
    assert (told["text"], told["language"], len(told["segments"])) == (TEXT, "en", 2)
    assert told["segments"][0] | {"start": 0.52, "end": 1.48, "id": 0, "seek": 52} == told["segments"][0]
    assert "words" not in told["segments"][0]


async def test_asr_takes_its_parameters(house: House) -> None:
    words = (await asr(house, output="json", word_timestamps="true")).json()["segments"][0]["words"]
    assert [(word["word"].strip(), word["start"]) for word in words] == [("Hello", 0.52), ("there.", 0.9)]
    german = await asr(house, language="de", initial_prompt="Köln", task="translate", vad_filter="true", output="json")
    assert german.json()["language"] == "de"
    request = house.service.ears.asked[-1]
    assert (request.task, request.language, request.prompt) == ("translate", "de", "Köln")


@pytest.mark.parametrize(
    ("query", "param"),
    [({"output": "docx"}, "output"), ({"task": "sing"}, "task"), ({"language": "klingon"}, "language")],
)
async def test_asr_refuses_bad_parameters(house: House, query: dict[str, str], param: str) -> None:
    assert_envelope(await asr(house, **query), 400, param=param)
    assert_envelope(await asr(house, **query, encode="maybe"), 400)


async def test_bare_pcm_is_heard_as_16_khz_mono(house: House) -> None:
    """Bazarr sends the output of `ffmpeg -f s16le -ac 1 -ar 16000`, under the part's own name."""
    pcm = bytes(range(256)) * 100
    params = {"task": "transcribe", "language": "en", "output": "srt", "encode": "false"}
    reply = await house.client.post("/asr", params=params, files={"audio_file": ("audio_file", pcm)})
    assert reply.status_code == 200, reply.text
    beginning = house.service.ears.heard[-1]
    with wave.open(io.BytesIO(beginning)) as heard:
        assert (heard.getframerate(), heard.getnchannels(), heard.getsampwidth()) == (16_000, 1, 2)
    assert beginning.endswith(b"data\xff\xff\xff\xff" + pcm[: len(beginning) - 44])


async def test_detect_language(house: House) -> None:
    reply = await send(house, "/detect-language", params={"encode": "false", "video_file": "/films/a.mkv"})
    assert reply.json() == {"detected_language": "english", "language_code": "en", "confidence": 1.0}
    assert house.service.ears.asked[-1].clip.duration == 30
    await send(house, "/detect-language", params={"detect_lang_length": "60", "detect_lang_offset": "5"})
    assert house.service.ears.asked[-1].clip.duration == 60
    assert house.service.ears.asked[-1].clip.start == 5


async def test_a_language_that_nobody_speaks(house: House) -> None:
    reply = await send(house, "/detect-language", b"silence")
    assert reply.json() == {"detected_language": "unknown", "language_code": "und", "confidence": 0.0}


# whisper.cpp


async def test_inference_answers_in_each_format(house: House) -> None:
    replies = {name: await infer(house, response_format=name) for name in ("json", "text", "srt", "vtt")}
    kinds = {name: reply.headers["content-type"].partition(";")[0] for name, reply in replies.items()}
    assert kinds == {
        "json": "application/json",
        "text": "text/plain",
        "srt": "application/x-subrip",
        "vtt": "text/vtt",
    }
    assert replies["json"].json() == (await infer(house)).json() == {"text": LINES}
    assert replies["text"].text == LINES
    assert replies["srt"].text.startswith("1\n00:00:00,520 --> ")


async def test_inference_in_detail(house: House) -> None:
    told = (await infer(house, response_format="verbose_json", temperature="0.0", temperature_inc="0.2")).json()
    assert (told["task"], told["language"], told["duration"], told["text"]) == ("transcribe", "english", 3.5, LINES)
    assert (told["detected_language"], told["language_probabilities"]) == ("english", {"en": 1.0})
    first = told["segments"][0]
    assert (first["id"], first["start"], first["end"], first["text"]) == (0, 0.52, 1.48, " Hello there.")
    assert first["tokens"] == list(SEGMENTS[0].tokens)
    assert first["words"][0] == {"word": " Hello", "probability": 1.0, "start": 0.52, "end": 0.9}
    bare = (await infer(house, response_format="verbose_json", no_timestamps="true", language="en")).json()
    assert not {"start", "end", "words"} & bare["segments"][0].keys()
    assert "detected_language" not in bare
    unasked = (await infer(house, response_format="verbose_json", language="de", token_timestamps="false")).json()
    assert "words" not in unasked["segments"][0]


async def test_inference_takes_its_parameters(house: House) -> None:
    fields = {"translate": "true", "language": "auto", "prompt": "Köln", "offset_t": "1500", "duration": "2000"}
    assert (await infer(house, **fields)).status_code == 200
    request = house.service.ears.asked[-1]
    assert (request.task, request.language, request.prompt) == ("translate", None, "Köln")
    assert (request.clip.start, request.clip.duration) == (1.5, 2.0)
    cues = (await infer(house, response_format="srt", max_len="12")).text
    assert max(len(line) for line in cues.splitlines() if "-->" not in line) <= 12


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"response_format": "docx"}, None, "response_format"),
        ({"temperature": "7"}, None, "temperature"),
        ({"language": "klingon"}, None, "language"),
        ({"diarize": "true"}, "unsupported", "diarize"),
        ({"tinydiarize": "1"}, "unsupported", "diarize"),
    ],
)
async def test_inference_refuses_bad_parameters(
    house: House, fields: dict[str, str], code: str | None, param: str
) -> None:
    assert_envelope(await infer(house, **fields), 400, code, param)


# As all other calls


@pytest.mark.parametrize(("path", "field"), CALLS.items())
async def test_what_is_wrong_is_told_in_the_envelope(house: House, path: str, field: str) -> None:
    assert_envelope(await house.client.post(path, data={"language": "en"}), 400, param=field)
    assert_envelope(await house.client.post(path, content=b"RIFF"), 400, param="content-type")
    assert_envelope(await house.client.post(path, files={"other": ("a.wav", b"x")}), 400, param=field)
    assert_envelope(await send(house, path, b""), 400, "invalid_audio", field)
    assert_envelope(await send(house, path, b"broken"), 400, "invalid_audio")
    assert_envelope(await send(house, path, bytes(100_001)), 413, "request_too_large")
    assert_envelope(await send(house, path, b"busy"), 503, "overloaded")
    assert_envelope(await send(house, path, b"crash"), 500, "internal_error")
    assert_envelope(await house.client.get(path), 405, "method_not_allowed")


@pytest.mark.parametrize("path", CALLS)
async def test_every_method_and_body_has_an_answer(house: House, path: str) -> None:
    for method in METHODS:
        for body in BODIES:
            reply = await house.client.request(method, path, **body)
            assert reply.status_code < 500 or reply.status_code == 501, (method, body, reply.text)
            if reply.status_code >= 400 and method != "HEAD":
                assert_envelope(reply, reply.status_code)


async def test_an_identical_request_is_computed_once(house: House) -> None:
    """The path is the one of a transcription: a result of either answers the other."""
    house.service.coalescer = RequestCoalescer(keep=60)
    audio = wav(bytes(6400))
    plain = await house.post("/v1/audio/transcriptions", audio, response_format="verbose_json")
    replies = [plain, await asr(house, audio, output="srt"), await infer(house, audio)]
    assert [reply.headers["x-speechd-cache"] for reply in replies] == ["miss", "hit", "hit"]
    assert len(house.service.ears.heard) == 1


@pytest.mark.parametrize("path", CALLS)
async def test_keys_permissions_and_limits_apply(tmp_path: Path, path: str) -> None:
    async with opened(data_dir=tmp_path, compat=("asr", "inference")) as house:
        may: dict[str, tuple[Permission, ...]] = {"speaker": ("speak",), "writer": ("transcribe",)}
        keys = KeyFile(tmp_path / "keys.json")
        speaker, writer = (
            {"authorization": f"Bearer {keys.add(name, KeyLimits(requests_per_minute=1), allowed)}"}
            for name, allowed in may.items()
        )
        assert_envelope(await send(house, path), 401, "invalid_api_key")
        assert_envelope(await send(house, path, headers=speaker), 403, "permission_denied")
        first = await send(house, path, headers=writer)
        assert (first.status_code, first.headers["x-ratelimit-remaining-requests"]) == (200, "0")
        assert_envelope(await send(house, path, headers=writer), 429, "rate_limit_exceeded")


@pytest.mark.parametrize("path", CALLS)
async def test_web_pages_of_others_stay_outside(house: House, path: str) -> None:
    assert_envelope(await send(house, path, headers={"origin": "https://evil.example"}), 403, "origin_not_allowed")
    assert_envelope(await send(house, path, headers={"host": "evil.example"}), 403, "host_not_allowed")


async def test_the_document_describes_them(house: House) -> None:
    paths = house.app.openapi()["paths"]
    names = {row["name"] for row in paths["/asr"]["post"]["parameters"]}
    assert {"encode", "task", "language", "initial_prompt", "vad_filter", "word_timestamps", "output"} <= names
    form = paths["/inference"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert form["required"] == ["file"]
    assert {"file", "response_format", "temperature_inc", "translate"} <= form["properties"].keys()
