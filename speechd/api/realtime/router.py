"""GET realtime, which becomes a WebSocket, and the short-lived keys for it."""

import asyncio
import re
import time
from functools import partial
from typing import Any, cast

from fastapi import APIRouter, Request
from starlette.websockets import WebSocket

from speechd.api.dependencies import context_of, get_service
from speechd.api.errors import error_response
from speechd.api.middleware.rate_limits import caller_of
from speechd.api.openapi.jobs import refusals, with_json
from speechd.api.realtime.events import EventRenderer
from speechd.api.realtime.session import RealtimeSession, SessionLength, check_model
from speechd.api.realtime.socket_session import serve_session
from speechd.api.request_body_json import read_text_request
from speechd.auth.client_secrets import ClientSecret, ClientSecrets
from speechd.dialects import Dialect
from speechd.errors import InvalidRequest, NotFound
from speechd.ids import new_id
from speechd.schemas.realtime import ClientSecretForm, ClientSecretObject, SecretLifetime, TranscriptionSession
from speechd.settings import Settings

BETA_HEADER = "realtime=v1"
CONVERSATION_MODEL = re.compile(r"gpt-(4o-)?(mini-)?realtime(?!.*(whisper|transcribe))")
"""Names of hosted models that talk. A session that is opened with one may still become a transcription."""
MAX_BODY = 64_000
EXAMPLE_SECRET = {"expires_after": {"anchor": "created_at", "seconds": 600}, "session": {"type": "transcription"}}
EXAMPLE_SESSION = {"input_audio_format": "pcm16", "turn_detection": {"type": "server_vad"}}


def router(dialect: Dialect) -> APIRouter:
    """The realtime routes."""
    routes = APIRouter(tags=["Realtime"])

    @routes.websocket("/realtime")
    async def realtime(socket: WebSocket) -> None:
        await serve_session(socket, partial(open_realtime_session, socket, dialect))

    failures: dict[str, Any] = {"responses": refusals(), "response_model": None}
    routes.get("/realtime", summary="Transcribe while people speak.", **failures)(refuse_plain)
    routes.post("/realtime/client_secrets", **with_json(ClientSecretForm, EXAMPLE_SECRET), responses=refusals())(
        create_client_secret
    )
    routes.post("/realtime/transcription_sessions", **with_json(ClientSecretForm, EXAMPLE_SESSION), **failures)(
        create_transcription_session
    )
    return routes


async def open_realtime_session(socket: WebSocket, dialect: Dialect) -> RealtimeSession:
    """
    Raises:
        SpeechdError: the opening request is refused.
    """
    service, session = get_service(socket), opening_session(socket)
    await check_model(service, session)
    context, settings = context_of(socket, dialect), service.settings
    length = SessionLength(settings.max_realtime_seconds, settings.max_realtime_turn)
    return RealtimeSession(socket, service, context, session, _renderer(socket, settings), length)


async def refuse_unknown(socket: WebSocket) -> None:
    """No other address is a WebSocket."""
    error = NotFound(f"Unknown WebSocket URL: {socket.url.path[:200]}.", code="unknown_url")
    await socket.send_denial_response(error_response(error))


def opening_session(socket: WebSocket) -> TranscriptionSession:
    """The session that an opening request asks for: what its client secret says, then its query.

    Raises:
        InvalidRequest: a value is not valid.
    """
    secret: ClientSecret | None = socket.scope["state"].get("client_secret")
    query = socket.query_params
    session = TranscriptionSession().updated(secret.session if secret else {})
    model = query.get("transcription_model") or query.get("model", "")
    given = {} if not model or CONVERSATION_MODEL.match(model) else {"model": model}
    given |= {"language": query["language"]} if query.get("language") else {}
    return session.updated({"audio": {"input": {"transcription": given}}}) if given else session


def _renderer(socket: WebSocket, settings: Settings) -> EventRenderer:
    beta = BETA_HEADER in socket.headers.get("openai-beta", "")
    return EventRenderer(new_id("sess"), round(time.time() + settings.max_realtime_seconds), beta)


async def refuse_plain(request: Request) -> None:
    """A WebSocket: the events of OpenAI's realtime API for transcription sessions (see the guide *Realtime*)."""
    raise InvalidRequest("This address is a WebSocket. Open it as one.", code="websocket_required")


async def create_client_secret(request: Request) -> ClientSecretObject:
    """Makes a short-lived key, with which a browser can open realtime sessions.

    Raises:
        InvalidRequest: a field is not valid.
    """
    asked = await read_text_request(request, MAX_BODY)
    form = ClientSecretForm.parse(dict(asked.fields))
    session = TranscriptionSession().updated(form.session)
    await check_model(get_service(request), session)
    value, expires_at = await _secret(request, form.expires_after, form.session)
    shown = EventRenderer(new_id("sess"), expires_at).session_object(session)
    return ClientSecretObject(value=value, expires_at=expires_at, session=shown)


async def create_transcription_session(request: Request) -> dict[str, Any]:
    """The same in the beta's shape: the body is the session.

    Raises:
        InvalidRequest: a field is not valid.
    """
    asked = await read_text_request(request, MAX_BODY)
    fields = dict(asked.fields)
    session = TranscriptionSession().updated(fields)
    await check_model(get_service(request), session)
    value, expires_at = await _secret(request, SecretLifetime(), fields)
    shown = EventRenderer(new_id("sess"), expires_at, beta=True).session_object(session)
    return shown | {"client_secret": {"value": value, "expires_at": expires_at}}


async def _secret(request: Request, lifetime: SecretLifetime, session: dict[str, Any]) -> tuple[str, int]:
    secrets = cast(ClientSecrets, request.app.state.client_secrets)
    return await asyncio.to_thread(secrets.make, caller_of(request), lifetime.seconds, session)
