"""Turns are given to speakers in the order in which they were spoken, whenever their texts come."""

import asyncio
from itertools import count

import numpy as np

from speechd.operations.live.speakers import SessionSpeakers
from speechd.types import Segment, SpeakerVoice, Transcript

SEEDS = count()


def voice(label: str, who: int, seconds: float = 3.0) -> SpeakerVoice:
    embedding = np.eye(8, dtype="<f4")[who] + 0.01 * np.random.default_rng(next(SEEDS)).random(8, np.float32)
    return SpeakerVoice(label, (seconds * embedding).astype("<f4").tobytes(), seconds)


def turn(*voices: SpeakerVoice, said: tuple[str, ...] | None = None) -> Transcript:
    """A segment of each of these labels, by default of each voice."""
    labels = [each.label for each in voices] if said is None else said
    segments = tuple(Segment(n, n + 1, f" {label}", speaker=label) for n, label in enumerate(labels))
    return Transcript("transcribe", "en", len(segments), segments, voices=voices)


def speakers(transcript: Transcript) -> str:
    return "".join(each.speaker for each in transcript.segments)


async def test_the_letters_of_a_turn_become_those_of_the_session() -> None:
    session = SessionSpeakers()
    assert speakers(await session.reserve().label(turn(voice("A", 5)))) == "A"
    labelled = await session.reserve().label(turn(voice("A", 3), voice("B", 5), said=("A", "B", "A")))
    assert speakers(labelled) == "BAB"
    assert labelled.voices == ()


async def test_a_text_that_comes_early_waits_for_the_turn_before() -> None:
    session = SessionSpeakers()
    first, second = session.reserve(), session.reserve()
    early = asyncio.ensure_future(second.label(turn(voice("A", 1))))
    await asyncio.sleep(0)
    assert not early.done()
    assert speakers(await first.label(turn(voice("A", 2)))) == "A"
    assert speakers(await early) == "B"


async def test_a_turn_that_failed_holds_up_nobody() -> None:
    session = SessionSpeakers()
    failed, next_one = session.reserve(), session.reserve()
    failed.release()
    async with asyncio.timeout(1):
        assert speakers(await next_one.label(turn(voice("A", 1)))) == "A"


async def test_what_is_too_short_is_the_last_speakers() -> None:
    session = SessionSpeakers()
    assert speakers(await session.reserve().label(turn(said=("A",)))) == "A"
    assert speakers(await session.reserve().label(turn(voice("A", 1)))) == "A", "the first who can be told"
    assert speakers(await session.reserve().label(turn(voice("A", 2)))) == "B"
    assert speakers(await session.reserve().label(turn(said=("A", "")))) == "BB"
    assert speakers(await session.reserve().label(turn())) == ""


async def test_a_session_has_no_more_speakers_than_it_may() -> None:
    session = SessionSpeakers()
    told = [speakers(await session.reserve().label(turn(voice("A", who)), maximum=2)) for who in range(5)]
    assert set(told) == {"A", "B"}
