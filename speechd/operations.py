"""One function per thing speechd can be asked; the HTTP API, the CLI and batches all go through here."""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Hashable
from dataclasses import dataclass, field
from typing import BinaryIO

from speechd.audio.fetch import FetchLimits, fetch_audio
from speechd.errors import InvalidRequest
from speechd.joining import How
from speechd.service import Service
from speechd.settings import Settings
from speechd.types import Segment, Speech, SpeechOptions, SpeechPart, TranscribeOptions, Transcriber, Transcript
from speechd.voices import Voice


@dataclass(frozen=True, slots=True)
class TranscriptionRequest:
    """A recording, by its bytes or by where it can be fetched, and what to do with it."""

    model: str
    options: TranscribeOptions
    file: BinaryIO | None = None
    """Open and seekable; the operation closes it."""
    url: str | None = None
    """http(s) URL, `data:` URL or base64url."""
    caller: str = ""
    """Whose request it is: the answers of different callers are kept apart."""


@dataclass(frozen=True, slots=True)
class TranscriptionStream:
    """A transcription under way."""

    done_by: Transcriber | Transcript
    parts: AsyncIterator[Segment | Transcript]
    """Segments as they are final, then the Transcript."""
    how: How = "miss"
    """Whether it is being computed or was known."""

    @property
    def model(self) -> str:
        """Id of the model that does it; final once the first part is there."""
        return self.done_by.model


async def transcribe(service: Service, request: TranscriptionRequest) -> tuple[Transcript, How]:
    """Transcribes or translates a whole recording; identical requests share one computation.

    Raises:
        InvalidRequest: both or neither of file and url.
        SpeechdError: the model, the URL or the recording is refused.
    """
    with contextlib.ExitStack() as owned:
        audio = await _audio(service, request, owned)
        _, transcriber = await service.transcriber(request.model, request.options)
        key = await asyncio.to_thread(_key, transcriber.model, request, audio)
        owned.pop_all()  # from here on the recording belongs to the computation, which may outlive this request
        return await service.flights.run(key, lambda: _whole(transcriber, audio, request.options), audio.close)


@contextlib.asynccontextmanager
async def open_transcription(service: Service, request: TranscriptionRequest) -> AsyncGenerator[TranscriptionStream]:
    """Starts a transcription; leaving the context stops it and releases what it holds.

    Raises:
        InvalidRequest: both or neither of file and url.
        SpeechdError: the model, the URL or the recording is refused.
    """
    with contextlib.ExitStack() as owned:
        audio = await _audio(service, request, owned)
        _, transcriber = await service.transcriber(request.model, request.options)
        key = await asyncio.to_thread(_key, transcriber.model, request, audio)
        if (known := service.flights.recall(key)) is not None:
            yield TranscriptionStream(known, _replayed(known), "hit")
            return
        async with contextlib.aclosing(transcriber.stream(audio, request.options)) as parts:
            yield TranscriptionStream(transcriber, _remembered(service, key, parts), "miss")


async def _audio(service: Service, request: TranscriptionRequest, owned: contextlib.ExitStack) -> BinaryIO:
    """The recording; `owned` closes it."""
    if request.file is not None:
        owned.callback(request.file.close)
    if (request.file is None) == (request.url is None):
        raise InvalidRequest("Give either `file` or `url`, not both or neither.", param="file")
    if request.file is not None:
        return request.file
    return owned.enter_context(await fetch_audio(request.url or "", _fetch_limits(service.settings)))


def _key(model: str, request: TranscriptionRequest, audio: BinaryIO) -> Hashable:
    """Equal for requests that must have equal answers; sampled text is never equal."""
    audio.seek(0)
    digest = hashlib.file_digest(audio, "sha256").digest()  # type: ignore[arg-type]
    audio.seek(0)
    chance = object() if request.options.temperature else None
    return digest, model, request.options, request.caller, chance


async def _whole(transcriber: Transcriber, audio: BinaryIO, options: TranscribeOptions) -> Transcript:
    async with contextlib.aclosing(transcriber.stream(audio, options)) as parts:
        async for part in parts:
            if isinstance(part, Transcript):
                return part
    raise RuntimeError("the transcriber ended without a transcript")


async def _replayed(transcript: Transcript) -> AsyncIterator[Segment | Transcript]:
    for segment in transcript.segments:
        yield segment
    yield transcript


async def _remembered(
    service: Service, key: Hashable, parts: AsyncIterator[Segment | Transcript]
) -> AsyncIterator[Segment | Transcript]:
    async for part in parts:
        if isinstance(part, Transcript):
            service.flights.remember(key, part)
        yield part


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
