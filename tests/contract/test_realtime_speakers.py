"""Who speaks in realtime sessions, with fake engines behind a real server on loopback."""

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import openai
import pytest
from websockets.exceptions import InvalidStatus

from speechd.audio.encode import pcm16
from speechd.types import SAMPLE_RATE
from tests.contract.test_speakers import with_weights
from tests.support.conversations import load_fakes, spoken, turns_of
from tests.support.realtime import LiveServer, append, serving_live, until, update

FORMAT = {"type": "audio/pcm", "rate": SAMPLE_RATE}
VAD = {"type": "server_vad", "silence_duration_ms": 400}
TELL = {"speakers": True}
VOICES = (1, 2, 1, 3, 2)


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[LiveServer]:
    async with serving_live(with_weights(tmp_path), load_fakes) as server:
        yield server


def audio(*voices: int) -> bytes:
    """Turns one after the other, with a pause at the end."""
    return pcm16(np.concatenate([turns_of(*voices), np.zeros(SAMPLE_RATE, np.float32)])).tobytes()


def asking(transcription: dict[str, Any], detection: dict[str, Any] | None = VAD, **session: Any) -> str:
    """The message that configures a session."""
    heard = {"format": FORMAT, "transcription": transcription, "turn_detection": detection}
    return update(audio={"input": heard}, **session)


async def turns(live: LiveServer, message: str, sound: bytes, count: int) -> list[dict[str, Any]]:
    """The events up to the text of the last of so many turns."""
    events: list[dict[str, Any]] = []
    async with live.connect() as socket:
        await socket.send(message)
        await socket.send(append(sound))
        for _ in range(count):
            events += await until(socket, ".completed", ".failed", "error")
    return events


def speakers(events: list[dict[str, Any]]) -> list[str]:
    """Of the segments, in the order of the turns."""
    order = [event["item_id"] for event in events if event["type"].endswith(".committed")]
    told = [event for event in events if event["type"].endswith(".segment")]
    return [event["speaker"] for event in sorted(told, key=lambda event: order.index(event["item_id"]))]


async def test_a_speaker_keeps_the_letter_through_the_session(live: LiveServer) -> None:
    events = await turns(live, asking(TELL), audio(*VOICES), len(VOICES))
    assert speakers(events) == ["A", "B", "A", "C", "B"]
    completed = [event for event in events if event["type"].endswith(".completed")]
    for event in completed:
        own = [each for each in events if each["type"].endswith(".segment") and each["item_id"] == event["item_id"]]
        assert " ".join(each["text"] for each in own) == event["transcript"]
        assert all(events.index(each) < events.index(event) for each in own), "segments come before `completed`"
        assert all(0 <= each["start"] < each["end"] <= event["usage"]["seconds"] for each in own)


async def test_two_people_in_one_turn_are_told_apart(live: LiveServer) -> None:
    async with live.connect() as socket:
        await socket.send(asking(TELL, None))
        await socket.send(append(audio(1, 1, 1, 2, 2, 2)))
        await socket.send('{"type": "input_audio_buffer.commit"}')
        events = await until(socket, ".completed", ".failed", "error")
        assert speakers(events) == ["A", "A", "A", "B", "B", "B"]
        await socket.send(append(audio(2, 2, 2, 1, 1, 1)))
        await socket.send('{"type": "input_audio_buffer.commit"}')
        events = await until(socket, ".completed", ".failed", "error")
        assert speakers(events) == ["B", "B", "B", "A", "A", "A"]


async def test_words_have_their_speaker(live: LiveServer) -> None:
    include = ["item.input_audio_transcription.words"]
    events = await turns(live, asking(TELL, include=include), audio(1, 2), 2)
    completed = [event for event in events if event["type"].endswith(".completed")]
    assert sorted({word["speaker"] for event in completed for word in event["words"]}) == ["A", "B"]


async def test_a_session_has_no_more_speakers_than_it_may(live: LiveServer) -> None:
    events = await turns(live, asking(TELL | {"max_speakers": 2}), audio(*VOICES), len(VOICES))
    assert set(speakers(events)) == {"A", "B"}


async def test_who_does_not_ask_gets_no_speakers(live: LiveServer) -> None:
    include = ["item.input_audio_transcription.words"]
    for transcription in ({}, {"speakers": False, "model": "gpt-4o-transcribe-diarize"}):
        events = await turns(live, asking(transcription, include=include), audio(1, 2), 2)
        assert not speakers(events)
        assert not any("speaker" in word for event in events for word in event.get("words", ()))


async def test_the_sdk_hears_speakers_where_it_names_the_diarizing_model(live: LiveServer) -> None:
    """OpenAI's own event, whose model is asked for as OpenAI documents it."""
    heard = {"format": FORMAT, "transcription": {"model": "gpt-4o-transcribe-diarize"}, "turn_detection": VAD}
    client = openai.AsyncOpenAI(base_url=f"{live.url}/v1", api_key="none", max_retries=0)
    told = []
    async with client, client.realtime.connect(extra_query={"intent": "transcription"}) as connection:
        await connection.session.update(session={"type": "transcription", "audio": {"input": heard}})  # type: ignore[arg-type,typeddict-item]
        await connection.input_audio_buffer.append(audio=base64.b64encode(audio(1, 2)).decode())
        async with asyncio.timeout(30):
            async for event in connection:
                assert event.type != "error", event
                if event.type == "conversation.item.input_audio_transcription.segment":
                    told.append(event)
                    if len(told) == 2:
                        break
    assert [event.speaker for event in told] == ["A", "B"]
    assert all(event.text.startswith("speech at") and event.end > event.start for event in told)


async def test_a_bad_number_of_speakers_is_refused_and_the_session_stays(live: LiveServer) -> None:
    async with live.connect() as socket:
        for wrong in (0, 12, "x"):
            await socket.send(asking(TELL | {"max_speakers": wrong}))
            error = (await until(socket, "error"))[-1]["error"]
            assert error["param"] == "session.audio.input.transcription.max_speakers"
        await socket.send(asking(TELL))
        await socket.send(append(audio(1)))
        assert speakers(await until(socket, ".completed")) == ["A"]


async def test_without_the_model_the_answer_names_the_command(tmp_path: Path) -> None:
    async with serving_live(tmp_path, load_fakes) as live:
        async with live.connect() as socket:
            await socket.send(asking(TELL))
            error = (await until(socket, "error"))[-1]["error"]
        assert error["code"] == "model_not_installed"
        assert "speechd models pull campplus" in error["message"]
        with pytest.raises(InvalidStatus) as refused:
            await live.connect("/v1/realtime?intent=transcription&model=gpt-4o-transcribe-diarize")
        assert refused.value.response.status_code == 503


async def test_a_syllable_is_of_the_last_speaker(live: LiveServer) -> None:
    """It is too short to have a voice."""
    silence = np.zeros(SAMPLE_RATE, np.float32)
    syllable = spoken(2)[: int(0.9 * SAMPLE_RATE)]
    syllable[: int(0.5 * SAMPLE_RATE)] = 0
    sound = pcm16(np.concatenate([turns_of(3), silence, syllable, silence, turns_of(2), silence])).tobytes()
    events = await turns(live, asking(TELL), sound, 3)
    assert speakers(events) == ["A", "A", "B"]
