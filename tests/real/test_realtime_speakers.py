"""Who speaks in a realtime session, with whisper-base and CAM++ on a conversation of two people."""

import asyncio
import json
from pathlib import Path

import pytest

from speechd.audio.encode import pcm16
from speechd.types import SAMPLE_RATE
from tests.bench.recognition.in_process import install
from tests.real.conversations import Conversation, conversations
from tests.real.weights import BASE, model_folder, speakers_folder
from tests.support.realtime import append, serving_live, update

pytestmark = pytest.mark.real

SPEED = 4
"""Times faster than speech."""
Told = tuple[float, float, str]
"""Start and end on the clock of the session, and the speaker."""


async def told_of(conversation: Conversation, data: Path) -> list[Told]:
    """What a session tells of who speaks."""
    model = install(model_folder(BASE), data)
    (data / "models" / "campplus").symlink_to(speakers_folder())
    starts, told, step = dict[str, float](), list[Told](), 2 * SAMPLE_RATE // 5
    audio = pcm16(conversation.samples).tobytes() + bytes(3 * SAMPLE_RATE)
    heard = {"format": {"type": "audio/pcm", "rate": SAMPLE_RATE}, "transcription": {"model": model, "speakers": True}}
    async with serving_live(data, None) as live, live.connect() as socket:
        await socket.send(update(audio={"input": heard}))

        async def speak() -> None:
            for start in range(0, len(audio), step):
                await socket.send(append(audio[start : start + step]))
                await asyncio.sleep(step / 2 / SAMPLE_RATE / SPEED)
            await socket.send(json.dumps({"type": "input_audio_buffer.clear"}))

        speaking, unfinished, cleared = asyncio.create_task(speak()), set[str](), False
        async with asyncio.timeout(600):
            while not cleared or unfinished:
                event = json.loads(await socket.recv())
                cleared = cleared or event["type"].endswith(".cleared")
                turn = event.get("item_id", "")
                if event["type"].endswith(".speech_started"):
                    starts[turn] = event["audio_start_ms"] / 1000
                    unfinished.add(turn)
                elif event["type"].endswith(".segment"):
                    told.append((starts[turn] + event["start"], starts[turn] + event["end"], event["speaker"]))
                elif event["type"].endswith((".completed", ".failed")):
                    unfinished.discard(turn)
        await speaking
    return told


async def test_two_people_keep_their_letters(tmp_path: Path) -> None:
    conversation = conversations("held out")[2]
    told = await told_of(conversation, tmp_path)
    people = list(dict.fromkeys(turn.speaker for turn in conversation.truth))
    shares: dict[tuple[str, str], float] = {}
    for start, end, speaker in told:
        for turn in conversation.truth:
            together = max(0.0, min(end, turn.end) - max(start, turn.start))
            shares[speaker, turn.speaker] = shares.get((speaker, turn.speaker), 0.0) + together
    right = shares.get(("A", people[0]), 0.0) + shares.get(("B", people[1]), 0.0)
    assert {speaker for _, _, speaker in told} == {"A", "B"}
    assert right >= 0.95 * sum(shares.values())
    assert sum(shares.values()) >= 0.8 * sum(turn.end - turn.start for turn in conversation.truth)
