"""What a realtime session writes of people's speech is what an upload of the same audio gives."""

import asyncio
import json
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import numpy as np
import openai
import pytest

from speechd.operations.live.pcm_input import wav_file
from speechd.types import SAMPLE_RATE
from tests.real.corpora import samples_of, worded
from tests.real.debian import readings
from tests.real.weights import BASE, model_folder
from tests.support.realtime import LiveServer, append, serving_live, texts, until, update
from tests.support.wer import word_errors

pytestmark = pytest.mark.real

MODEL = "base"
SPEED = 4
"""Times faster than speech; the text must not depend on it."""
LIMIT = 0.01
"""Word errors of a turn's text against the upload's."""


def whisper_base(data_dir: Path) -> AbstractAsyncContextManager[LiveServer]:
    """Without a memory of transcripts: the upload's must not be the answer of the session."""
    aliases = {MODEL: str(model_folder(BASE))}
    return serving_live(data_dir, None, model_aliases=aliases, result_cache_seconds=0)


def pieces() -> list[bytes]:
    """Sentences of several people as 16-bit samples at 16 kHz."""
    said = [*worded("en", 12)[:3], *readings()[:3]]
    return [(np.clip(samples_of(prompt), -1, 1) * 32_767).astype("<i2").tobytes() for prompt in said]


async def uploaded(live: LiveServer, audio: bytes) -> str:
    async with openai.AsyncOpenAI(base_url=f"{live.url}/v1", api_key="none") as client:
        file = ("turn.wav", wav_file(audio, SAMPLE_RATE))
        return (await client.audio.transcriptions.create(model=MODEL, file=file)).text


async def heard(live: LiveServer, audio: bytes, *, commit: bool) -> tuple[list[str], str]:
    """The texts of the turns, and all deltas joined, of audio that comes at SPEED."""
    step = SAMPLE_RATE // 5
    detection = None if commit else {"type": "server_vad"}
    input = {"format": {"type": "audio/pcm", "rate": SAMPLE_RATE}, "turn_detection": detection}
    async with live.connect() as socket:
        await socket.send(update(audio={"input": input | {"transcription": {"model": MODEL}}}))
        reading = asyncio.create_task(until(socket, ".completed", ".failed"))
        spoken = audio + (b"" if commit else bytes(2 * SAMPLE_RATE))
        for start in range(0, len(spoken), step):
            await socket.send(append(spoken[start : start + step]))
            await asyncio.sleep(step / 2 / SAMPLE_RATE / SPEED)
        if commit:
            await socket.send(json.dumps({"type": "input_audio_buffer.commit"}))
        events = await reading
    deltas = "".join(event["delta"] for event in events if event["type"].endswith(".delta"))
    return texts(events), deltas


async def test_a_turn_is_written_as_an_upload(tmp_path: Path) -> None:
    errors = words = changed = 0
    async with whisper_base(tmp_path) as live:
        for audio in pieces():
            upload = await uploaded(live, audio)
            (text,), deltas = await heard(live, audio, commit=True)
            found, count = word_errors(upload, text)
            errors, words = errors + found, words + count
            changed += word_errors(text, deltas)[0]
    assert words > 60
    assert errors <= LIMIT * words
    assert changed <= 0.1 * words, "what is told early is nearly always what is said in the end"


async def test_a_detected_turn_is_nearly_the_upload(tmp_path: Path) -> None:
    """Its beginning and end are the detector's, so its audio is not to the sample the recording's."""
    errors = words = 0
    async with whisper_base(tmp_path) as live:
        for audio in pieces()[3:]:
            upload = await uploaded(live, audio)
            found, _ = await heard(live, audio, commit=False)
            wrong, count = word_errors(upload, " ".join(found))
            errors, words = errors + wrong, words + count
    assert errors <= 0.05 * words
