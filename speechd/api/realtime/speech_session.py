"""One speech session: text in pieces, audio of each sentence as soon as the sentence is complete."""

import asyncio
import base64
import logging
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any, ClassVar

from starlette.websockets import WebSocket, WebSocketDisconnect

from speechd.api.realtime.events import error_event, event
from speechd.api.realtime.socket_session import ClientTooSlow, SocketSession, session_of
from speechd.api.routes.speech import speech_usage
from speechd.errors import InternalError, InvalidRequest, SpeechdError
from speechd.operations import RequestContext, SpeechRequest
from speechd.operations.speech_stream import TextInput, speak_encoded
from speechd.schemas.speech import SpeechSession
from speechd.service import Service
from speechd.types import Speech

MAX_GENERATIONS = 8
"""Texts that may wait while another is spoken. Then the client has to wait."""

log = logging.getLogger("speechd.live")


@dataclass(frozen=True, slots=True)
class Generation:
    """A text from its first piece to its flush."""

    text: TextInput
    request: SpeechRequest


class SpeechSocketSession(SocketSession):
    """A session on an accepted WebSocket."""

    def __init__(
        self, socket: WebSocket, service: Service, context: RequestContext, session: SpeechSession, id: str
    ) -> None:
        super().__init__(socket, service.settings.max_realtime_seconds)
        self._service = service
        self._context = context
        self._session = session
        self._id = id
        self._writing: Generation | None = None
        """Whose text is coming."""
        self._generations: asyncio.Queue[Generation | None] = asyncio.Queue(MAX_GENERATIONS)
        """To be spoken, in order; None is the end."""

    async def _open(self) -> None:
        await self._send(self._told("created"))

    async def _work(self) -> None:
        """Speaks one text after the other."""
        while (generation := await self._generations.get()) is not None:
            try:
                await self._speak(generation)
            except SpeechdError as error:
                await self._send(error_event(error, None))
            except (WebSocketDisconnect, ClientTooSlow):
                raise
            except Exception:
                log.exception("a text of a session failed")
                await self._send(error_event(InternalError("Something went wrong inside the server."), None))
            finally:
                generation.text.close()
                self._generations.task_done()

    async def _speak(self, generation: Generation) -> None:
        async with aclosing(speak_encoded(self._service, generation.text, generation.request)) as parts:
            async for part in parts:
                if isinstance(part, Speech):
                    await self._send(event("speech.audio.done", usage=speech_usage(part)))
                elif part.audio:
                    await self._send(event("speech.audio.delta", audio=base64.b64encode(part.audio).decode()))

    async def _drain(self, seconds: float) -> None:
        """What has been written is spoken to its end; a text that is still being written breaks off here."""
        if self._writing is not None:
            self._writing.text.end()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._generations.join()

    async def _update(self, message: dict[str, Any]) -> None:
        """It is for the texts that begin from now on."""
        session = self._session.updated(session_of(message))
        await check_voice(self._service, session)
        self._session = session
        await self._send(self._told("updated"))

    async def _append(self, message: dict[str, Any]) -> None:
        text = message.get("text")
        if not isinstance(text, str):
            raise InvalidRequest("`text` is required: a text.", param="text")
        if self._writing is None or self._writing.text.ended:
            self._writing = await self._begin()
        await self._writing.text.append(text)

    async def _flush(self, message: dict[str, Any]) -> None:
        """Ends the text: what is left of it is spoken too."""
        if self._writing is not None:
            self._writing.text.end()
            self._writing = None

    async def _finish(self, message: dict[str, Any]) -> None:
        """Ends the session when everything is spoken."""
        await self._flush(message)
        await self._generations.put(None)

    HANDLERS: ClassVar = {
        "session.update": _update,
        "input_text.append": _append,
        "input_text.flush": _flush,
        "input_text.end": _finish,
    }

    async def _begin(self) -> Generation:
        service, session = self._service, self._session
        options = session.to_options(self._context.dialect.speech_sample_rate)
        request = SpeechRequest("", session.model, session.voice_name, options, self._context)
        generation = Generation(TextInput(service.settings.max_speech_characters), request)
        await self._generations.put(generation)
        return generation

    def _told(self, kind: str) -> dict[str, Any]:
        session = {"id": self._id, "object": "realtime.speech_session", **self._session.shown()}
        return event(f"session.{kind}", session=session)


async def check_voice(service: Service, session: SpeechSession) -> None:
    """
    Raises:
        SpeechdError: the session's voice does not exist.
    """
    await service.speaker(session.model, session.voice_name, session.language or "")
