"""The server's events as JSON objects, in the GA shape and in the beta shape."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from speechd.errors import SpeechdError
from speechd.formats.transcript import View, logprob_list, spoken_languages, usage_object
from speechd.ids import new_id
from speechd.operations.live import (
    LiveEvent,
    TextDelta,
    TurnCommitted,
    TurnCompleted,
    TurnFailed,
    TurnStarted,
    TurnStopped,
)
from speechd.schemas.realtime import INCLUDED_LOGPROBS, INCLUDED_WORDS, TranscriptionSession
from speechd.types import Segment, Transcript

TRANSCRIPTION = "conversation.item.input_audio_transcription"

Event = dict[str, Any]


@dataclass(slots=True)
class EventRenderer:
    """What a session tells its client."""

    id: str
    expires_at: int
    """Unix seconds."""
    beta: bool = False
    """The client speaks the beta's shape."""

    def session(self, kind: str, session: TranscriptionSession) -> Event:
        """The effective session; `kind` is `created` or `updated`."""
        name = "transcription_session" if self.beta else "session"
        return event(f"{name}.{kind}", session=self.session_object(session))

    def session_object(self, session: TranscriptionSession) -> Event:
        """The session as the client knows it."""
        common = {"id": self.id, "object": "realtime.transcription_session", "expires_at": self.expires_at}
        return common | (session.beta() if self.beta else session.model_dump(mode="json"))

    def live(self, happened: LiveEvent, included: frozenset[str]) -> Iterator[Event]:
        """The events of a turn.

        Args:
            included: what `completed` has beside the text.
        """
        match happened:
            case TurnStarted():
                yield _buffer("speech_started", happened.turn, audio_start_ms=happened.milliseconds)
            case TurnStopped():
                yield _buffer("speech_stopped", happened.turn, audio_end_ms=happened.milliseconds)
            case TurnCommitted():
                yield _buffer("committed", happened.turn, previous_item_id=happened.previous)
                for name in ("created",) if self.beta else ("added", "done"):
                    yield event(
                        f"conversation.item.{name}", previous_item_id=happened.previous, item=_item(happened.turn)
                    )
            case TextDelta():
                yield _of_item("delta", happened.turn, delta=happened.text)
            case TurnCompleted():
                yield from _segments(happened)
                yield _of_item("completed", happened.turn, **_result(happened.transcript, included))
            case TurnFailed():
                yield _of_item("failed", happened.turn, error=_fault(happened.error))


def event(type: str, **members: Any) -> Event:
    """An event with its id."""
    return {"type": type, "event_id": new_id("event"), **members}


def error_event(error: SpeechdError, client_event: str | None) -> Event:
    """
    Args:
        client_event: the id that the client gave the event at fault.
    """
    return event("error", error=_fault(error) | {"event_id": client_event})


def _fault(error: SpeechdError) -> Event:
    return error.envelope()["error"]


def _buffer(name: str, turn: str, **members: Any) -> Event:
    return event(f"input_audio_buffer.{name}", item_id=turn, **members)


def _of_item(name: str, turn: str, **members: Any) -> Event:
    return event(f"{TRANSCRIPTION}.{name}", item_id=turn, content_index=0, **members)


def _item(turn: str) -> Event:
    return {
        "id": turn,
        "object": "realtime.item",
        "type": "message",
        "status": "completed",
        "role": "user",
        "content": [{"type": "input_audio", "transcript": None}],
    }


def _segments(completed: TurnCompleted) -> Iterator[Event]:
    """Who says what, where speakers are told apart. Times are the turn's, as those of words are."""
    for segment in completed.transcript.segments:
        if segment.speaker:
            times = {"start": round(segment.start, 3), "end": round(segment.end, 3)}
            spoken = {"id": new_id("seg"), "text": segment.text.strip(), "speaker": segment.speaker}
            yield _of_item("segment", completed.turn, **spoken, **times)


def _result(transcript: Transcript, included: frozenset[str]) -> Event:
    result: Event = {"transcript": transcript.text, "usage": usage_object(transcript)}
    result |= spoken_languages(transcript, View())
    if INCLUDED_LOGPROBS in included:
        result["logprobs"] = logprob_list(transcript.logprobs)
    if INCLUDED_WORDS in included:
        result["words"] = [
            {"word": word.word.strip(), "start": round(word.start, 3), "end": round(word.end, 3)} | _speaker(segment)
            for segment in transcript.segments
            for word in segment.words
        ]
    return result


def _speaker(segment: Segment) -> Event:
    """Who says it, where speakers are told apart."""
    return {"speaker": segment.speaker} if segment.speaker else {}
