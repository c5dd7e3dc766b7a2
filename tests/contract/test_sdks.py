"""The unmodified groq and openai SDKs against a real uvicorn on loopback."""

from pathlib import Path

import groq
import openai
import pytest

from tests.contract.conftest import Server
from tests.support.fake_service import TEXT

AUDIO = ("a.wav", b"speech")


@pytest.fixture
async def groq_client(server: Server):
    async with groq.AsyncGroq(api_key="unused", base_url=server.url, max_retries=0) as client:
        yield client


@pytest.fixture
async def openai_client(server: Server):
    async with openai.AsyncOpenAI(api_key="unused", base_url=f"{server.url}/v1", max_retries=0) as client:
        yield client


async def test_groq_transcription(groq_client: groq.AsyncGroq) -> None:
    raw = await groq_client.audio.transcriptions.with_raw_response.create(file=AUDIO, model="stand-in")
    answer = await raw.parse()
    assert answer.text == TEXT
    assert answer.x_groq["id"] == raw.headers["x-request-id"]


async def test_groq_verbose_with_both_granularities(groq_client: groq.AsyncGroq, server: Server) -> None:
    answer = await groq_client.audio.transcriptions.create(
        file=AUDIO,
        model="stand-in",
        language="en",
        prompt="Before.",
        temperature=0.0,
        response_format="verbose_json",
        timestamp_granularities=["word", "segment"],
    )
    assert answer.language == "English"
    assert answer.words[0] == {"word": "Hello", "start": 0.52, "end": 0.9}
    assert answer.segments[0]["id"] == 0
    assert server.service.ears.asked[0].prompt == "Before."


async def test_groq_text_url_and_bare_bytes(groq_client: groq.AsyncGroq, server: Server) -> None:
    text = await groq_client.audio.transcriptions.create(file=b"speech", model="stand-in", response_format="text")
    assert text == TEXT
    answer = await groq_client.audio.transcriptions.create(url="http://example.org/a.wav", model="auto")
    assert answer.text == TEXT
    assert server.service.ears.heard == [b"speech", b"http://example.org/a.wav"]


async def test_groq_translation_and_models(groq_client: groq.AsyncGroq, server: Server) -> None:
    answer = await groq_client.audio.translations.create(file=AUDIO, model="stand-in")
    assert answer.text == TEXT
    assert server.service.ears.asked[0].task == "translate"
    assert (await groq_client.models.list()).data[0].id == "stand-in"
    assert (await groq_client.models.retrieve("org/stand-in-en")).owned_by == "speechd"


async def test_groq_errors(groq_client: groq.AsyncGroq) -> None:
    with pytest.raises(groq.BadRequestError) as bad:
        await groq_client.audio.transcriptions.create(file=AUDIO, model="stand-in", temperature=2)
    assert bad.value.body["error"]["param"] == "temperature"
    with pytest.raises(groq.NotFoundError):
        await groq_client.models.retrieve("nonsense")
    with pytest.raises(groq.UnprocessableEntityError):
        await groq_client.audio.translations.create(file=AUDIO, model="org/stand-in-en")


async def test_openai_transcription(openai_client: openai.AsyncOpenAI, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"speech")
    answer = await openai_client.audio.transcriptions.create(file=path, model="stand-in", include=["logprobs"])
    assert answer.text == TEXT
    assert answer.usage.seconds == 4
    assert answer.logprobs[0].token == " Hello"


async def test_openai_verbose(openai_client: openai.AsyncOpenAI) -> None:
    answer = await openai_client.audio.transcriptions.create(
        file=AUDIO, model="stand-in", response_format="verbose_json", timestamp_granularities=["word"]
    )
    assert answer.language == "english"
    assert answer.words[1].word == "there."
    assert answer.segments is None


@pytest.mark.parametrize(("name", "start"), [("srt", "1\n00:00:00,520"), ("vtt", "WEBVTT"), ("text", "Hello")])
async def test_openai_text_formats(openai_client: openai.AsyncOpenAI, name: str, start: str) -> None:
    answer = await openai_client.audio.transcriptions.create(file=AUDIO, model="stand-in", response_format=name)
    assert answer.startswith(start)


async def test_openai_lists_and_objects(openai_client: openai.AsyncOpenAI, server: Server) -> None:
    await openai_client.audio.transcriptions.create(
        file=AUDIO,
        model="stand-in",
        keywords=["Kenobi"],
        languages=["en", "de"],
        chunking_strategy={"type": "server_vad", "threshold": 0.7, "silence_duration_ms": 300},
    )
    asked = server.service.ears.asked[0]
    assert (asked.hotwords, asked.languages) == (("Kenobi",), ("en", "de"))
    assert (asked.vad.threshold, asked.vad.min_silence) == (0.7, 0.3)


async def test_openai_stream(openai_client: openai.AsyncOpenAI) -> None:
    stream = await openai_client.audio.transcriptions.create(file=AUDIO, model="stand-in", stream=True)
    events = [event async for event in stream]
    assert [event.type for event in events] == ["transcript.text.delta"] * 2 + ["transcript.text.done"]
    assert "".join(event.delta for event in events[:-1]) == events[-1].text == TEXT


async def test_openai_stream_that_breaks(openai_client: openai.AsyncOpenAI) -> None:
    stream = await openai_client.audio.transcriptions.create(
        file=("a.wav", b"late refusal"), model="stand-in", stream=True
    )
    with pytest.raises(openai.APIError, match="broke off"):
        async for _ in stream:
            pass


@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")  # the SDK's own remark on translations
async def test_openai_translation(openai_client: openai.AsyncOpenAI) -> None:
    answer = await openai_client.audio.translations.create(file=AUDIO, model="stand-in", response_format="verbose_json")
    assert (answer.language, answer.text) == ("english", TEXT)


def test_the_blocking_clients(server_in_thread: str) -> None:
    """They write the whole body before they read a byte of the answer."""
    with groq.Groq(api_key="unused", base_url=server_in_thread, max_retries=0) as client:
        assert client.audio.transcriptions.create(file=AUDIO, model="stand-in").text == TEXT
        with pytest.raises(groq.APIStatusError) as refused:
            client.audio.transcriptions.create(file=("a.wav", b"x" * 40_000_000), model="stand-in")
        assert refused.value.status_code == 413
        assert client.audio.transcriptions.create(file=AUDIO, model="stand-in").text == TEXT


@pytest.mark.parametrize("size", [2_000_001, 3_500_000, 40_000_000])
async def test_both_see_the_413(groq_client: groq.AsyncGroq, openai_client: openai.AsyncOpenAI, size: int) -> None:
    large = ("a.wav", b"x" * size)
    with pytest.raises(groq.APIStatusError) as from_groq:
        await groq_client.audio.transcriptions.create(file=large, model="stand-in")
    with pytest.raises(openai.APIStatusError) as from_openai:
        await openai_client.audio.transcriptions.create(file=large, model="stand-in")
    for error in (from_groq.value, from_openai.value):
        assert error.status_code == 413
        assert error.response.json()["error"]["code"] == "request_too_large"
