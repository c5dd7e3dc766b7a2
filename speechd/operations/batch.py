"""A line of a batch: the same operations as a request's, on fields that were written down, with an object as answer."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from speechd.errors import InvalidRequest
from speechd.formats.transcript import JsonObject
from speechd.llm.proxy import TextRequest
from speechd.operations.context import RequestContext
from speechd.operations.recording import require_one_source
from speechd.operations.speech import SPEECH_URL, SpeechCall
from speechd.operations.text import open_text
from speechd.operations.transcription import AUDIO_FORMS, TranscriptionCall
from speechd.service import Service


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """One line."""

    url: str
    """Without its dialect."""
    fields: Mapping[str, Any]
    """Its JSON body."""
    context: RequestContext
    write: Callable[[bytes], Awaitable[object]]
    """Takes the bytes of a file that the request makes, piece by piece."""
    open_file: Callable[[str], Awaitable[BinaryIO]]
    """Opens the owner's recording with this id."""


@dataclass(frozen=True, slots=True)
class BatchReply:
    """What became of it."""

    body: JsonObject
    filename: str = ""
    """Of the file whose bytes were written; "" where there is none."""


async def run_line(service: Service, line: BatchRequest) -> BatchReply:
    """
    Raises:
        SpeechdError: whatever is wrong with it.
    """
    return await BATCH_OPERATIONS[line.url](service, line)


async def _text_line(service: Service, line: BatchRequest) -> BatchReply:
    _refuse_stream(line, "stream")
    request = TextRequest(line.fields, json.dumps(line.fields).encode())
    async with open_text(service, line.url, request, line.context) as answer:
        return BatchReply(json.loads(await answer.read()))


async def _transcription_line(service: Service, line: BatchRequest) -> BatchReply:
    _refuse_stream(line, "stream")
    fields = {name.removesuffix("[]"): value for name, value in line.fields.items()}
    call = TranscriptionCall.parse(AUDIO_FORMS[line.url], fields, line.context)
    url, file_id = call.form.url, call.form.file_id
    if url is None and file_id is None:
        raise InvalidRequest(
            "`url` is required here: an http(s) or `data:` URL, or base64url. Or `file_id`, of an uploaded recording.",
            param="url",
        )
    require_one_source(None, url, file_id)
    reply = await call.answer(service, await line.open_file(file_id) if file_id else None)
    return BatchReply(await asyncio.to_thread(reply.body))


async def _speech_line(service: Service, line: BatchRequest) -> BatchReply:
    call = SpeechCall.parse(line.fields, line.context)
    if call.body.stream_format == "sse":
        _refuse_stream(line, "stream_format")
    reply = await call.answer(service, line.write)
    return BatchReply(reply.body(), reply.filename)


def _refuse_stream(line: BatchRequest, name: str) -> None:
    if line.fields.get(name):
        raise InvalidRequest(f"Nothing can be streamed here: leave `{name}` out.", param=name)


BATCH_OPERATIONS: Mapping[str, Callable[[Service, BatchRequest], Awaitable[BatchReply]]] = {
    "/v1/chat/completions": _text_line,
    "/v1/responses": _text_line,
    "/v1/embeddings": _text_line,
    "/v1/audio/transcriptions": _transcription_line,
    "/v1/audio/translations": _transcription_line,
    "/v1/audio/diarization": _transcription_line,
    SPEECH_URL: _speech_line,
}
"""What can be in a batch, by URL without its dialect."""
