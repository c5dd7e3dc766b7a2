"""POST audio/transcriptions and audio/translations, in both dialects."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any

from fastapi import APIRouter, Request, Response

from speechd import operations
from speechd.api.async_requests import accept_recording, refuse_webhook
from speechd.api.dependencies import get_request_id, get_service
from speechd.api.disconnect import cancelled_on_disconnect
from speechd.api.middleware.rate_limits import caller_of, charge_audio
from speechd.api.openapi.audio import audio_operation
from speechd.api.prefer import wants_async
from speechd.api.request_body import open_form, require_one_source
from speechd.api.responses.sse import EventStream
from speechd.cache.coalescing import CacheStatus
from speechd.dialects import Dialect
from speechd.formats.transcript import (
    TRANSCRIPT_FORMATS,
    JsonObject,
    View,
    logprob_list,
    segment_id,
    signature,
    speaker_segment,
    usage,
)
from speechd.operations import TranscriptionRequest, TranscriptionStream
from speechd.schemas.transcription import AudioForm, TranscriptionForm, TranslationForm
from speechd.types import Segment, Transcript


def router(dialect: Dialect) -> APIRouter:
    """The audio routes, answering in this dialect."""
    routes = APIRouter(tags=["Audio"])

    @routes.post("/audio/transcriptions", **audio_operation(TranscriptionForm))
    async def transcriptions(request: Request) -> Response:
        return await create_transcription(request, TranscriptionForm, dialect)

    @routes.post("/audio/translations", **audio_operation(TranslationForm))
    async def translations(request: Request) -> Response:
        return await create_transcription(request, TranslationForm, dialect)

    return routes


async def create_transcription(request: Request, form_type: type[AudioForm], dialect: Dialect) -> Response:
    """One request from its first byte to its reply; hanging up stops the work.

    Raises:
        SpeechdError: whatever is wrong with it.
        ClientDisconnect: the caller left.
    """
    service = get_service(request)
    if wants_async(request.headers):
        return await accept_recording(request, form_type, dialect)
    async with AsyncExitStack() as resources:
        limits = service.settings
        reading = open_form(request, limits.max_upload_bytes, max_json_bytes=limits.max_json_bytes)
        body = await resources.enter_async_context(reading)
        form = form_type.parse(body.fields)
        require_one_source(body.file, form.url)
        refuse_webhook(body.fields)
        caller = caller_of(request)
        job = TranscriptionRequest(form.model, form.to_options(), file=body.take_file(), url=form.url, caller=caller)
        view = operations.response_view(form, dialect, get_request_id(request))
        if form.stream:
            speakers = form.response_format == "diarized_json"
            return await _stream(request, operations.open_transcription(service, job), view, speakers, resources)
        async with cancelled_on_disconnect(request.receive):
            transcript, how = await operations.transcribe(service, job)
        if how == "miss":  # who asks again because of a timeout pays once
            charge_audio(request, transcript.audio_seconds)
        return await _reply(transcript, how, form.response_format, view)


async def _reply(transcript: Transcript, how: CacheStatus, format_name: str, view: View) -> Response:
    shape = TRANSCRIPT_FORMATS[format_name]
    content = await asyncio.to_thread(shape.encode, transcript, view)  # hours of words take a while
    return Response(content, media_type=shape.media_type, headers=operations.response_headers(transcript, how))


async def _stream(
    request: Request,
    opening: AbstractAsyncContextManager[TranscriptionStream],
    view: View,
    speakers: bool,
    resources: AsyncExitStack,
) -> Response:
    """Waits for the first part, so that what fails at once still gets its own status."""
    async with cancelled_on_disconnect(request.receive):
        stream = await resources.enter_async_context(opening)
        parts = _charged(request, stream) if stream.how == "miss" else stream.parts
        first = await anext(parts)
    headers = {"x-speechd-model": stream.model, "x-speechd-cache": stream.how}
    return EventStream(_events(first, parts, view, speakers), resources.pop_all(), headers)


async def _charged(request: Request, stream: TranscriptionStream) -> AsyncIterator[Segment | Transcript]:
    """The parts; what was heard counts against the caller's limits, also when the caller leaves early."""
    heard: dict[int, float] = {}
    charge = 0.0
    try:
        async for part in stream.parts:
            if isinstance(part, Segment):
                heard[part.channel] = part.end
            charge = part.audio_seconds if isinstance(part, Transcript) else sum(heard.values())
            yield part
    finally:
        charge_audio(request, charge)


async def _events(
    first: Segment | Transcript, rest: AsyncIterator[Segment | Transcript], view: View, speakers: bool
) -> AsyncIterator[JsonObject]:
    """The deltas, which joined give the whole text, and the event with the whole text.

    Where speakers are told apart, each segment follows its delta, and both have its id.
    """
    begun, number = False, 0
    part: Segment | Transcript | None = first
    while part is not None:
        if isinstance(part, Transcript):
            yield _done(part, view)
        else:
            belongs = {"segment_id": segment_id(number)} if speakers else {}
            if text := part.text if begun else part.text.lstrip():
                begun = True
                yield {"type": "transcript.text.delta", "delta": text} | belongs | _logprobs_of(part, view)
            if speakers:
                yield speaker_segment(number, part, view)
            number += 1
        part = await anext(rest, None)


def _done(transcript: Transcript, view: View) -> JsonObject:
    event: JsonObject = {"type": "transcript.text.done", "text": transcript.text, "usage": usage(transcript)}
    return event | _logprobs_of(transcript, view) | signature(transcript, view)


def _logprobs_of(part: Segment | Transcript, view: View) -> dict[str, Any]:
    return {"logprobs": logprob_list(part.logprobs)} if view.logprobs else {}
