"""One realtime session: a client's events in, the server's events out."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from speechd.api.realtime.events import Event, EventRenderer, error_event, event
from speechd.api.realtime.messages import audio_of, parse_message
from speechd.errors import InternalError, InvalidRequest, SpeechdError, Unsupported
from speechd.operations.context import RequestContext
from speechd.operations.live import LiveConfig, LiveEvent, LiveTranscription, TurnDetection, WireFormat
from speechd.operations.live.pcm_input import G711_RATE
from speechd.schemas.realtime import (
    EAGERNESS_SILENCE_MS,
    PcmFormat,
    SemanticTurnDetection,
    ServerTurnDetection,
    TranscriptionSession,
)
from speechd.service import Service

SEND_SECONDS = 20.0
"""A client that does not read for so long is left."""
DRAIN_SECONDS = 5.0
"""In which the text of committed turns is still sent when the server stops."""
NORMAL, GOING_AWAY, TOO_SLOW = 1000, 1001, 1008
"""Close codes (RFC 6455, section 7.4.1)."""

log = logging.getLogger("speechd.live")


class ClientTooSlow(Exception):
    """The client does not read what it is sent."""


@dataclass(frozen=True, slots=True)
class SessionLength:
    """How long a session and its turns may be, in seconds."""

    session: float
    turn: float


class RealtimeSession:
    """A session on an accepted WebSocket."""

    def __init__(
        self,
        socket: WebSocket,
        service: Service,
        context: RequestContext,
        session: TranscriptionSession,
        renderer: EventRenderer,
        length: SessionLength,
    ) -> None:
        self._socket = socket
        self._service = service
        self._session = session
        self._renderer = renderer
        self._length = length
        self._included = frozenset(session.include or ())
        self._live = LiveTranscription(
            service, context, self._on_live_event, live_config(session), wire_format(session), length.turn
        )

    async def run(self, stops: asyncio.Event) -> None:
        """Until the client leaves, the session expires or the server stops; then nothing of it is left.

        Args:
            stops: set when the server stops.
        """
        reading = asyncio.create_task(self._read(), name="realtime-reader")
        stopping = asyncio.create_task(stops.wait(), name="realtime-stop")
        tasks = {reading, stopping}
        try:
            await asyncio.wait(tasks, timeout=self._length.session, return_when=asyncio.FIRST_COMPLETED)
            reading.cancel()
            if stopping.done():
                await self._live.drain(DRAIN_SECONDS)
                await self._close(GOING_AWAY, "The server stops.")
            elif not await _ended(reading):
                expired = InvalidRequest("The session has reached its maximum length.", code="session_expired")
                await self._send(error_event(expired, None))
                await self._close(NORMAL, "The session has expired.")
        except (WebSocketDisconnect, ClientTooSlow):
            log.info("the client of a realtime session has left")
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._live.close()

    async def _read(self) -> None:
        """The client's events, one after the other: what is not read yet waits on the wire."""
        await self._send(self._renderer.session("created", self._session))
        self._live.warm_up()
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            await self._answer(message.get("text"))

    async def _answer(self, text: str | None) -> None:
        client_event = None
        try:
            if text is None:
                raise InvalidRequest("Messages are JSON text; audio goes in them as base64.", code="invalid_json")
            message = await parse_message(text)
            given = message.get("event_id")
            client_event = given[:512] if isinstance(given, str) else None
            await self._handle(message)
        except SpeechdError as error:
            await self._send(error_event(error, client_event))
        except (WebSocketDisconnect, ClientTooSlow):
            raise
        except Exception:
            log.exception("an event of a realtime session failed")
            await self._send(error_event(InternalError("Something went wrong inside the server."), client_event))

    async def _handle(self, message: dict[str, Any]) -> None:
        """
        Raises:
            SpeechdError: the event is refused.
        """
        handler = HANDLERS.get(message["type"])
        if handler is None:
            known = ", ".join(HANDLERS)
            raise InvalidRequest(
                f"Unknown event {message['type'][:80]!r}. This server takes {known}.",
                param="type",
                code="unknown_event",
            )
        await handler(self, message)

    async def _update(self, message: dict[str, Any]) -> None:
        update = message.get("session")
        if not isinstance(update, dict):
            raise InvalidRequest("`session` is required: an object.", param="session")
        self._renderer.beta = self._renderer.beta or message["type"].startswith("transcription_session.")
        session = self._session.updated(update)
        await check_model(self._service, session)
        await self._live.configure(live_config(session), wire_format(session))
        self._session, self._included = session, frozenset(session.include or ())
        await self._send(self._renderer.session("updated", session))

    async def _append(self, message: dict[str, Any]) -> None:
        await self._live.append(await audio_of(message))

    async def _commit(self, message: dict[str, Any]) -> None:
        await self._live.commit()

    async def _clear(self, message: dict[str, Any]) -> None:
        await self._live.clear()
        await self._send(event("input_audio_buffer.cleared"))

    async def _refuse(self, message: dict[str, Any]) -> None:
        raise Unsupported(f"`{message['type']}` needs a conversation. This session transcribes.", param="type")

    async def _on_live_event(self, happened: LiveEvent) -> None:
        for each in self._renderer.live(happened, self._included):
            await self._send(each)

    async def _send(self, event: Event) -> None:
        """
        Raises:
            WebSocketDisconnect: the client has left.
            ClientTooSlow: it does not read.
        """
        text = json.dumps(event, ensure_ascii=False)
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await self._socket.send_text(text)
        except TimeoutError:
            raise ClientTooSlow from None

    async def _close(self, code: int, reason: str) -> None:
        if self._socket.application_state is WebSocketState.CONNECTED:
            with suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
                async with asyncio.timeout(DRAIN_SECONDS):
                    await self._socket.close(code, reason)


