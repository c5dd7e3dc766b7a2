"""One speech: parse -> check -> run, and the audio is charged where it is made."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from speechd.audio.encode import AUDIO_FORMATS, AudioFormat
from speechd.auth.meter import Estimate
from speechd.operations.charging import charged, speech_estimate, spoken
from speechd.operations.context import RequestContext
from speechd.operations.measuring import Cause, measured_speech
from speechd.registry.voices import DEFAULT_NAMES, Voice
from speechd.schemas.speech import SpeechBody
from speechd.service import Service
from speechd.tts.normalization.text_language import sentence_language
from speechd.tts.synthesizer import pieces_of
from speechd.types import Speaker, Speech, SpeechOptions, SpeechPart

SPEECH_URL = "/v1/audio/speech"
"""Without its dialect."""
DETECTED = 1000
"""Characters of a text by which its language is recognised."""


@dataclass(frozen=True, slots=True)
class SpeechRequest:
    """A text, and who is to say it how."""

    text: str
    model: str = "auto"
    voice: str = "auto"
    options: SpeechOptions = field(default_factory=SpeechOptions)
    context: RequestContext = field(default_factory=RequestContext)

    @property
    def language(self) -> str:
        """ISO 639-1 code of the text: what the caller says, or where no voice is named what it clearly is; else ""."""
        if self.options.language:
            return self.options.language
        return sentence_language(self.text[:DETECTED], "") if self.voice.strip().casefold() in DEFAULT_NAMES else ""

    async def speaker(self, service: Service) -> tuple[Voice, Speaker]:
        """Who says it.

        Raises:
            SpeechdError: see Service.speaker.
        """
        named = bool(self.options.language)
        return await service.speaker(self.model, self.voice, self.language, required=named)


@dataclass(frozen=True, slots=True)
class SpeechStream:
    """A speech under way."""

    voice: Voice
    parts: AsyncIterator[SpeechPart | Speech]
    """Encoded audio as it is ready, then the Speech."""


@dataclass(frozen=True, slots=True)
class SpeechReply:
    """A finished speech, whose audio was written where its request wanted it."""

    speech: Speech
    voice: Voice
    format: AudioFormat

    @property
    def filename(self) -> str:
        return f"speech{self.format.suffix}"

    @property
    def headers(self) -> dict[str, str]:
        return {"x-speechd-voice": self.voice.id}

    def body(self) -> dict[str, Any]:
        """What is told of a file with this speech."""
        return {"voice": self.speech.voice, "duration": round(self.speech.duration, 3)}


@dataclass(frozen=True, slots=True)
class SpeechCall:
    """A request for a speech as it came: its fields parsed, and its context."""

    body: SpeechBody
    context: RequestContext
    headerless: bool = False
    """The caller takes mu-law without a WAV header."""

    @classmethod
    def parse(cls, fields: Mapping[str, Any], context: RequestContext, *, headerless: bool = False) -> Self:
        """
        Raises:
            InvalidRequest: a field has a bad value.
        """
        return cls(SpeechBody.parse(dict(fields)), context, headerless)

    @property
    def options(self) -> SpeechOptions:
        return self.body.to_options(self.context.dialect.speech_sample_rate, self.headerless)

    @property
    def request(self) -> SpeechRequest:
        body = self.body
        return SpeechRequest(body.input, body.model, body.voice_name, self.options, self.context)

    async def answer(
        self,
        service: Service,
        write: Callable[[bytes], Awaitable[object]],
        on_part: Callable[[SpeechPart], None] = lambda _: None,
    ) -> SpeechReply:
        """The whole speech.

        Args:
            write: takes the encoded audio, piece by piece.
            on_part: told of each piece after it was written.

        Raises:
            SpeechdError: the model, the voice, the text or an option is refused.
        """
        async with open_speech(service, self.request) as stream:
            async for part in stream.parts:
                if isinstance(part, Speech):
                    return SpeechReply(part, stream.voice, AUDIO_FORMATS[self.options.format])
                await write(part.audio)
                on_part(part)
        raise RuntimeError("the speaker ended without a speech")


@contextlib.asynccontextmanager
async def open_speech(service: Service, request: SpeechRequest) -> AsyncGenerator[SpeechStream]:
    """Starts a speech; leaving the context stops it.

    Raises:
        SpeechdError: the model, the voice, the text or an option is refused.
    """
    voice, speaker = await request.speaker(service)
    context = request.context
    speaking = speaker.stream(request.text, request.options, context.priority, context.caller)

    async def expected() -> Estimate:
        return speech_estimate(request.text, request.options.speed)

    paid, cause = charged(speaking, spoken, context, expected), Cause.of(context, service.settings)
    async with contextlib.aclosing(measured_speech(paid, voice.model.id, voice.info.language, cause)) as parts:
        yield SpeechStream(voice, parts)


async def check_speech(service: Service, request: SpeechRequest) -> None:
    """What can be told of a speech before anything is spoken.

    Raises:
        SpeechdError: the model, the voice or the text is refused.
    """
    voice, _ = await request.speaker(service)
    limits = service.settings
    bounds = limits.max_speech_characters, limits.max_speech_seconds
    await asyncio.to_thread(pieces_of, request.text, request.options, voice.info, limits.lexicon, *bounds)
