"""One computation for identical requests: who reads it, who stops it, how urgent it is and what is paid for it."""

import asyncio
import io
from dataclasses import replace
from typing import Any

import pytest

from speechd.cache.coalescing import CacheStatus, RequestCoalescer
from speechd.errors import InvalidAudio
from speechd.operations import RequestContext, TranscriptionRequest, open_transcription, transcribe
from speechd.operations.charging import Transcribed
from speechd.types import TranscribeOptions, Transcript
from tests.support.fake_service import SEGMENTS, TEXT, StandInService
from tests.unit.operations.conftest import Bill

WHOLE = 3.5
"""Seconds of the stand-in's recordings."""


def request(content: bytes = b"gated", **context: Any) -> TranscriptionRequest:
    return TranscriptionRequest("stand-in", TranscribeOptions(), io.BytesIO(content), context=RequestContext(**context))


class Stream:
    """A request that reads segments as they come."""

    def __init__(self, service: Any, request: TranscriptionRequest) -> None:
        self.texts: list[str] = []
        self.status: CacheStatus | None = None
        self.task = asyncio.create_task(self._read(service, request))

    async def _read(self, service: Any, request: TranscriptionRequest) -> Transcript:
        async with open_transcription(service, request) as stream:
            self.status = stream.status
            async for part in stream.parts:
                if isinstance(part, Transcript):
                    return part
                self.texts.append(part.text)
        raise AssertionError("no transcript")

    async def first_segment(self) -> "Stream":
        async with asyncio.timeout(10):
            while not self.texts:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)
        return self

    async def leave(self) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])


async def test_a_stream_joins_a_running_stream(service: StandInService) -> None:
    first = await Stream(service, request()).first_segment()
    second = await Stream(service, request()).first_segment()
    assert not first.task.done(), "the second has its segment while the recording is still being transcribed"
    service.ears.gate.set()
    assert [(await stream.task).text for stream in (first, second)] == [TEXT, TEXT]
    assert first.texts == second.texts == [segment.text for segment in SEGMENTS]
    assert (first.status, second.status) == ("miss", "joined")
    assert len(service.ears.heard) == 1


async def test_a_plain_request_joins_a_stream(service: StandInService) -> None:
    stream = await Stream(service, request()).first_segment()
    plain = asyncio.create_task(transcribe(service, request()))  # type: ignore[arg-type]
    await asyncio.sleep(0.05)
    service.ears.gate.set()
    transcript, status = await plain
    assert (transcript, status) == (await stream.task, "joined")


async def test_the_first_who_leaves_does_not_stop_the_second(service: StandInService) -> None:
    first = await Stream(service, request()).first_segment()
    second = await Stream(service, request()).first_segment()
    await first.leave()
    assert not service.ears.files[0].closed
    service.ears.gate.set()
    assert (await second.task).text == TEXT
    assert len(service.ears.heard) == 1


async def test_the_last_who_leaves_stops_the_work(service: StandInService) -> None:
    streams = [await Stream(service, request()).first_segment() for _ in range(2)]
    for stream in streams:
        await stream.leave()
    assert service.ears.running == 0
    assert service.ears.files[0].closed


async def test_who_joins_gives_its_recording_back_at_once(service: StandInService) -> None:
    await Stream(service, request()).first_segment()
    second = request()
    await Stream(service, second).first_segment()
    assert second.file is not None
    assert second.file.closed


@pytest.mark.parametrize(
    "change",
    [
        lambda asked: replace(asked, context=RequestContext(caller="ben")),
        lambda asked: replace(asked, options=TranscribeOptions(prompt="Good morning.")),
        lambda asked: replace(asked, file=io.BytesIO(b"another")),
    ],
)
async def test_other_requests_do_not_join(service: StandInService, change: Any) -> None:
    await Stream(service, request()).first_segment()
    other = await Stream(service, change(request())).first_segment()
    assert other.status == "miss"


async def test_a_caller_who_joins_a_job_makes_it_urgent(service: StandInService) -> None:
    job = await Stream(service, request(priority="background")).first_segment()
    assert service.ears.priority() == "background"
    caller = await Stream(service, request()).first_segment()
    assert service.ears.priority() == "interactive"
    await caller.leave()
    assert service.ears.priority() == "background"
    await job.leave()


async def test_a_computation_is_charged_once(service: StandInService, bill: Bill) -> None:
    service.coalescer = RequestCoalescer(keep=60)
    streams = [await Stream(service, request(meter=bill.meter)).first_segment() for _ in range(2)]
    service.ears.gate.set()
    for stream in streams:
        await stream.task
    assert (await transcribe(service, request(meter=bill.meter)))[1] == "hit"  # type: ignore[arg-type]
    assert bill.charges == [WHOLE]


async def test_it_is_charged_although_who_began_it_left(service: StandInService, bill: Bill) -> None:
    first = await Stream(service, request(meter=bill.meter)).first_segment()
    second = await Stream(service, request(meter=bill.meter)).first_segment()
    await first.leave()
    service.ears.gate.set()
    await second.task
    assert bill.charges == [WHOLE]


async def test_who_leaves_early_pays_for_what_was_heard(service: StandInService, bill: Bill) -> None:
    await (await Stream(service, request(meter=bill.meter)).first_segment()).leave()
    assert bill.charges == [SEGMENTS[0].end]


async def test_background_work_that_is_put_back_is_free(service: StandInService, bill: Bill) -> None:
    asked = {"priority": "background", "meter": bill.meter}
    await (await Stream(service, request(**asked)).first_segment()).leave()
    assert bill.charges == []
    service.ears.gate.set()
    await Stream(service, request(**asked)).task
    assert bill.charges == [WHOLE]


async def test_what_fails_at_once_costs_nothing(service: StandInService, bill: Bill) -> None:
    with pytest.raises(InvalidAudio):
        await Stream(service, request(b"broken", meter=bill.meter)).task
    assert bill.charges == []


def test_a_clip_is_charged_from_its_start() -> None:
    seconds = Transcribed(60.0)
    assert seconds(replace(SEGMENTS[0], end=61.5)) == 1.5
    assert seconds(replace(SEGMENTS[1], end=64.0)) == 4.0
