"""Speech over HTTP with a stand-in voice: captions beside the audio, whose they are, and how much may wait."""

import asyncio
import re
from typing import Any

import groq
import httpx2
import openai
import pytest
from pydantic import SecretStr

from speechd.peers import captions
from tests.contract.conftest import House, Opener, serving
from tests.contract.test_error_shape import assert_envelope
from tests.contract.test_limits import make_key

TEXT = "One two. Three four five."
SRT = "1\n00:00:00,100 --> 00:00:00,500\nOne two.\n\n2\n00:00:00,700 --> 00:00:01,300\nThree four five.\n\n"


async def speak(house: House, prefix: str = "/v1", **fields: Any) -> httpx2.Response:
    body = {"model": "tts-1", "voice": "alloy", "input": TEXT, "response_format": "wav"} | fields
    return await house.client.post(f"{prefix}/audio/speech", json=body)


@pytest.mark.parametrize("prefix", ["/v1", "/openai/v1"])
async def test_captions_wait_at_the_address_that_the_reply_tells(house: House, prefix: str) -> None:
    spoken = await speak(house, prefix, captions="srt")
    path = spoken.headers["x-speechd-captions"]
    assert path == f"{prefix}/audio/speech/captions/{spoken.headers['x-request-id']}.srt"
    srt = await house.client.get(path)
    assert (srt.status_code, srt.text) == (200, SRT)
    vtt = await house.client.get(path.removesuffix("srt") + "vtt")
    assert vtt.headers["content-type"] == "text/vtt; charset=utf-8"
    assert vtt.text.startswith("WEBVTT\n\n00:00:00.100 --> ")
    said = (await house.client.get(path.removesuffix("srt") + "json")).json()
    assert [word["word"] for word in said["words"]] == TEXT.split()
    assert (said["text"], said["duration"]) == (TEXT, 1.4)


@pytest.mark.parametrize("asked", [True, "json", "srt", "vtt"])
@pytest.mark.parametrize("stream_format", ["audio", "sse"])
async def test_the_address_ends_in_what_was_asked_for(house: House, asked: object, stream_format: str) -> None:
    spoken = await speak(house, captions=asked, stream_format=stream_format, response_format="flac")
    assert spoken.headers["x-speechd-captions"].endswith(".json" if asked is True else f".{asked}")
    assert (await house.client.get(spoken.headers["x-speechd-captions"])).status_code == 200
    assert ("speech.audio.captions" in spoken.text) == (stream_format == "sse")


async def test_without_asking_there_are_none(house: House) -> None:
    spoken = await speak(house)
    assert "x-speechd-captions" not in spoken.headers
    path = f"/v1/audio/speech/captions/{spoken.headers['x-request-id']}.srt"
    assert_envelope(await house.client.get(path), 404, "not_found")


@pytest.mark.parametrize("name", ["req_no.srt", ".srt", "srt", "x" * 500, "..%2f..%2fetc%2fpasswd.json"])
async def test_names_of_no_captions(house: House, name: str) -> None:
    await speak(house, captions=True)
    assert_envelope(await house.client.get(f"/v1/audio/speech/captions/{name}"), 404)


async def test_a_format_that_captions_cannot_have(house: House) -> None:
    assert_envelope(await speak(house, captions="doc"), 400, param="captions")
    path = (await speak(house, captions=True)).headers["x-speechd-captions"]
    refused = await house.client.get(path.removesuffix("json") + "doc")
    assert_envelope(refused, 404)
    assert ".json, .srt, .vtt" in refused.json()["error"]["message"]


async def test_captions_belong_to_the_key_that_asked(open_house: Opener, tmp_path: Any) -> None:
    house = await open_house(data_dir=tmp_path, api_key=SecretStr("sk-environment"))
    anna, ben = make_key(tmp_path), make_key(tmp_path, "ben")
    house.client.headers.update(anna)
    path = (await speak(house, captions="srt")).headers["x-speechd-captions"]
    assert_envelope(await house.client.get(path, headers=ben), 404)
    assert_envelope(await house.client.get(path, headers={"authorization": "Bearer sk-environment"}), 404)
    assert (await house.client.get(path)).text == SRT


