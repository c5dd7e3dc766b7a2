"""Speech to text: the events of one transcription."""

from collections.abc import AsyncGenerator

from wyoming.asr import Transcript as TranscriptEvent
from wyoming.asr import TranscriptChunk, TranscriptStart, TranscriptStop
from wyoming.event import Eventable

from speechd.operations import TranscriptionRequest, open_transcription
from speechd.service import Service
from speechd.types import Segment


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
