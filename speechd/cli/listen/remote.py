"""A running server that listens, through its realtime API."""

import asyncio
import base64
import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from speechd.cli.listen.sources import Audio
from speechd.errors import SpeechdError
from speechd.operations.live import (
    LiveEvent,
    TextDelta,
    TurnCommitted,
    TurnCompleted,
    TurnDetection,
    TurnFailed,
    TurnStarted,
)
from speechd.operations.live.events import TurnStopped
from speechd.operations.live.turn import Emit
from speechd.schemas.realtime import INCLUDED_WORDS
from speechd.types import Segment, TranscribeOptions, Transcript, Word

TRANSCRIPTION = "conversation.item.input_audio_transcription."
BUFFER = "input_audio_buffer."
SENTENCE_ENDS = (".", "?", "!", "。", "？", "！")


class RemoteSession:
    """One session on a server."""

    def __init__(self, url: str, key: str, model: str, options: TranscribeOptions) -> None:
        """
        Args:
            url: of the server, http or https.
            key: "" where it needs none.
        """
        address = url.rstrip("/").removesuffix("/v1").removesuffix("/openai")
        self._url = f"{address.replace('http', 'ws', 1)}/v1/realtime?intent=transcription"
        self._headers = {"authorization": f"Bearer {key}"} if key else {}
        self._model = model
        self._options = options
        self._started: dict[str, int] = {}
        """Milliseconds at which turns began."""
        self._open: set[str] = set()
        """Turns whose text is not whole."""
        self._told: dict[str, list[Segment]] = {}
        """What speakers say in turns whose text is not whole."""
        self._cleared = False

    async def listen(self, audio: Audio, rate: int, detection: TurnDetection, emit: Emit) -> None:
        """Sends the audio to its end, and tells what the server hears until all of it is told.

        Raises:
            SpeechdError: the server cannot be reached, or refuses something.
        """
        try:
            async with connect(self._url, additional_headers=self._headers, max_size=None) as socket:
                await socket.send(self._configuration(rate, detection))
                sending = asyncio.create_task(_send_all(socket, audio))
                try:
                    await self._receive(socket, emit)
                finally:
                    sending.cancel()
                    await asyncio.gather(sending, return_exceptions=True)
        except InvalidStatus as refused:
            raise SpeechdError(_message(refused)) from refused
        except (OSError, InvalidHandshake, InvalidURI, ConnectionClosed) as error:
            raise SpeechdError(f"The connection to {self._url} failed: {error}") from error

    def _configuration(self, rate: int, detection: TurnDetection) -> str:
        transcription: dict[str, Any] = {
            "model": self._model,
            "language": self._options.language,
            "prompt": self._options.prompt,
        }
        if (speakers := self._options.speakers) is not None:
            transcription |= {"speakers": True, "max_speakers": speakers.max_speakers}
        turns = {
            "type": "server_vad",
            "threshold": detection.threshold,
            "prefix_padding_ms": round(1000 * detection.prefix),
            "silence_duration_ms": round(1000 * detection.silence),
        }
        heard = {"format": {"type": "audio/pcm", "rate": rate}, "transcription": transcription, "turn_detection": turns}
        include = {"include": [INCLUDED_WORDS]} if self._options.word_timestamps else {}
        session = {"type": "transcription", "audio": {"input": heard}, **include}
        return json.dumps({"type": "session.update", "session": session})

    async def _receive(self, socket: ClientConnection, emit: Emit) -> None:
        while not self._cleared or self._open:
            event = json.loads(await socket.recv())
            if event["type"] == "error":
                raise SpeechdError(event["error"]["message"])
            self._cleared = self._cleared or event["type"] == f"{BUFFER}cleared"
            if (happened := self._happened(event)) is not None:
                await emit(happened)

    def _happened(self, event: dict[str, Any]) -> LiveEvent | None:
        turn = event.get("item_id", "")
        match event["type"].removeprefix(BUFFER).removeprefix(TRANSCRIPTION):
            case "speech_started":
                self._open.add(turn)
                self._started[turn] = event["audio_start_ms"]
                return TurnStarted(turn, event["audio_start_ms"])
            case "speech_stopped":
                self._started[turn] = event["audio_end_ms"] - self._started[turn]
                return TurnStopped(turn, event["audio_end_ms"])
            case "committed":
                return TurnCommitted(turn, event.get("previous_item_id"))
            case "delta":
                return TextDelta(turn, event["delta"])
            case "segment":
                self._told.setdefault(turn, []).append(_spoken(event))
            case "completed":
                self._open.discard(turn)
                seconds, told = self._started.pop(turn) / 1000, self._told.pop(turn, [])
                return TurnCompleted(turn, _transcript(event, seconds, told))
            case "failed":
                self._open.discard(turn)
                return TurnFailed(turn, SpeechdError(event["error"]["message"]))
        return None


async def _send_all(socket: ClientConnection, audio: Audio) -> None:
    """All audio, and then what is answered when all of it was heard."""
    with suppress(ConnectionClosed):
        async for piece in audio:
            data = base64.b64encode(piece).decode()
            await socket.send(json.dumps({"type": f"{BUFFER}append", "audio": data}))
        await socket.send(json.dumps({"type": f"{BUFFER}clear"}))


def _spoken(event: dict[str, Any]) -> Segment:
    """What one speaker says in a turn."""
    return Segment(event["start"], event["end"], f" {event['text']}", speaker=event["speaker"])


def _transcript(event: dict[str, Any], seconds: float, told: Sequence[Segment]) -> Transcript:
    """A turn of so many seconds. Its segments are those of its speakers where the server tells them. Otherwise it has
    one, or with word times one for each sentence."""
    words = [Word(each["word"], each["start"], each["end"]) for each in event.get("words", ())]
    language = next((each["code"] for each in event.get("languages") or ()), "")
    text = event["transcript"]
    if told:
        segments = tuple(_timed(told, words, language))
    elif words:
        segments = tuple(_sentences(words, language))
    else:
        segments = (Segment(0.0, seconds, f" {text}", language=language),) if text else ()
    return Transcript("transcribe", language, seconds, segments)


def _timed(told: Sequence[Segment], words: Sequence[Word], language: str) -> Iterator[Segment]:
    """The same segments with their words: those that begin before the next segment does."""
    starts = [float("-inf"), *(segment.start for segment in told[1:]), float("inf")]
    for segment, since, until in zip(told, starts, starts[1:], strict=False):
        own = tuple(word for word in words if since <= word.start < until)
        yield replace(segment, words=own, language=language)


def _sentences(words: list[Word], language: str) -> Iterator[Segment]:
    first = 0
    for number, word in enumerate(words):
        if word.word.endswith(SENTENCE_ENDS) or number == len(words) - 1:
            said = tuple(words[first : number + 1])
            text = "".join(f" {each.word}" for each in said)
            yield Segment(said[0].start, word.end, text, words=said, language=language)
            first = number + 1


def _message(refused: InvalidStatus) -> str:
    """What the server says, in the envelope of its errors."""
    try:
        return str(json.loads(refused.response.body or b"")["error"]["message"])
    except (ValueError, LookupError, TypeError):
        return f"The server answered {refused.response.status_code}."