async def test_only_so_many_words_are_kept(open_house: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(captions, "MAX_WORDS", 2 * captions.MIN_WORDS)
    house = await open_house()
    paths = [(await speak(house, captions="srt")).headers["x-speechd-captions"] for _ in range(3)]
    assert [(await house.client.get(path)).status_code for path in paths] == [404, 200, 200]
    long = (await speak(house, input=TEXT * 60, captions="srt")).headers["x-speechd-captions"]
    assert (await house.client.get(long)).status_code == 404


async def test_they_are_gone_after_a_while(open_house: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(captions, "KEPT", 0)
    house = await open_house()
    assert (
        await house.client.get((await speak(house, captions=True)).headers["x-speechd-captions"])
    ).status_code == 404


async def test_unmodified_sdks_get_them(tmp_path: Any) -> None:
    """`extra_body` asks, the reply's header tells, and the client's own `get` fetches, whatever prefix it adds."""
    said = {"voice": "alloy", "input": TEXT, "response_format": "wav", "extra_body": {"captions": "srt"}}
    async with serving(data_dir=tmp_path) as server:
        async with openai.AsyncOpenAI(api_key="x", base_url=f"{server.url}/v1", max_retries=0) as client:
            async with client.audio.speech.with_streaming_response.create(model="tts-1", **said) as reply:
                await reply.stream_to_file(tmp_path / "a.wav")
                path = reply.headers["x-speechd-captions"]
            assert (await client.get(path, cast_to=str)) == SRT
        async with groq.AsyncGroq(api_key="x", base_url=server.url, max_retries=0) as client:
            reply = await client.audio.speech.with_raw_response.create(model="playai-tts", **said)
            path = reply.headers["x-speechd-captions"]
            assert re.fullmatch(r"/openai/v1/audio/speech/captions/req_\w{26}\.srt", path)
            assert (await client.get(path, cast_to=str)) == SRT


async def test_more_than_may_wait_is_refused_at_once(tmp_path: Any) -> None:
    """Who reads slowly does not count: the voice waits for the listener, not the listener for the voice."""
    async with serving(data_dir=tmp_path, max_queue_characters=1000) as server:
        server.service.mouth.gate.clear()
        body = {"model": "tts-1", "voice": "alloy", "input": "One two. " * 100, "response_format": "pcm"}
        async with httpx2.AsyncClient(base_url=f"{server.url}/v1", timeout=30) as client:
            first = asyncio.create_task(client.post("/audio/speech", json=body))
            await asyncio.to_thread(server.service.mouth.begun.wait)
            refused = await client.post("/audio/speech", json=body)
            assert_envelope(refused, 503, "overloaded")
            assert "900 characters waiting" in refused.json()["error"]["message"]
            assert int(refused.headers["retry-after"]) >= 1
            assert "x-should-retry" not in refused.headers
            small = asyncio.create_task(client.post("/audio/speech", json=body | {"input": "One."}))
            server.service.mouth.gate.set()
            assert [(await task).status_code for task in (first, small)] == [200, 200]
            assert (await client.post("/audio/speech", json=body)).status_code == 200, "there is room again"


MIXED = "It cost $100 on 2026-11-20 😊."


async def test_captions_show_what_is_written_and_what_is_said(house: House) -> None:
    path = (await speak(house, input=MIXED, captions=True)).headers["x-speechd-captions"]
    said = (await house.client.get(path)).json()
    assert said["text"] == MIXED
    places = [MIXED[word["start_char"] : word["end_char"]] for word in said["words"]]
    assert places == ["It", "cost", "$100", "on", "2026-11-20 😊."]
    assert said["words"][2]["spoken"] == "one hundred dollars"
    for format in ("srt", "vtt"):
        assert f"\n{MIXED}\n" in (await house.client.get(path.removesuffix("json") + format)).text


async def test_events_have_the_same_words(house: House) -> None:
    events = (await speak(house, input=MIXED, captions=True, stream_format="sse")).text
    assert '"word":"$100","start":0.5,"end":1.1,"spoken":"one hundred dollars","start_char":8' in events.replace(
        ": ", ":"
    ).replace(", ", ",")


@pytest.mark.parametrize("text", ["😊", "...", "🎉🎉"])
async def test_a_text_without_words_is_a_short_silence(house: House, text: str) -> None:
    spoken = await speak(house, input=text, response_format="mp3")
    assert (spoken.status_code, spoken.headers["content-type"]) == (200, "audio/mpeg")
    assert len(spoken.content) > 100


async def test_an_empty_text_is_refused(house: House) -> None:
    assert_envelope(await speak(house, input=" \n"), 400, param="input")


async def test_the_language_and_emoji_of_a_request(house: House) -> None:
    assert_envelope(await speak(house, language="klingon"), 400, param="language")
    assert_envelope(await speak(house, emoji="sing"), 400, param="emoji")
    path = (await speak(house, input="5 km 👍", language="de-DE", emoji="name", captions=True)).headers[
        "x-speechd-captions"
    ]
    words = (await house.client.get(path)).json()["words"]
    assert [word["spoken"] for word in words] == ["fünf Kilometer", "daumen hoch"]
