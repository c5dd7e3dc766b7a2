"""Named keys over HTTP: who comes in, how much, and what the headers and the SDKs say."""

import asyncio
import re
from typing import Any

import groq
import httpx2
import openai
import pytest

from speechd.auth.keys import KeyFile, KeyLimits
from tests.contract.conftest import House, Opener, serving
from tests.contract.test_error_shape import assert_envelope

REMAINING = "x-ratelimit-remaining-audio-seconds"


def make_key(tmp_path: Any, name: str = "anna", **limits: float) -> dict[str, str]:
    """The authorization header of a new key."""
    secret = KeyFile(tmp_path / "keys.json").add(name, KeyLimits(**limits))  # type: ignore[arg-type]
    return {"authorization": f"Bearer {secret}"}


@pytest.fixture
async def keyed_house(open_house: Opener, tmp_path: Any) -> House:
    return await open_house(data_dir=tmp_path)


async def test_a_named_key_lets_in(keyed_house: House, tmp_path: Any) -> None:
    anna = make_key(tmp_path)
    assert_envelope(await keyed_house.client.get("/v1/models"), 401, "invalid_api_key")
    reply = await keyed_house.client.get("/v1/models", headers=anna)
    assert reply.status_code == 200
    assert not [name for name in reply.headers if name.startswith("x-ratelimit")], (
        "a key without limits has none to tell"
    )
    KeyFile(tmp_path / "keys.json").revoke("anna")
    assert_envelope(await keyed_house.client.get("/v1/models", headers=anna), 401, "invalid_api_key")


@pytest.mark.parametrize("prefix", ["/v1", "/openai/v1"])
async def test_requests_are_limited(keyed_house: House, tmp_path: Any, prefix: str) -> None:
    anna = make_key(tmp_path, requests_per_minute=2)
    for left in ("1", "0"):
        reply = await keyed_house.client.get(f"{prefix}/models", headers=anna)
        assert reply.headers["x-ratelimit-limit-requests"] == "2"
        assert reply.headers["x-ratelimit-remaining-requests"] == left
        assert re.fullmatch(r"(1m0|[\d.]+)s", reply.headers["x-ratelimit-reset-requests"])
    refused = await keyed_house.client.post(f"{prefix}/chat/completions", json={}, headers=anna)
    assert_envelope(refused, 429, "rate_limit_exceeded")
    assert re.search(r"Please try again in [\dm.]+s\.$", refused.json()["error"]["message"])
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert refused.headers["x-ratelimit-remaining-requests"] == "0"
    assert (await keyed_house.client.get("/healthz", headers=anna)).status_code == 200


async def test_one_callers_limit_is_not_anothers(keyed_house: House, tmp_path: Any) -> None:
    anna, ben = make_key(tmp_path, requests_per_minute=1), make_key(tmp_path, "ben", requests_per_minute=1)
    assert (await keyed_house.client.get("/v1/models", headers=anna)).status_code == 200
    assert (await keyed_house.client.get("/v1/models", headers=anna)).status_code == 429
    assert (await keyed_house.client.get("/v1/models", headers=ben)).status_code == 200


@pytest.mark.parametrize("stream", ["false", "true"])
async def test_audio_seconds_are_limited(keyed_house: House, tmp_path: Any, stream: str) -> None:
    """Every recording of the stand-in lasts 3.5 seconds."""
    anna = make_key(tmp_path, audio_seconds_per_hour=7)
    keyed_house.client.headers.update(anna)
    for number, left in ((1, "3"), (2, "0")):
        reply = await keyed_house.transcribe(f"speech {number}".encode(), prefix="/openai/v1", stream=stream)
        assert reply.status_code == 200
        assert reply.headers["x-ratelimit-limit-audio-seconds"] == "7"
        if stream == "false":
            assert reply.headers["x-ratelimit-remaining-audio-seconds"] == left
    refused = await keyed_house.transcribe(b"speech 3", prefix="/openai/v1")
    assert_envelope(refused, 429, "rate_limit_exceeded")
    assert len(keyed_house.service.ears.heard) == 2
    assert (await keyed_house.client.get("/v1/models")).status_code == 200


