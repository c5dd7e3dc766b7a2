"""One client: its events in, the answers out, several requests one after the other.

The answer is a task of its own, so that the connection is still read: a client that leaves stops the work, and the text
of a streamed speech comes while it is spoken. Home Assistant takes no notice of an error and waits until the connection
ends, so an error ends it.
"""

import asyncio
import contextlib
import logging
import time
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import ClassVar

from wyoming.error import Error
from wyoming.event import Event, Eventable
from wyoming.info import Info
from wyoming.ping import Pong

from speechd.errors import InternalError, InvalidRequest, SpeechdError
from speechd.executors import DECODING, run_in
from speechd.ids import new_id
from speechd.operations import RequestContext, TranscriptionRequest
from speechd.operations.speech_stream import TextInput
from speechd.operations.transcription import check_transcription
from speechd.service import Service
from speechd.wyoming.audio_input import RecordingInput
from speechd.wyoming.events import MAX_LINE, EventLimits, read_event, send_event
from speechd.wyoming.requests import AudioFormatEvent, PingEvent, SynthesizeEvent, TextEvent, TranscribeEvent
from speechd.wyoming.synthesis import synthesize, synthesize_stream
from speechd.wyoming.transcription import LoadedAhead, transcribe

MAX_AUDIO_SECONDS = 1800.0
"""Longest recording of one request, where SPEECHD_MAX_AUDIO_SECONDS allows as much: nobody is asked for a key."""
CONVERTED_AT_ONCE = 1 << 16
"""Bytes of audio that are converted on the event loop: under a millisecond. More is for a thread."""
LEAVING_SECONDS = 2.0
"""Seconds that a client has to leave after an error."""

log = logging.getLogger("speechd.wyoming")


@dataclass(frozen=True, slots=True)
class FrontDoor:
    """What all connections share."""

    service: Service
    describe: Callable[[], Awaitable[Info]]
    limits: EventLimits
    in_flight: Callable[[], AbstractContextManager[None]]
    """Around each request, so that work with low priority waits."""


