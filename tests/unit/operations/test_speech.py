"""A speech through its operation: whose sentence is spoken first, and what is paid for it."""

import asyncio
from typing import Any

import pytest

from speechd.operations import RequestContext, SpeechRequest, open_speech
from speechd.operations.speech import SpeechCall
from speechd.tts.admission import SentenceThreads
from speechd.types import Speech, SpeechOptions
from tests.support.fake_service import StandInService
from tests.unit.operations.conftest import Bill


def request(text: str, **context: Any) -> SpeechRequest:
    return SpeechRequest(text, model="tts-1", context=RequestContext(**context))


async def spoken(service: Any, request: SpeechRequest) -> Speech:
    async with open_speech(service, request) as stream:
        async for part in stream.parts:
            if isinstance(part, Speech):
                return part
    raise AssertionError("no speech")


async def test_background_speech_waits_for_callers(service: StandInService) -> None:
    service.threads = SentenceThreads(1)
    mouth = service.mouth
    mouth.gate.clear()
    job = asyncio.create_task(spoken(service, request("Job one. Job two. Job three.", priority="background")))
    assert await asyncio.to_thread(mouth.begun.wait, 10)
    caller = asyncio.create_task(spoken(service, request("Caller one. Caller two.")))
    await asyncio.sleep(0.05)
    mouth.gate.set()
    await asyncio.gather(job, caller)
    assert mouth.said.index("Caller two.") < mouth.said.index("Job three.")


async def test_a_speech_is_charged_at_its_end(service: StandInService, bill: Bill) -> None:
    speech = await spoken(service, request("One two. Three.", meter=bill.meter))
    assert bill.charges == [pytest.approx(speech.duration)]


@pytest.mark.parametrize(("priority", "pays"), [("interactive", True), ("background", False)])
async def test_a_speech_that_is_left_early(service: StandInService, bill: Bill, priority: str, pays: bool) -> None:
    asked = request("One two. Three four. Five six.", priority=priority, meter=bill.meter)
    async with open_speech(service, asked) as stream:  # type: ignore[arg-type]
        await anext(stream.parts)
    assert bool(bill.charges) == pays


async def test_a_speech_is_written_piece_by_piece(service: StandInService) -> None:
    call = SpeechCall.parse(
        {"model": "tts-1", "input": "One two. Three.", "response_format": "wav"}, RequestContext(caller="anna")
    )
    pieces: list[bytes] = []

    async def write(audio: bytes) -> None:
        pieces.append(audio)

    reply = await call.answer(service, write)  # type: ignore[arg-type]
    assert b"".join(pieces).startswith(b"RIFF")
    assert (reply.filename, reply.headers) == ("speech.wav", {"x-speechd-voice": "stand-in-voice"})
    assert reply.body() == {"voice": "stand-in-voice", "duration": round(reply.speech.duration, 3)}


@pytest.mark.parametrize(
    ("text", "voice", "language", "expected"),
    [
        ("Der Zug ist heute nicht pünktlich, und wir warten auf ihn.", "auto", None, "de"),
        ("Der Zug ist heute nicht pünktlich, und wir warten auf ihn.", "alloy", None, ""),
        ("Der Zug ist heute nicht pünktlich.", "alloy", "fr", "fr"),
        ("Hello.", "auto", None, ""),
    ],
)
def test_the_language_of_a_text(text: str, voice: str, language: str | None, expected: str) -> None:
    request = SpeechRequest(text, voice=voice, options=SpeechOptions(language=language))
    assert request.language == expected
