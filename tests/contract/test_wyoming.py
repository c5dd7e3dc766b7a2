"""The Wyoming protocol, asked by its own client, over the real service with fake engines."""

import asyncio
import gc
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
import soundfile
import soxr
from wyoming.asr import Transcribe
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.event import Event, Eventable
from wyoming.info import Describe, Info
from wyoming.ping import Ping
from wyoming.tts import Synthesize, SynthesizeChunk, SynthesizeStart, SynthesizeStop, SynthesizeVoice

from speechd.api.server import listen
from speechd.asr.engine import Decoded, Job
from speechd.audio.encode import pcm16
from speechd.registry.catalog import Model
from speechd.service import Service
from speechd.settings import Settings
from speechd.testing.fake_engines import FakeAsr, FakeTts
from speechd.tts.engine import Spoken, SynthesisOptions
from speechd.wyoming import server
from speechd.wyoming.events import MAX_PAYLOAD
from tests.conftest import fixtures
from tests.support.processes import eventually

SECONDS = 10
"""A conversation takes less."""


class GatedAsr(FakeAsr):
    """Decodes while its gate is open."""

    def __init__(self) -> None:
        super().__init__()
        self.gate, self.begun = threading.Event(), threading.Event()
        self.gate.set()

    def decode(self, jobs: Sequence[Job]) -> list[Decoded]:
        self.begun.set()
        self.gate.wait()
        return super().decode(jobs)


