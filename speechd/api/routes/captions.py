"""Captions of a speech whose audio was sent bare: kept for some minutes, for the caller who asked for them.

A speech is named by its request id, so the reply's header can tell where the captions will be before they are there.
"""

from typing import cast

from fastapi import APIRouter, Request, Response

from speechd.api.dependencies import get_request_id
from speechd.api.middleware.rate_limits import caller_of
from speechd.dialects import Dialect
from speechd.errors import NotFound
from speechd.formats.transcript import View
from speechd.peers.captions import KEPT, CaptionShelf
from speechd.schemas.transcription import ErrorEnvelope
from speechd.tts.captions import CAPTION_FORMATS, captions_of_words
from speechd.types import Transcript

MEDIA_TYPES = {
    "json": "application/json",
    "srt": "text/plain; charset=utf-8",
    "vtt": "text/vtt; charset=utf-8",
}


def router(dialect: Dialect) -> APIRouter:
    """The route to captions, answering in this dialect."""
    routes = APIRouter(tags=["Audio"])

    @routes.get(
        "/audio/speech/captions/{name}",
        summary="Fetch the captions of a speech request with `captions`.",
        response_class=Response,
        responses={
            200: {"content": {kind.partition(";")[0]: {} for kind in MEDIA_TYPES.values()}},
            404: {"model": ErrorEnvelope},
        },
    )
    async def captions(name: str, request: Request) -> Response:
        return await get_captions(name, request, dialect)

    return routes


async def get_captions(name: str, request: Request, dialect: Dialect) -> Response:
    """
    Args:
        name: `<request id>.<json, srt or vtt>`.

    Raises:
        NotFound: there are no such captions for this caller.
        StorageUnavailable: another server may have made them, and the database cannot be asked now.
    """
    speech, _, format = name.rpartition(".")
    said = await _shelf_of(request).find(caller_of(request), speech) if format in CAPTION_FORMATS else None
    if said is None:
        raise NotFound(
            f"There are no captions `{name[:80]}`. The address is in `x-speechd-captions` of a speech request with"
            f" `captions`, ends in .{', .'.join(CAPTION_FORMATS)}, and is valid for {KEPT / 60:.0f} minutes after the"
            " audio has ended."
        )
    view = View(dialect=dialect, request_id=speech)
    headers = {"cache-control": "no-store"}
    return Response(captions_of_words(said, format, view), media_type=MEDIA_TYPES[format], headers=headers)


def captions_path(request: Request, dialect: Dialect, format: str) -> str:
    """Where the captions of the speech that answers this request will be."""
    return f"{dialect.prefix}/audio/speech/captions/{get_request_id(request)}.{format}"


async def keep_captions(request: Request, said: Transcript) -> None:
    """Puts the captions of the speech that answers this request where its caller can fetch them."""
    await _shelf_of(request).keep(caller_of(request), get_request_id(request), said)


def _shelf_of(request: Request) -> CaptionShelf:
    return cast(CaptionShelf, request.app.state.captions)
