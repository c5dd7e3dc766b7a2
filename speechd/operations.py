"""One function per thing speechd can be asked; the HTTP API, the CLI and batches all go through here."""

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field
from typing import BinaryIO

from speechd.audio.fetch import FetchLimits, fetch_audio
from speechd.errors import InvalidRequest
from speechd.modelstore import Model
from speechd.service import Service
from speechd.settings import Settings
from speechd.types import Segment, Speech, SpeechOptions, SpeechPart, TranscribeOptions, Transcript
from speechd.voices import Voice


@dataclass(frozen=True, slots=True)
class TranscriptionRequest:
    """A recording, by its bytes or by where it can be fetched, and what to do with it."""

    model: str
    options: TranscribeOptions
    file: BinaryIO | None = None
    """Open and seekable; the caller closes it."""
    url: str | None = None
    """http(s) URL, `data:` URL or base64url."""


@dataclass(frozen=True, slots=True)
class TranscriptionStream:
    """A transcription under way."""

    model: Model
    parts: AsyncIterator[Segment | Transcript]
    """Segments as they are final, then the Transcript."""


@contextlib.asynccontextmanager
async def open_transcription(service: Service, request: TranscriptionRequest) -> AsyncGenerator[TranscriptionStream]:
    """Starts a transcription; leaving the context stops it and releases what it holds.

    Raises:
        InvalidRequest: both or neither of file and url.
        SpeechdError: the model, the URL or the recording is refused.
    """
    if (request.file is None) == (request.url is None):
        raise InvalidRequest("Give either `file` or `url`, not both or neither.", param="file")
    model, transcriber = await service.transcriber(request.model, request.options)
    async with contextlib.AsyncExitStack() as stack:
        audio = request.file
        if audio is None:
            audio = stack.enter_context(await fetch_audio(request.url or "", _fetch_limits(service.settings)))
        parts = await stack.enter_async_context(contextlib.aclosing(transcriber.stream(audio, request.options)))
        yield TranscriptionStream(model, parts)


async def transcribe(service: Service, request: TranscriptionRequest) -> Transcript:
    """Transcribes or translates a whole recording."""
    async with open_transcription(service, request) as stream:
        async for part in stream.parts:
            if isinstance(part, Transcript):
                return part
    raise RuntimeError("the transcriber ended without a transcript")


def _fetch_limits(settings: Settings) -> FetchLimits:
    return FetchLimits(settings.max_upload_bytes, settings.fetch_timeout, settings.fetch_allow_hosts)


@dataclass(frozen=True, slots=True)
class SpeechRequest:
    """A text, and who is to say it how."""

    text: str
    model: str = "auto"
    voice: str = "auto"
    options: SpeechOptions = field(default_factory=SpeechOptions)


@dataclass(frozen=True, slots=True)
class SpeechStream:
    """A speech under way."""

    voice: Voice
    parts: AsyncIterator[SpeechPart | Speech]
    """Encoded audio as it is ready, then the Speech."""


@contextlib.asynccontextmanager
async def open_speech(service: Service, request: SpeechRequest) -> AsyncGenerator[SpeechStream]:
    """Starts a speech; leaving the context stops it.

    Raises:
        SpeechdError: the model, the voice, the text or an option is refused.
    """
    voice, speaker = await service.speaker(request.model, request.voice)
    async with contextlib.aclosing(speaker.stream(request.text, request.options)) as parts:
        yield SpeechStream(voice, parts)