class GatedTts(FakeTts):
    """Speaks while its gate is open."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.gate.set()

    def synthesize(self, sentence: str, options: SynthesisOptions) -> Spoken:
        spoken = super().synthesize(sentence, options)
        self.gate.wait()
        return spoken


@dataclass
class House:
    """A server, its engines, and how to connect."""

    port: int
    asr: GatedAsr = field(default_factory=GatedAsr)
    tts: GatedTts = field(default_factory=GatedTts)
    loaded: list[str] = field(default_factory=list)

    def load(self, model: Model, settings: Settings) -> Any:
        self.loaded.append(model.id)
        return self.asr if model.kind == "asr" else self.tts

    def client(self) -> AsyncTcpClient:
        return AsyncTcpClient("127.0.0.1", self.port, connect_timeout=SECONDS, read_timeout=SECONDS)


@asynccontextmanager
async def opened(data_dir: Path, **settings: Any) -> AsyncIterator[House]:
    listener = listen("127.0.0.1", 0)
    house = House(listener.getsockname()[1])
    service = Service(Settings(data_dir=data_dir, **settings), house.load)
    async with server.serving(listener, service):
        yield house
        house.asr.gate.set()
        house.tts.gate.set()
    await service.close()


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with opened(tmp_path) as found:
        yield found


@cache
def speech(rate: int = 16_000) -> bytes:
    """A short recording of a voice as 16-bit mono PCM."""
    samples, own = soundfile.read(fixtures()[0].path, dtype="float32")
    return pcm16(soxr.resample(samples, own, rate)).tobytes()


async def send(client: AsyncTcpClient, *events: Eventable) -> None:
    for event in events:
        await client.write_event(event.event())


async def send_speech(client: AsyncTcpClient, rate: int = 16_000, *, start: bool = True) -> None:
    """As Home Assistant sends a command: a start, small chunks, a stop."""
    format = {"rate": rate, "width": 2, "channels": 1}
    if start:
        await send(client, AudioStart(**format))
    data = speech(rate)
    for at in range(0, len(data), 2048):
        await send(client, AudioChunk(audio=data[at : at + 2048], **format))
    await send(client, AudioStop())


async def read(client: AsyncTcpClient, last: str) -> list[Event]:
    """Events up to the first of a type; the connection must not end before."""
    found: list[Event] = []
    while not found or found[-1].type != last:
        event = await client.read_event()
        assert event is not None, found
        found.append(event)
    return found


async def read_to_end(client: AsyncTcpClient) -> list[Event]:
    found = []
    while (event := await client.read_event()) is not None:
        found.append(event)
    return found


def sound(events: Sequence[Event]) -> bytes:
    return b"".join(event.payload or b"" for event in events)


def types(events: Sequence[Event]) -> list[str]:
    """Types in order, repeated ones once."""
    return [kind for kind, _ in groupby(event.type for event in events)]


async def test_describe_tells_of_installed_models_and_loads_none(house: House) -> None:
    async with house.client() as client:
        await send(client, Describe())
        info = Info.from_event((await read(client, "info"))[-1])
    (asr,), (tts,) = info.asr, info.tts
    assert (asr.installed, asr.supports_transcript_streaming) == (True, True)
    assert asr.models[0].name == "whisper-pocket"  # what `auto` is
    assert {"en", "de"} <= set(asr.models[0].languages)
    assert (tts.installed, tts.supports_synthesize_streaming) == (True, True)
    assert [(voice.name, voice.languages) for voice in tts.voices] == [("en_US-pocket-x_low", ["en_US"])]
    assert house.loaded == []


async def test_a_voice_command_as_home_assistant_sends_it(house: House) -> None:
    async with house.client() as client:
        await send(client, Transcribe(language="en"))
        await send_speech(client)
        events = await read(client, "transcript-stop")
    assert types(events) == ["transcript-start", "transcript-chunk", "transcript", "transcript-stop"]
    start, *chunks, whole, _ = events
    assert start.data == {"language": "en"}
    assert whole.data == {"text": "speech at 0.", "language": "en"}
    assert "".join(chunk.data["text"] for chunk in chunks) == whole.data["text"]


async def test_several_requests_on_one_connection(house: House) -> None:
    async with house.client() as client:
        await send(client, Ping("still there?"))
        assert (await read(client, "pong"))[0].data == {"text": "still there?"}
        await send_speech(client, 44_100)
        first = await read(client, "transcript-stop")
        await send(client, Transcribe(name="whisper-pocket", language="de"), Synthesize("Hello there."))
        spoken = await read(client, "audio-stop")
        await send_speech(client, 8000, start=False)
        second = await read(client, "transcript-stop")
    assert [events[-2].data["language"] for events in (first, second)] == ["en", "de"]
    assert types(spoken) == ["audio-start", "audio-chunk", "audio-stop"]


async def test_a_text_is_spoken_at_the_rate_of_the_voice(house: House) -> None:
    async with house.client() as client:
        await send(client, Synthesize("One two three four.", voice=SynthesizeVoice(name="en_US-pocket-x_low")))
        start, *chunks, stop = await read(client, "audio-stop")
        format = {"rate": 16_000, "width": 2, "channels": 1}
        for event in (start, *chunks):
            assert event.data.items() >= format.items()
        assert abs(len(sound(chunks)) / 32_000 - 1.0) < 0.01  # four words of 0.2 s, 0.1 s around them
        assert abs(stop.data["timestamp"] - 1000) < 10
        await send(client, Synthesize(""))
        assert types(await read(client, "audio-stop")) == ["audio-start", "audio-stop"]


async def test_a_streamed_text_is_spoken_while_it_comes(house: House) -> None:
    async with house.client() as client:
        await send(client, SynthesizeStart(), SynthesizeChunk("Hello the"), SynthesizeChunk("re. And"))
        first = await read(client, "audio-chunk")  # before the text is complete
        await send(client, SynthesizeChunk(" then"), Synthesize("Hello there. And then"), SynthesizeStop())
        rest = await read(client, "synthesize-stopped")
        await send(client, Synthesize("Next."))
        assert types(await read(client, "audio-stop")) == ["audio-start", "audio-chunk", "audio-stop"]
    assert types(first) == ["audio-start", "audio-chunk"]
    assert types(rest) == ["audio-chunk", "audio-stop", "synthesize-stopped"]
    assert house.tts.said == ["Hello there.", "And then", "Next."]


@pytest.mark.parametrize(
    ("events", "code"),
    [
        ([Transcribe(name="no-such-model")], "model_not_found"),
        ([Transcribe(language="klingon")], "invalid_request_error"),
        ([AudioStop()], "invalid_request_error"),
        ([AudioChunk(16_000, 9, 1, b"x")], "invalid_request_error"),
        ([Synthesize("Hi", SynthesizeVoice(name="nobody"))], "voice_not_found"),
        ([Synthesize("<speak>", text_format="ssml")], "invalid_ssml"),
        ([SynthesizeChunk("Hi")], "invalid_request_error"),
        ([SynthesizeStop()], "invalid_request_error"),
        ([SynthesizeStart(), SynthesizeStart()], "invalid_request_error"),
        ([SynthesizeStart(), SynthesizeChunk("x" * 101)], "request_too_large"),
        ([AudioStart(8000, 2, 1), *[AudioChunk(8000, 2, 1, bytes(16_000))] * 3], "request_too_large"),
        ([AudioStart(8000, 2, 1), AudioChunk(8000, 2, 1, b""), AudioStop()], "invalid_audio"),
        ([Event("audio-chunk", {"width": 2, "channels": 1}, b"xx")], "invalid_request_error"),
        ([Event("synthesize", {"text": 7})], "invalid_request_error"),
        ([Event("audio-chunk", {}, bytes(MAX_PAYLOAD + 1))], "request_too_large"),
    ],
    ids=range(15),
)
async def test_an_error_is_told_and_ends_the_connection(tmp_path: Path, events: list[Any], code: str) -> None:
    async with opened(tmp_path, max_speech_characters=100, max_audio_seconds=2.5) as house, house.client() as client:
        for event in events:
            await client.write_event(event if isinstance(event, Event) else event.event())
        *_, error = await read_to_end(client)
        assert (error.type, error.data["code"]) == ("error", code)
        async with house.client() as next_client:  # the server goes on
            await send(next_client, Ping())
            await read(next_client, "pong")


async def test_a_client_that_leaves_stops_the_work(house: House) -> None:
    house.tts.gate.clear()
    async with house.client() as client:
        await send(client, Synthesize("One is spoken. " * 20))
        await read(client, "audio-start")
        assert await asyncio.to_thread(eventually, lambda: house.tts.said)
    house.tts.gate.set()
    await asyncio.sleep(0.2)
    assert len(house.tts.said) <= 2  # the sentence under way, and the one taken ahead


async def test_a_client_that_leaves_while_it_is_transcribed(house: House) -> None:
    house.asr.gate.clear()
    async with house.client() as client:
        await send_speech(client)
        assert await asyncio.to_thread(house.asr.begun.wait, SECONDS)
    house.asr.gate.set()
    async with house.client() as client:  # what it left does not disturb others
        await send_speech(client)
        assert (await read(client, "transcript"))[-1].data["text"] == "speech at 0."


async def test_describe_is_answered_while_others_wait(house: House) -> None:
    house.asr.gate.clear()
    async with house.client() as busy, house.client() as client:
        await send_speech(busy)
        assert await asyncio.to_thread(house.asr.begun.wait, SECONDS)
        await send(client, Describe())
        await read(client, "info")
        await send(busy, Describe())  # and on its own connection
        assert (await read(busy, "info"))[0].type == "transcript-start"
        house.asr.gate.set()
        await read(busy, "transcript-stop")


async def test_connections_are_bounded(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MAX_CONNECTIONS", 2)
    async with house.client() as first, house.client() as second:
        for client in (first, second):
            await send(client, Ping())
            await read(client, "pong")
        async with house.client() as third:
            (error,) = await read_to_end(third)
            assert error.data["code"] == "too_many_connections"
        monkeypatch.setattr(server, "IDLE_SECONDS", -1.0)
        async with house.client() as fourth:
            await send(fourth, Ping())
            await read(fourth, "pong")
            assert await first.read_event() is None  # it was idle for longest
            await send(second, Ping())
            await read(second, "pong")


async def test_nothing_is_left_of_many_connections(house: House) -> None:
    before = len(asyncio.all_tasks())
    for number in range(50):
        async with house.client() as client:
            await send(
                client, AudioStart(16_000, 2, 1), AudioChunk(16_000, 2, 1, bytes(2_000_000 if number < 2 else 9))
            )
            await send(client, SynthesizeStart(), SynthesizeChunk("Hello. And"))
    for _ in range(100):
        if len(asyncio.all_tasks()) <= before:
            break
        await asyncio.sleep(0.05)
    assert len(asyncio.all_tasks()) <= before
    gc.collect()  # an open temporary file would warn, and warnings are errors
