"""GET audio/speech/stream, which becomes a WebSocket."""

from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from starlette.websockets import WebSocket

from speechd.api.dependencies import context_of, get_service
from speechd.api.openapi.jobs import refusals
from speechd.api.realtime.socket_session import serve_session
from speechd.api.realtime.speech_session import SpeechSocketSession, check_voice
from speechd.dialects import Dialect
from speechd.errors import InvalidRequest
from speechd.ids import new_id
from speechd.schemas.speech import SpeechSession


def router(dialect: Dialect) -> APIRouter:
    """The route of speech sessions."""
    routes = APIRouter(tags=["Audio"])

    @routes.websocket("/audio/speech/stream")
    async def speech_stream(socket: WebSocket) -> None:
        await serve_session(socket, partial(open_speech_session, socket, dialect))

    failures: dict[str, Any] = {"responses": refusals(), "response_model": None}
    routes.get("/audio/speech/stream", summary="Speak while the text is written.", **failures)(refuse_plain_speech)
    return routes


async def open_speech_session(socket: WebSocket, dialect: Dialect) -> SpeechSocketSession:
    """The session that an opening request asks for; its query may have the fields of a session.

    Raises:
        SpeechdError: a value is not valid, or there is no such voice.
    """
    service, session = get_service(socket), SpeechSession.parse(dict(socket.query_params))
    await check_voice(service, session)
    return SpeechSocketSession(socket, service, context_of(socket, dialect), session, new_id("sess"))


async def refuse_plain_speech(request: Request) -> None:
    """A WebSocket: text in pieces, audio of each sentence when it is complete (see the guide *Text to speech*)."""
    raise InvalidRequest("This address is a WebSocket. Open it as one.", code="websocket_required")
