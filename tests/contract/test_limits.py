"""Named keys over HTTP: who comes in, how much, and what the headers and the SDKs say."""

import asyncio
import io
import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import groq
import httpx2
import numpy as np
import openai
import pytest
import soundfile

from speechd.auth.keys import KeyFile, KeyLimits
from speechd.cache.coalescing import RequestCoalescer
from tests.contract.conftest import House, Opener, opened, serving
from tests.contract.test_error_shape import assert_envelope

REMAINING = "x-ratelimit-remaining-audio-seconds"


def make_key(tmp_path: Any, name: str = "anna", **limits: float) -> dict[str, str]:
    """The authorization header of a new key."""
    secret = KeyFile(tmp_path / "keys.json").add(name, KeyLimits(**limits))  # type: ignore[arg-type]
    return {"authorization": f"Bearer {secret}"}


def tone(seconds: float, frequency: float = 440.0) -> bytes:
    """A WAV."""
    times = np.arange(int(seconds * 8000)) / 8000
    file = io.BytesIO()
    soundfile.write(file, 0.1 * np.sin(2 * np.pi * frequency * times), 8000, format="WAV")
    return file.getvalue()


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
    """The stand-in says two words and two pauses in 0.6 s; it is expected to need 0.57 s."""
    keyed_house.client.headers.update(make_key(tmp_path, audio_seconds_per_hour=2.1))
    body = {"model": "tts-1", "voice": "alloy", "input": "One two.", "response_format": "flac"}
    for left in ("1", "0", "0", "0"):
        reply = await keyed_house.client.post("/openai/v1/audio/speech", json=body)
        assert reply.status_code == 200
        assert reply.headers[REMAINING] == left, "what others may use while it is spoken"
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
            left = 0.0  # all is reserved: the text may take that long
            while left == 0:  # until the server has noticed
                left = float((await client.get("/openai/v1/models")).headers[REMAINING])
    assert 200 < left < 1000, "all of it would be 1200 s"


@pytest.mark.parametrize("stream", ["false", "true"])
async def test_each_channel_counts(keyed_house: House, tmp_path: Any, stream: str) -> None:
    keyed_house.client.headers.update(make_key(tmp_path, audio_seconds_per_hour=10))
    await keyed_house.transcribe(b"call 1", prefix="/openai/v1", stream=stream, channels="split")
    reply = await keyed_house.transcribe(b"speech", prefix="/openai/v1", response_format="text")
    assert reply.status_code == 200
    assert reply.headers["x-ratelimit-remaining-audio-seconds"] == "0"  # 10 - 2 * 3.5 - 3.5


async def test_the_counters_survive_a_restart(tmp_path: Any) -> None:
    anna = make_key(tmp_path, requests_per_day=2)
    for _ in range(2):
        async with opened(data_dir=tmp_path) as house:
            assert (await house.client.get("/v1/models", headers=anna)).status_code == 200
    async with opened(data_dir=tmp_path) as house:
        assert_envelope(await house.client.get("/v1/models", headers=anna), 429)


