"""One realtime session: a client's events in, the server's events out."""

from dataclasses import dataclass
from typing import Any, ClassVar

from starlette.websockets import WebSocket

from speechd.api.realtime.events import EventRenderer, event
from speechd.api.realtime.messages import audio_of
from speechd.api.realtime.socket_session import SocketSession, session_of
from speechd.errors import Unsupported
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


@dataclass(frozen=True, slots=True)
class SessionLength:
    """How long a session and its turns may be, in seconds."""

    session: float
    turn: float


class RealtimeSession(SocketSession):
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
        super().__init__(socket, length.session)
        self._service = service
        self._session = session
        self._renderer = renderer
        self._included = frozenset(session.include or ())
        self._live = LiveTranscription(
            service, context, self._on_live_event, live_config(session), wire_format(session), length.turn
        )

    async def _open(self) -> None:
        await self._send(self._renderer.session("created", self._session))
        self._live.warm_up()

    async def _drain(self, seconds: float) -> None:
        await self._live.drain(seconds)

    async def _end(self) -> None:
        await self._live.close()

    async def _update(self, message: dict[str, Any]) -> None:
        update = session_of(message)
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

    HANDLERS: ClassVar = {
        "session.update": _update,
        "transcription_session.update": _update,
        "input_audio_buffer.append": _append,
        "input_audio_buffer.commit": _commit,
        "input_audio_buffer.clear": _clear,
        "conversation.item.create": _refuse,
        "conversation.item.retrieve": _refuse,
        "conversation.item.delete": _refuse,
        "conversation.item.truncate": _refuse,
        "response.create": _refuse,
        "response.cancel": _refuse,
        "output_audio_buffer.clear": _refuse,
    }


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
    return LiveConfig(form.model, session.to_options(), _detection(detection), transcribes)


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