async def test_speech_counts_as_audio(keyed_house: House, tmp_path: Any) -> None:
    """The stand-in says two words and two pauses in 0.6 s."""
    keyed_house.client.headers.update(make_key(tmp_path, audio_seconds_per_hour=1))
    body = {"model": "tts-1", "voice": "alloy", "input": "One two.", "response_format": "flac"}
    for left in ("1", "0"):
        reply = await keyed_house.client.post("/openai/v1/audio/speech", json=body)
        assert reply.status_code == 200
        assert reply.headers["x-ratelimit-remaining-audio-seconds"] == left, "what may be used when the audio begins"
    assert_envelope(await keyed_house.client.post("/v1/audio/speech", json=body), 429, "rate_limit_exceeded")
    assert_envelope(await keyed_house.transcribe(b"speech"), 429, "rate_limit_exceeded")
    assert (await keyed_house.client.get("/v1/audio/voices")).status_code == 200, "only what makes audio is refused"


async def test_who_leaves_early_pays_for_what_was_spoken(tmp_path: Any) -> None:
    headers = make_key(tmp_path, audio_seconds_per_hour=1000)
    body = {"model": "tts-1", "voice": "alloy", "input": "One two. " * 2000, "response_format": "pcm"}
    async with serving(data_dir=tmp_path) as server, httpx2.AsyncClient(base_url=server.url, headers=headers) as client:
        async with client.stream("POST", "/v1/audio/speech", json=body) as reply:
            await anext(reply.aiter_bytes())
        async with asyncio.timeout(10):
            left = 1000.0
            while left == 1000:  # until the server has noticed
                left = float((await client.get("/openai/v1/models")).headers[REMAINING])
    assert 200 < left < 1000, "all of it would be 1200 s"


@pytest.mark.parametrize("stream", ["false", "true"])
async def test_each_channel_counts(keyed_house: House, tmp_path: Any, stream: str) -> None:
    keyed_house.client.headers.update(make_key(tmp_path, audio_seconds_per_hour=10))
    await keyed_house.transcribe(b"call 1", prefix="/openai/v1", stream=stream, channels="split")
    reply = await keyed_house.transcribe(b"speech", prefix="/openai/v1", response_format="text")
    assert reply.status_code == 200
    assert reply.headers["x-ratelimit-remaining-audio-seconds"] == "0"  # 10 - 2 * 3.5 - 3.5


async def test_the_counters_survive_a_restart(open_house: Opener, tmp_path: Any) -> None:
    anna = make_key(tmp_path, requests_per_day=2)
    for _ in range(2):
        house = await open_house(data_dir=tmp_path)
        assert (await house.client.get("/v1/models", headers=anna)).status_code == 200
    house = await open_house(data_dir=tmp_path)
    assert_envelope(await house.client.get("/v1/models", headers=anna), 429)


async def test_the_sdks_understand(tmp_path: Any) -> None:
    secret = make_key(tmp_path, requests_per_minute=2)["authorization"].removeprefix("Bearer ")
    async with serving(data_dir=tmp_path) as server:
        async with groq.AsyncGroq(api_key=secret, base_url=server.url, max_retries=0) as client:
            await client.models.list()
        async with openai.AsyncOpenAI(api_key=secret, base_url=f"{server.url}/v1", max_retries=0) as client:
            await client.models.list()
            with pytest.raises(openai.RateLimitError, match="Please try again in") as refused:
                await client.models.list()
        assert refused.value.code == "rate_limit_exceeded"
        async with openai.AsyncOpenAI(api_key="sk-wrong", base_url=f"{server.url}/v1", max_retries=0) as client:
            with pytest.raises(openai.AuthenticationError):
                await client.models.list()
