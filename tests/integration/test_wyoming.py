"""Home Assistant's conversation with real processes and the embedded models, by the protocol's own client."""

import asyncio
import io
import wave
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.info import Describe, Info
from wyoming.tts import Synthesize, SynthesizeVoice

from tests.integration.conftest import Program, started
from tests.support.command_line import speechd_in_process
from tests.support.wer import word_errors

LISTENS = r"listens on tcp://127\.0\.0\.1:(\d+)"
TEXT = "The weather is fine today."


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """HTTP and Wyoming in one process."""
    data_dir = tmp_path_factory.mktemp("data")
    with started(data_dir, "serve", LISTENS, SPEECHD_WYOMING_PORT="0") as program:
        program.wait_for(r"listens on http://")
        yield program


async def info(port: str) -> Info:
    async with AsyncTcpClient("127.0.0.1", int(port)) as client, asyncio.timeout(60):
        await client.write_event(Describe().event())
        event = await client.read_event()
        assert event is not None
        return Info.from_event(event)


async def synthesize(port: str, text: str, voice: str | None = None) -> bytes:
    """As Home Assistant's text-to-speech entity: the audio as a WAV file."""
    file = io.BytesIO()
    async with AsyncTcpClient("127.0.0.1", int(port)) as client, asyncio.timeout(60):
        await client.write_event(Synthesize(text, SynthesizeVoice(voice) if voice else None).event())
        with wave.open(file, "wb") as wav:
            while (event := await client.read_event()) is not None and not AudioStop.is_type(event.type):
                if AudioStart.is_type(event.type):
                    start = AudioStart.from_event(event)
                    wav.setframerate(start.rate)
                    wav.setsampwidth(start.width)
                    wav.setnchannels(start.channels)
                else:
                    wav.writeframes(AudioChunk.from_event(event).audio)
    return file.getvalue()


async def transcribe(port: str, recording: bytes) -> str:
    """As Home Assistant's speech-to-text entity: everything but the transcript is passed over."""
    async with AsyncTcpClient("127.0.0.1", int(port)) as client, asyncio.timeout(60):
        with wave.open(io.BytesIO(recording)) as wav:
            format = (wav.getframerate(), wav.getsampwidth(), wav.getnchannels())
            await client.write_event(Transcribe(language="en").event())
            await client.write_event(AudioStart(*format).event())
            while data := wav.readframes(512):
                await client.write_event(AudioChunk(*format, audio=data).event())
        await client.write_event(AudioStop().event())
        while True:
            event = await client.read_event()
            assert event is not None
            if Transcript.is_type(event.type):
                return Transcript.from_event(event).text


async def test_what_a_voice_says_is_understood(serving: Program) -> None:
    found = await info(serving.found)
    assert "en" in {language for model in found.asr[0].models for language in model.languages}
    recording = await synthesize(serving.found, TEXT, found.tts[0].voices[0].name)
    errors, words = word_errors(TEXT, await transcribe(serving.found, recording))
    assert errors <= 0.2 * words


@pytest.mark.slow
async def test_info_does_not_wait_for_the_models(serving: Program) -> None:
    recording = await synthesize(serving.found, f"{TEXT} " * 5)
    work = [asyncio.create_task(transcribe(serving.found, recording)) for _ in range(2)]
    work += [asyncio.create_task(synthesize(serving.found, f"{TEXT} {n} " * 20)) for n in range(4)]
    await asyncio.sleep(0.2)
    assert (await info(serving.found)).asr
    assert not all(task.done() for task in work)
    await asyncio.gather(*work)


async def test_both_front_doors_share_the_models(serving: Program) -> None:
    await transcribe(serving.found, await synthesize(serving.found, TEXT))
    address = next(line.split()[-4] for line in serving.log if "listens on http" in line)
    async with httpx2.AsyncClient() as client:
        loaded = (await client.get(f"{address}/v1/models", params={"loaded": "true"})).json()["data"]
    assert {model["id"] for model in loaded} >= {"whisper-pocket", "en_US-pocket-x_low"}


async def test_a_process_of_its_own_serves_nothing_else(tmp_path: Path) -> None:
    with started(tmp_path, "wyoming", LISTENS, SPEECHD_WYOMING_PORT="0") as program:
        assert (await info(program.found)).tts
    log = "".join(program.log)
    assert "http://" not in log
    assert "Traceback" not in log
    assert program.process.returncode == 0


def test_a_used_port_is_said_at_once(serving: Program) -> None:
    done = speechd_in_process("wyoming", "--port", serving.found)
    assert done.returncode == 1
    assert "SPEECHD_WYOMING_PORT" in done.stderr