class Connection:
    """One connection, from its first event to its end."""

    def __init__(self, door: FrontDoor, reader: StreamReader, writer: StreamWriter) -> None:
        self.last_event = time.monotonic()
        """When the client was heard last."""
        self._door = door
        self._reader = reader
        self._writer = writer
        self._sending = asyncio.Lock()
        self._answer: asyncio.Task[None] | None = None
        self._request: TranscriptionRequest | None = None
        """Of the audio that is coming, or will come."""
        self._audio: RecordingInput | None = None
        self._model: LoadedAhead | None = None
        """For the audio that is coming."""
        self._text: TextInput | None = None
        """Of the speech whose text is coming."""
        self._refused = False
        """An error was told. Nothing more is answered."""

    @property
    def answering(self) -> bool:
        """Something was asked that is not answered yet."""
        return self._answer is not None and not self._answer.done()

    async def run(self) -> None:
        """Answers until the client leaves or something is wrong. It closes the connection."""
        try:
            async for event in self._events():
                if handle := self.HANDLERS.get(event.type):
                    await handle(self, event)
        except ConnectionError:
            log.debug("a client left")
        except Exception as error:  # noqa: BLE001 - whatever it is, the client is told and the connection ends
            await self._refuse(error)
            await self._drain()
        finally:
            await self._end()

    async def _events(self) -> AsyncIterator[Event]:
        """What the client asks, until it leaves or has been refused something."""
        while (event := await read_event(self._reader, self._door.limits)) is not None:
            if not self._refused:
                self.last_event = time.monotonic()
                yield event

    async def _describe(self, event: Event) -> None:
        await self._send(await self._door.describe())

    async def _ping(self, event: Event) -> None:
        await self._send(Pong(PingEvent.parse(event.data).text))

    async def _transcribe(self, event: Event) -> None:
        request = TranscribeEvent.parse(event.data).to_request(self._context())
        await check_transcription(self._door.service, request)
        self._drop_audio()
        self._request = request

    async def _audio_start(self, event: Event) -> None:
        self._begin_audio()

    async def _audio_chunk(self, event: Event) -> None:
        audio = self._audio or self._begin_audio()
        format, data = AudioFormatEvent.parse(event.data), event.payload or b""
        if len(data) <= CONVERTED_AT_ONCE:
            audio.feed(format, data)
        else:
            await run_in(DECODING, audio.feed, format, data)

    async def _audio_stop(self, event: Event) -> None:
        if self._audio is None:
            raise InvalidRequest("`audio-stop` comes before any audio.")
        audio, self._audio = self._audio, None
        request, self._request = self._transcription(), None
        file = await run_in(DECODING, audio.take_file)
        await self._start(transcribe(self._door.service, replace(request, file=file)))

    async def _synthesize(self, event: Event) -> None:
        """Inside a stream it is for servers that cannot stream: it has the same text again."""
        if self._text is not None:
            return
        request = SynthesizeEvent.parse(event.data).to_request(self._context())
        text = self._text_input(whole=True)
        await text.append(request.text)
        text.end()
        await self._start(synthesize(self._door.service, text, request))

    async def _synthesize_start(self, event: Event) -> None:
        request = replace(SynthesizeEvent.parse(event.data).to_request(self._context()), text="")
        text = self._text_input(whole=request.options.ssml)
        await self._start(synthesize_stream(self._door.service, text, request))
        self._text = text

    async def _synthesize_chunk(self, event: Event) -> None:
        if self._text is None:
            raise InvalidRequest("`synthesize-chunk` comes before `synthesize-start`.")
        await self._text.append(TextEvent.parse(event.data).text)

    async def _synthesize_stop(self, event: Event) -> None:
        if self._text is None:
            raise InvalidRequest("`synthesize-stop` comes before `synthesize-start`.")
        self._text.end()
        self._text = None

    HANDLERS: ClassVar[Mapping[str, Callable[["Connection", Event], Awaitable[None]]]] = {
        "describe": _describe,
        "ping": _ping,
        "transcribe": _transcribe,
        "audio-start": _audio_start,
        "audio-chunk": _audio_chunk,
        "audio-stop": _audio_stop,
        "synthesize": _synthesize,
        "synthesize-start": _synthesize_start,
        "synthesize-chunk": _synthesize_chunk,
        "synthesize-stop": _synthesize_stop,
    }
    """By the type of the event. Others are ignored, as the protocol wants it."""

    def _context(self) -> RequestContext:
        """The protocol has no key: everybody is the anonymous caller, who has no account."""
        return RequestContext(request_id=new_id("req"))

    def _text_input(self, *, whole: bool) -> TextInput:
        return TextInput(self._door.service.settings.max_speech_characters, whole=whole)

    def _transcription(self) -> TranscriptionRequest:
        return self._request or TranscribeEvent().to_request(self._context())

    def _begin_audio(self) -> RecordingInput:
        self._drop_audio()
        self._model = LoadedAhead(self._door.service, self._transcription())
        longest = min(MAX_AUDIO_SECONDS, self._door.service.settings.max_audio_seconds)
        self._audio = RecordingInput(longest)
        return self._audio

    def _drop_audio(self) -> None:
        if self._audio is not None:
            self._audio.close()
            self._audio = None
        if self._model is not None:
            self._model.release()
            self._model = None

    async def _start(self, events: AsyncGenerator[Eventable, None]) -> None:
        """Sends the events of an answer while the connection is read on. The answer before it ends first."""
        if self._text is not None:
            raise InvalidRequest("The speech before it is still open: `synthesize-stop` is missing.")
        if self._answer is not None:
            await asyncio.wait([self._answer])
        self._answer = asyncio.create_task(self._send_all(events), name="wyoming answer")

    async def _send_all(self, events: AsyncGenerator[Eventable, None]) -> None:
        try:
            with self._door.in_flight():
                async with contextlib.aclosing(events):
                    async for event in events:
                        await self._send(event)
        except ConnectionError:
            log.debug("a client left before its answer was there")
        except Exception as error:  # noqa: BLE001 - whatever it is, the client is told and the connection ends
            await self._refuse(error)

    async def _send(self, event: Eventable) -> None:
        async with self._sending:
            await send_event(self._writer, event)

    async def _refuse(self, error: Exception) -> None:
        """Tells what is wrong and ends the connection: at once for the client, and here when the client has left."""
        async with self._sending:
            self._refused = True
            asyncio.get_running_loop().call_later(LEAVING_SECONDS, self._writer.close)
            await tell_error(self._writer, error if isinstance(error, SpeechdError) else _internal(error))
            with contextlib.suppress(OSError):
                self._writer.write_eof()

    async def _drain(self) -> None:
        """Drops what the client still sends: a socket that is closed with unread data loses what it has sent."""
        with contextlib.suppress(OSError):
            while await self._reader.read(MAX_LINE):
                pass

    async def _end(self) -> None:
        """Stops what is still under way."""
        self._drop_audio()
        self._writer.close()
        if self._answer is not None:
            self._answer.cancel()
            await asyncio.gather(self._answer, return_exceptions=True)
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()


async def tell_error(writer: StreamWriter, error: SpeechdError) -> None:
    """Tells a client what is wrong, if it is still there."""
    with contextlib.suppress(OSError, TimeoutError):
        await send_event(writer, Error(error.message, error.error_code or error.type))


def _internal(error: Exception) -> InternalError:
    """Logged with an id. The client gets only the id."""
    request_id = new_id("req")
    log.error("%s failed", request_id, exc_info=error)
    return InternalError(f"Something went wrong inside the server. Quote {request_id} when you report it.")
