"""POST audio/speech, GET audio/voices and their samples, in both dialects."""

import asyncio
import base64
import math
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from typing import Any, cast
from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.responses import Response

from speechd.api.async_requests import accept_speech, refuse_webhook
from speechd.api.dependencies import context_of, get_service
from speechd.api.disconnect import cancelled_on_disconnect
from speechd.api.openapi.audio import sample_operation, speech_operation
from speechd.api.prefer import wants_async
from speechd.api.request_body import open_form
from speechd.api.responses.sse import EventStream
from speechd.api.responses.stream import StreamResponse
from speechd.api.routes.captions import captions_path, keep_captions
from speechd.audio.encode import AUDIO_FORMATS
from speechd.dialects import Dialect
from speechd.formats.transcript import spoken_form
from speechd.operations.speech import SpeechCall, open_speech
from speechd.operations.voice_samples import SAMPLE_FORMAT, VoiceSamples
from speechd.registry.model_names import AUTO
from speechd.schemas.speech import VoiceList, VoiceObject
from speechd.tts.captions import captions
from speechd.types import Speech, SpeechPart, Word

AudioPart = SpeechPart | Speech

BYTES_PER_CHARACTER = 6
"""At most, in JSON: an escape such as backslash u00e9."""


def router(dialect: Dialect) -> APIRouter:
    """The speech routes, answering in this dialect."""
    routes = APIRouter(tags=["Audio"])

    @routes.post("/audio/speech", **speech_operation())
    async def speech(request: Request) -> Response:
        return await create_speech(request, dialect)

    @routes.get("/audio/voices", summary="List all voices.")
    async def voices(request: Request) -> VoiceList:
        return await asyncio.to_thread(list_voices, request, dialect)

    @routes.get("/audio/speech/voices", summary="List all voices, as /audio/voices does.")
    async def speech_voices(request: Request) -> VoiceList:
        return await asyncio.to_thread(list_voices, request, dialect)

    @routes.get("/audio/voices/{voice:path}/sample", **sample_operation())
    async def voice_sample(voice: str, request: Request) -> Response:
        return await get_sample(request, voice, dialect)

    return routes


async def get_sample(request: Request, name: str, dialect: Dialect) -> Response:
    """A sentence of a voice, made once.

    Raises:
        NotFound: there is no such voice.
        SpeechdError: it cannot speak now.
    """
    samples, service = cast(VoiceSamples, request.app.state.samples), get_service(request)
    async with cancelled_on_disconnect(request.receive):
        voice, audio = await samples.sample(service, name, context_of(request, dialect))
    headers = {"cache-control": "private, max-age=86400", "x-speechd-voice": quote(voice.id, safe="/#")}
    return Response(audio, media_type=AUDIO_FORMATS[SAMPLE_FORMAT].media_type, headers=headers)


def list_voices(request: Request, dialect: Dialect) -> VoiceList:
    voices = get_service(request).voices
    default = voices.choose(AUTO, AUTO).id if voices.list() else ""
    data = [
        VoiceObject(
            id=voice.id,
            voice_id=voice.id,
            name=voice.title,
            language=voice.info.language,
            languages=list(voice.languages),
            gender=voice.gender,
            sample_url=f"{dialect.prefix}/audio/voices/{quote(voice.id, safe='/')}/sample",
            sample_rate=voice.info.sample_rate,
            speakers=list(voice.info.speakers) if voice.speaker is None else [],
            default=voice.id == default,
        )
        for voice in voices.list()
    ]
    return VoiceList(data=data, voices=data)


async def create_speech(request: Request, dialect: Dialect) -> Response:
    """One request from its text to its audio; hanging up stops the voice.

    The reply starts when the first audio is there, so that what fails at once still gets its own status.

    Raises:
        SpeechdError: whatever is wrong with it.
        ClientDisconnect: the caller left.
    """
    service = get_service(request)
    limit = service.settings.max_speech_characters * BYTES_PER_CHARACTER
    if wants_async(request.headers):
        return await accept_speech(request, dialect, limit, _wants_basic(request))
    async with AsyncExitStack() as resources:
        form = await resources.enter_async_context(open_form(request, limit))
        context = context_of(request, dialect)
        call = SpeechCall.parse(form.fields, context, headerless=_wants_basic(request))
        refuse_webhook(form.fields)
        async with cancelled_on_disconnect(request.receive):
            stream = await resources.enter_async_context(open_speech(service, call.request))
            parts = _from(await _first_sound(stream.parts), stream.parts)
        headers = {"x-speechd-voice": stream.voice.id}
        if call.body.caption_format:
            parts = _captioned(request, parts, call.body.language or stream.voice.info.language)
            headers["x-speechd-captions"] = captions_path(request, dialect, call.body.caption_format)
        if call.body.stream_format == "sse":
            return EventStream(_events(parts), resources.pop_all(), headers)
        media_type = AUDIO_FORMATS[call.options.format].media_type
        return StreamResponse(_audio(parts), resources.pop_all(), {"cache-control": "no-store", **headers}, media_type)


def _wants_basic(request: Request) -> bool:
    """The caller takes headerless mu-law and no WAV."""
    accepted = request.headers.get("accept", "")
    return "audio/basic" in accepted and "audio/wav" not in accepted


async def _from(first: AudioPart, rest: AsyncIterator[AudioPart]) -> AsyncIterator[AudioPart]:
    yield first
    async for part in rest:
        yield part


async def _first_sound(parts: AsyncIterator[AudioPart]) -> AudioPart:
    """The first part with something to send, so that a format which leaves whole can still fail with a status."""
    async for part in parts:
        if isinstance(part, Speech) or part.audio or part.words:
            return part
    raise RuntimeError("the speaker ended without a speech")


async def _captioned(request: Request, parts: AsyncIterator[AudioPart], language: str) -> AsyncIterator[AudioPart]:
    """The parts; what they say of words is put where the caller can fetch it, before the last of them."""
    words: list[Word] = []
    async for part in parts:
        if isinstance(part, SpeechPart):
            words += part.words
        else:
            keep_captions(request, captions(words, language, part.duration, part.voice))
        yield part


async def _audio(parts: AsyncIterator[AudioPart]) -> AsyncIterator[bytes]:
    async for part in parts:
        if isinstance(part, SpeechPart) and part.audio:
            yield part.audio


async def _events(parts: AsyncIterator[AudioPart]) -> AsyncIterator[Mapping[str, Any]]:
    """OpenAI's events, and one of our own with the words that are settled."""
    async for part in parts:
        if isinstance(part, Speech):
            yield {"type": "speech.audio.done", "usage": speech_usage(part)}
            continue
        if part.words:
            yield {"type": "speech.audio.captions", "words": [_word(word) for word in part.words]}
        if part.audio:
            yield {"type": "speech.audio.delta", "audio": base64.b64encode(part.audio).decode()}


def _word(word: Word) -> dict[str, Any]:
    return {"word": word.word, "start": round(word.start, 3), "end": round(word.end, 3)} | spoken_form(word)


def speech_usage(speech: Speech) -> dict[str, Any]:
    """A voice knows no tokens: what goes in is counted in characters, what comes out in seconds."""
    seconds = math.ceil(speech.duration)
    return {
        "input_tokens": speech.characters,
        "output_tokens": seconds,
        "total_tokens": speech.characters + seconds,
        "type": "duration",
        "seconds": round(speech.duration, 3),
    }