Handler = Callable[[RealtimeSession, dict[str, Any]], Awaitable[None]]

HANDLERS: dict[str, Handler] = {
    "session.update": RealtimeSession._update,
    "transcription_session.update": RealtimeSession._update,
    "input_audio_buffer.append": RealtimeSession._append,
    "input_audio_buffer.commit": RealtimeSession._commit,
    "input_audio_buffer.clear": RealtimeSession._clear,
    "conversation.item.create": RealtimeSession._refuse,
    "conversation.item.retrieve": RealtimeSession._refuse,
    "conversation.item.delete": RealtimeSession._refuse,
    "conversation.item.truncate": RealtimeSession._refuse,
    "response.create": RealtimeSession._refuse,
    "response.cancel": RealtimeSession._refuse,
    "output_audio_buffer.clear": RealtimeSession._refuse,
}
"""What is done with each event of a client."""


async def check_model(service: Service, session: TranscriptionSession) -> None:
    """
    Raises:
        SpeechdError: the session's recogniser does not exist, or cannot do what the session asks for.
    """
    form = session.to_form()
    if session.input.transcription is not None:
        await service.transcriber(form.model, form.to_options())


def live_config(session: TranscriptionSession) -> LiveConfig:
    """What a session does with audio."""
    form, detection = session.to_form(), session.input.turn_detection
    transcribes = session.input.transcription is not None
    return LiveConfig(form.model, form.to_options(), _detection(detection), transcribes)


def wire_format(session: TranscriptionSession) -> WireFormat:
    """How a session's audio is encoded."""
    format = session.input.format
    if isinstance(format, PcmFormat):
        return WireFormat("pcm", format.rate)
    return WireFormat("pcmu" if format.type == "audio/pcmu" else "pcma", G711_RATE)


def _detection(given: ServerTurnDetection | SemanticTurnDetection | None) -> TurnDetection | None:
    if given is None:
        return None
    if isinstance(given, SemanticTurnDetection):
        return TurnDetection(silence=EAGERNESS_SILENCE_MS[given.eagerness] / 1000)
    return TurnDetection(given.threshold, given.prefix_padding_ms / 1000, given.silence_duration_ms / 1000)


async def _ended(reading: "asyncio.Task[None]") -> bool:
    """Whether the client has left; what went wrong is raised."""
    try:
        await reading
    except asyncio.CancelledError:
        return False
    return True
