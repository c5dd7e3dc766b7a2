"""What the calls of all other servers have in common."""

import asyncio
from typing import BinaryIO

from fastapi import Request, Response

from speechd.api.dependencies import get_service
from speechd.api.disconnect import cancelled_on_disconnect
from speechd.api.request_body import UploadForm
from speechd.errors import InvalidRequest
from speechd.formats.transcript import Format
from speechd.operations.transcription import TranscriptionCall


def file_of(body: UploadForm, field: str) -> BinaryIO:
    """
    Raises:
        InvalidRequest: there is no file.
    """
    if body.file is None:
        raise InvalidRequest(f"`{field}` is required: send it as a part of a multipart/form-data body.", param=field)
    return body.file


async def answer_as(request: Request, call: TranscriptionCall, body: UploadForm, format: Format) -> Response:
    """The transcription in another server's format; hanging up stops the work.

    Raises:
        SpeechdError: the recording is refused.
        ClientDisconnect: the caller left.
    """
    async with cancelled_on_disconnect(request.receive):
        reply = await call.answer(get_service(request), body.take_file(), format=format)
    content = await asyncio.to_thread(reply.content)
    return Response(content, media_type=format.media_type, headers=reply.headers)