async def test_a_locked_database_holds_up_nobody(tmp_path: Any) -> None:
    """Another process has the database for itself: requests are answered and limited, and their counts arrive later."""
    anna = make_key(tmp_path, requests_per_day=30)
    async with opened(data_dir=tmp_path) as house:
        store = await house.app.state.jobs.open_usage()
        other = sqlite3.connect(tmp_path / "speechd.db", isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        try:
            replies = [await house.client.get("/v1/models", headers=anna) for _ in range(20)]
            assert [reply.headers["x-ratelimit-remaining-requests"] for reply in replies] == [
                str(left) for left in range(29, 9, -1)
            ]
            await asyncio.sleep(1.5)  # a write has been tried
            replies = [await house.client.get("/v1/models", headers=anna) for _ in range(11)]
            assert [reply.status_code for reply in replies] == [200] * 10 + [429]
            assert await store.read() == [], "nothing could be written yet"
        finally:
            other.close()
        async with asyncio.timeout(30):
            while {row.used for row in await store.read()} != {30.0}:  # noqa: ASYNC110 - written in the background
                await asyncio.sleep(0.05)


async def test_two_servers_on_one_database_add_up(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("speechd.auth.usage_writer.FLUSH_SECONDS", 0.02)
    monkeypatch.setattr("speechd.auth.usage_writer.REFRESH_SECONDS", 0.02)
    anna = make_key(tmp_path, requests_per_day=1000)

    async def left(house: House) -> int:
        reply = await house.client.get("/v1/models", headers=anna)
        return int(reply.headers["x-ratelimit-remaining-requests"])

    async with opened(data_dir=tmp_path) as one, opened(data_dir=tmp_path) as two:
        assert [await left(one) for _ in range(5)] == [999, 998, 997, 996, 995]
        asked = 6
        async with asyncio.timeout(30):
            while await left(two) != 1000 - asked:  # each look is a request, too
                asked += 1
                await asyncio.sleep(0.05)


async def test_hanging_up_is_charged(tmp_path: Any) -> None:
    """What was heard for who left counts, each time that the work begins anew."""
    headers = make_key(tmp_path, audio_seconds_per_hour=5)
    async with opened(data_dir=tmp_path) as house:
        house.client.headers.update(headers)
        for _ in range(2):
            with suppress(TimeoutError):
                async with asyncio.timeout(0.3):
                    await house.transcribe(b"slow end")
        async with asyncio.timeout(10):
            while house.service.ears.running:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert len(house.service.ears.heard) == 2
        reply = await house.client.get("/openai/v1/models")
        assert reply.headers[REMAINING] == "2", "5 - 2 * 1.48: its first segment was heard"


async def test_work_that_ends_after_its_caller_left_is_charged_once(tmp_path: Any) -> None:
    """The caller leaves, the work goes on for who asks again, and both get one bill."""
    headers = make_key(tmp_path, audio_seconds_per_hour=5)
    async with opened(data_dir=tmp_path) as house:
        house.client.headers.update(headers)
        house.service.coalescer = RequestCoalescer(keep=60, grace=60)
        gate, parts = asyncio.Event(), house.service.ears._parts

        async def gated(*given: Any) -> AsyncIterator[Any]:
            async for part in parts(*given):
                yield part
                await gate.wait()

        house.service.ears._parts = gated  # type: ignore[method-assign, assignment]
        with suppress(TimeoutError):
            async with asyncio.timeout(0.3):
                await house.transcribe(b"speech")
        assert (await house.client.get("/openai/v1/models")).headers[REMAINING] == "0", "all of it may be needed"
        gate.set()
        again = await house.transcribe(b"speech")
        assert again.status_code == 200
        assert again.headers["x-speechd-cache"] != "miss"
        assert (await house.client.get("/openai/v1/models")).headers[REMAINING] == "1", "5 - 3.5"


async def test_asking_in_parallel_does_not_exceed_the_limit(keyed_house: House, tmp_path: Any) -> None:
    """Ten recordings of 4 s at once, 10 s allowed. The length of the stand-in's answer is what their headers say."""
    keyed_house.client.headers.update(make_key(tmp_path, audio_seconds_per_hour=10))
    recordings = [tone(4.0, 200 + 10 * number) for number in range(10)]
    replies = await asyncio.gather(*(keyed_house.transcribe(recording) for recording in recordings))
    assert sorted(reply.status_code for reply in replies) == [200] * 2 + [429] * 8
    assert len(keyed_house.service.ears.heard) == 2, "refused before any work"
    refused = next(reply for reply in replies if reply.status_code == 429)
    assert_envelope(refused, 429, "rate_limit_exceeded")
    assert (await keyed_house.client.get("/openai/v1/models")).headers[REMAINING] == "3"  # two answers of 3.5 s


async def test_a_recording_that_is_longer_than_the_limit(keyed_house: House, tmp_path: Any) -> None:
    """Waiting would not help: no SDK tries that again."""
    keyed_house.client.headers.update(make_key(tmp_path, audio_seconds_per_hour=10))
    for stream in ("false", "true"):
        refused = await keyed_house.transcribe(tone(11.0), stream=stream)
        assert_envelope(refused, 413, "request_too_large", "file")
        assert "retry-after" not in refused.headers
    assert not keyed_house.service.ears.heard


async def test_what_fails_is_not_charged(keyed_house: House, tmp_path: Any) -> None:
    keyed_house.client.headers.update(make_key(tmp_path, audio_seconds_per_hour=10))
    for words, status in ((b"broken", 400), (b"busy", 503), (b"late crash", 500)):
        assert (await keyed_house.transcribe(words)).status_code == status
        assert (await keyed_house.client.get("/openai/v1/models")).headers[REMAINING] == "10"


async def test_a_stream_that_fails_is_not_charged(keyed_house: House, tmp_path: Any) -> None:
    keyed_house.client.headers.update(make_key(tmp_path, audio_seconds_per_hour=10))
    reply = await keyed_house.transcribe(b"late crash", stream="true")
    assert "Hello there." in reply.text
    assert (await keyed_house.client.get("/openai/v1/models")).headers[REMAINING] == "10"


async def test_asking_again_for_what_is_there_is_no_new_audio(keyed_house: House, tmp_path: Any) -> None:
    """An SDK that timed out gets what it has paid for, also when nothing is left."""
    keyed_house.client.headers.update(make_key(tmp_path, audio_seconds_per_hour=3))
    keyed_house.service.coalescer = RequestCoalescer(keep=60)
    first = await keyed_house.transcribe(b"speech", prefix="/openai/v1")
    again = await keyed_house.transcribe(b"speech", prefix="/openai/v1")
    assert (first.status_code, again.status_code, again.headers["x-speechd-cache"]) == (200, 200, "hit")
    assert_envelope(await keyed_house.transcribe(b"another", prefix="/openai/v1"), 429, "rate_limit_exceeded")


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
