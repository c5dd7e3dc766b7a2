"""POST /asr and /detect-language, as whisper-asr-webservice answers them: for Bazarr, Tdarr and subgen's clients."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import BinaryIO
from urllib.parse import quote

from fastapi import APIRouter, Request, Response

from speechd.api.dependencies import context_of, get_service
from speechd.api.disconnect import cancelled_on_disconnect
from speechd.api.openapi.compat import query_operation
from speechd.api.request_body import UploadForm, collect, open_form
from speechd.api.routes.compat.answer import answer_as, file_of
from speechd.audio.encode import bare_pcm_header
from speechd.dialects import OPENAI
from speechd.formats.compat import ASR_FORMATS
from speechd.languages import english_name, whisper_code
from speechd.operations.transcription import TranscriptionCall, transcribe
from speechd.schemas.compat import AsrQuery, LanguageQuery, RecordingQuery
from speechd.schemas.transcription import TranscriptionForm
from speechd.types import SAMPLE_RATE, Transcript

FILE_FIELD = "audio_file"
ENGINE = "speechd"
"""The value of the header `Asr-Engine`."""
SECOND_LENGTH = 300.0
"""Seconds in which speech is looked for where there is none in the first part: films begin with music."""
NO_LANGUAGE = ("unknown", "und")
"""Name and code where nobody speaks: ISO 639-2's code for "undetermined"."""

router = APIRouter(tags=["Other servers"])


@router.post("/asr", **query_operation(AsrQuery, FILE_FIELD))
async def transcribe_recording(request: Request) -> Response:
    """
    Raises:
        SpeechdError: whatever is wrong with it.
        ClientDisconnect: the caller left.
    """
    query = AsrQuery.parse(collect(request.query_params.multi_items()))
    async with _open(request, query) as body:
        call = TranscriptionCall.parse(TranscriptionForm, query.to_fields(), context_of(request, OPENAI))
        file_of(body, FILE_FIELD)
        name = quote(f"{body.filename}.{query.output}")
        reply = await answer_as(request, call, body, ASR_FORMATS[query.output])
    reply.headers["asr-engine"] = ENGINE
    reply.headers["content-disposition"] = f'attachment; filename="{name}"'
    return reply


@router.post("/detect-language", **query_operation(LanguageQuery, FILE_FIELD))
async def detect_language(request: Request) -> dict[str, str | float]:
    """
    Raises:
        SpeechdError: whatever is wrong with it.
        ClientDisconnect: the caller left.
    """
    query = LanguageQuery.parse(collect(request.query_params.multi_items()))
    async with _open(request, query) as body:
        file = file_of(body, FILE_FIELD)
        async with cancelled_on_disconnect(request.receive):
            found = await _listen(request, file, query.detect_lang_offset, query.detect_lang_length)
            if not found.language and found.duration >= query.detect_lang_length:
                found = await _listen(request, file, query.detect_lang_offset, SECOND_LENGTH)
    if not found.language:
        return dict(zip(("detected_language", "language_code"), NO_LANGUAGE, strict=True)) | {"confidence": 0.0}
    return {
        "detected_language": english_name(found.language).lower(),
        "language_code": whisper_code(found.language),
        "confidence": round(found.language_probability, 4),
    }


@asynccontextmanager
async def _open(request: Request, query: RecordingQuery) -> AsyncIterator[UploadForm]:
    """The body; bare PCM with a header before it."""
    limits = get_service(request).settings
    header = b"" if query.encode else bare_pcm_header(SAMPLE_RATE)
    async with open_form(request, limits.max_upload_bytes, file_field=FILE_FIELD, before_file=header) as body:
        yield body


async def _listen(request: Request, file: BinaryIO, start: float, seconds: float) -> Transcript:
    """The transcript of a part of the recording, which stays open: its language is what counts."""
    fields = {"start": start, "duration": seconds}
    call = TranscriptionCall.parse(TranscriptionForm, fields, context_of(request, OPENAI))
    again = os.fdopen(os.dup(file.fileno()), "rb")
    transcript, _ = await transcribe(get_service(request), call.request(again))
    return transcript
