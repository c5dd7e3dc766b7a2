"""Speech to text: the events of one transcription, whose model loads while the audio comes."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress

from wyoming.asr import Transcript as TranscriptEvent
from wyoming.asr import TranscriptChunk, TranscriptStart, TranscriptStop
from wyoming.event import Eventable

from speechd.errors import SpeechdError
from speechd.operations import TranscriptionRequest, open_transcription
from speechd.service import Service
from speechd.types import Segment

HELD_SECONDS = 30.0
"""For which a model that was loaded ahead is kept: as long as a command is, by which time it is in use."""


async def transcribe(service: Service, request: TranscriptionRequest) -> AsyncGenerator[Eventable, None]:
    """The segments as chunks while they are recognised, then the whole text.

    Raises:
        SpeechdError: the model, the language or the recording is refused.
    """
    begun = False
    yield TranscriptStart(language=request.options.language)
    async with open_transcription(service, request) as stream:
        async for part in stream.parts:
            if not isinstance(part, Segment):
                yield TranscriptEvent(part.text, language=part.language or None)
            elif text := part.text if begun else part.text.lstrip():
                begun = True
                yield TranscriptChunk(text)
    yield TranscriptStop()


class LoadedAhead:
    """A model that loads while somebody still speaks, and stays in memory until it is used, or released."""

    def __init__(self, service: Service, request: TranscriptionRequest) -> None:
        self._task = asyncio.create_task(_hold(service, request), name="wyoming model")

    def release(self) -> None:
        """It may be unloaded when nobody else uses it."""
        self._task.cancel()


async def _hold(service: Service, request: TranscriptionRequest) -> None:
    with suppress(SpeechdError):  # the transcription will say it
        async with service.streaming_decoder(request.model, request.options, request.context.caller):
            await asyncio.sleep(HELD_SECONDS)
