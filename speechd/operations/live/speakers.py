"""Who speaks in the turns of a live session: each turn is told apart by itself, and its voices are found again among
those of the turns before it."""

import asyncio
from dataclasses import dataclass, replace

import numpy as np

from speechd.asr.diarization.engine import EMBEDDING
from speechd.asr.diarization.labels import SpeakerLabels
from speechd.operations.live.online_speakers import OnlineSpeakers
from speechd.types import MAX_SPEAKERS, Transcript


class SessionSpeakers:
    """The speakers of a session, with labels that stay. It belongs to the event loop."""

    def __init__(self) -> None:
        self._speakers = OnlineSpeakers()
        self._labels = SpeakerLabels[int]()
        self._previous = asyncio.Event()
        self._previous.set()

    def reserve(self) -> "TurnSpeakers":
        """The place of a turn. Places are taken in the order of the turns, whose texts may come in another."""
        previous, self._previous = self._previous, asyncio.Event()
        return TurnSpeakers(self, previous, self._previous)

    def label(self, transcript: Transcript, maximum: int) -> Transcript:
        """A turn's transcript with the labels of the session instead of its own.

        Args:
            maximum: speakers of the session at most.
        """
        told = {voice.label: self._label(voice.embeddings, voice.seconds, maximum) for voice in transcript.voices}
        last = self._labels.label(self._speakers.last) if transcript.segments else ""
        segments = tuple(replace(each, speaker=told.get(each.speaker, last)) for each in transcript.segments)
        return replace(transcript, segments=segments, voices=())

    def _label(self, embeddings: bytes, seconds: float, maximum: int) -> str:
        voice = np.frombuffer(embeddings, EMBEDDING).astype(np.float32)
        return self._labels.label(self._speakers.assign(voice, seconds, maximum))


@dataclass(frozen=True, slots=True)
class TurnSpeakers:
    """The place of a turn among the turns of its session."""

    session: SessionSpeakers
    previous: asyncio.Event
    """The turn before has its speakers, or will never have any."""
    told: asyncio.Event

    async def label(self, transcript: Transcript, maximum: int = MAX_SPEAKERS) -> Transcript:
        """See SessionSpeakers.label; waits for the turn before."""
        await self.previous.wait()
        labelled = self.session.label(transcript, maximum)
        self.release()
        return labelled

    def release(self) -> None:
        """The next turn need not wait for this one."""
        self.told.set()
