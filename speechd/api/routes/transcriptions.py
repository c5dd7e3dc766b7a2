"""POST audio/transcriptions, audio/translations and audio/diarization, and what writes a given transcript."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any, BinaryIO

from fastapi import APIRouter, Request, Response

from speechd.api.async_requests import accept_recording, refuse_webhook
from speechd.api.dependencies import context_of, get_service, open_stored_recording
from speechd.api.disconnect import cancelled_on_disconnect
from speechd.api.openapi.audio import audio_operation, format_operation
from speechd.api.prefer import prefers_plain_text, wants_async
from speechd.api.request_body import open_form
from speechd.api.request_body_json import read_text_request
from speechd.api.responses.sse import DONE_EVENT, EventStream
from speechd.dialects import Dialect
from speechd.formats.transcript import (
    TRANSCRIPT_FORMATS,
    JsonObject,
    View,
    done_event,
    logprob_list,
    segment_id,
)
from speechd.operations.formatting import format_transcript
from speechd.operations.recording import require_one_source
from speechd.operations.transcription import TranscriptionCall, ignored_warning, open_transcription
from speechd.schemas.recordings.recording import RecordingForm
from speechd.schemas.speakers.diarization import DiarizationForm
from speechd.schemas.transcription import TranscriptionForm, TranslationForm
from speechd.types import Segment, Transcript

MAX_TRANSCRIPT_VALUES = 2_000_000
"""Members and items of a transcript that is given: 12 hours with words and tokens have about 800 000."""


def router(dialect: Dialect) -> APIRouter:
    """The audio routes, answering in this dialect."""
    routes = APIRouter(tags=["Audio"])

    @routes.post("/audio/transcriptions", **audio_operation(TranscriptionForm))
    async def transcriptions(request: Request) -> Response:
        return await create_transcription(request, TranscriptionForm, dialect)

    @routes.post("/audio/translations", **audio_operation(TranslationForm))
    async def translations(request: Request) -> Response:
        return await create_transcription(request, TranslationForm, dialect)

    @routes.post("/audio/diarization", **audio_operation(DiarizationForm))
    async def diarization(request: Request) -> Response:
        return await create_transcription(request, DiarizationForm, dialect)

    @routes.post("/audio/transcriptions/format", **format_operation())
    async def formatted(request: Request) -> Response:
        return await write_transcript(request, dialect)

    return routes


async def write_transcript(request: Request, dialect: Dialect) -> Response:
    """A transcript that the caller has, in another format.

    Raises:
        InvalidRequest, TooLarge: whatever is wrong with it.
    """
    limit = get_service(request).settings.max_json_bytes
    body = await read_text_request(request, limit, MAX_TRANSCRIPT_VALUES)
    written = await format_transcript(body.fields, context_of(request, dialect))
    return Response(written.content, media_type=written.media_type)


async def create_transcription(request: Request, form_type: type[RecordingForm], dialect: Dialect) -> Response:
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
        call = TranscriptionCall.parse(form_type, body.fields, context_of(request, dialect))
        require_one_source(body.file, call.form.url, call.form.file_id)
        refuse_webhook(body.fields)
        stored = await open_stored_recording(request, call.form.file_id) if call.form.file_id else None
        file = stored or body.take_file()
        if call.streams:
            return await _stream(request, call, file, resources)
        async with cancelled_on_disconnect(request.receive):
            reply = await call.answer(service, file)
        content = await asyncio.to_thread(reply.content)
        media_type = reply.format.media_type
        if prefers_plain_text(request.headers, media_type):
            media_type = TRANSCRIPT_FORMATS["text"].media_type
        return Response(content, media_type=media_type, headers=reply.headers)


async def _stream(
    request: Request, call: TranscriptionCall, file: BinaryIO | None, resources: AsyncExitStack
) -> Response:
    """Waits for the first part, so that what fails at once still gets its own status."""
    async with cancelled_on_disconnect(request.receive):
        opening = open_transcription(get_service(request), call.request(file))
        stream = await resources.enter_async_context(opening)
        first = await anext(stream.parts)
    headers = {"x-speechd-model": stream.model, "x-speechd-cache": stream.status}
    if call.ignored:
        headers["x-speechd-warning"] = ", ".join(map(ignored_warning, call.ignored))
    events = _events(first, stream.parts, call)
    return EventStream(events, resources.pop_all(), headers, end=DONE_EVENT)


async def _events(
    first: Segment | Transcript, rest: AsyncIterator[Segment | Transcript], call: TranscriptionCall
) -> AsyncIterator[JsonObject]:
    """The deltas, which joined give the whole text, and the event with the whole text.

    Where the format has segments, each follows its delta, and both have its id. Where speakers are told apart, all
    segments follow all deltas: who speaks is known when everything was heard. A file of cues has no deltas.
    """
    format, view, speakers = call.form.format, call.view, call.tells_speakers
    begun, number = False, 0
    part: Segment | Transcript | None = first
    while part is not None:
        if isinstance(part, Transcript):
            for event in await asyncio.to_thread(_last_events, part, call):
                yield event
        else:
            belongs = {"segment_id": segment_id(number)} if format.segment_event and not speakers else {}
            if not format.is_document and (text := part.text if begun else part.text.lstrip()):
                begun = True
                yield {"type": "transcript.text.delta", "delta": text} | belongs | _logprobs_of(part, view)
            if format.segment_event and not speakers:
                yield format.segment_event(number, part, view)
            number += 1
        part = await anext(rest, None)


def _last_events(transcript: Transcript, call: TranscriptionCall) -> list[JsonObject]:
    """The last event, and before it the segments where they have speakers."""
    event = call.form.format.segment_event if call.tells_speakers else None
    segments = [event(*numbered, call.view) for numbered in enumerate(transcript.segments)] if event else []
    return [*segments, done_event(transcript, call.view, call.form.format)]


def _logprobs_of(part: Segment, view: View) -> dict[str, Any]:
    return {"logprobs": logprob_list(part.logprobs)} if view.logprobs else {}
