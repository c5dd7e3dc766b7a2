"""Transcriber, Speaker and WindowDecoder of speechd, whose work is done by replicas in the cluster.

A call whose replica is lost is made again, at most RETRIES times; see speechd.cluster.serving.resuming.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import BinaryIO

from speechd.asr.engine import Decoded, Job
from speechd.cluster.serving.calls import ReplicaLost
from speechd.cluster.serving.models import ClusterModels
from speechd.cluster.serving.resuming import ResumedSpeech, ResumedTranscription
from speechd.cluster.serving.wire import CallContext, DecodeCall, Failed, SpeakCall, TranscribeCall
from speechd.errors import OutOfMemory, Unavailable
from speechd.priority import Priority, PrioritySource, interactive
from speechd.registry.catalog import Model
from speechd.registry.voices import Voice
from speechd.telemetry.tracing import current_traceparent
from speechd.types import Segment, Speech, SpeechOptions, SpeechPart, TranscribeOptions, Transcript

RETRIES = 3
"""Replicas that may be lost under one request before the caller is told."""
PAUSE = 0.2
"""Seconds before a call is made again, times the number of replicas lost: Ray Serve learns meanwhile who is gone."""

log = logging.getLogger("speechd.cluster")


@dataclass(slots=True)
class RemoteTranscriber:
    """See speechd.types.Transcriber."""

    models: ClusterModels
    row: Model
    instead_of: Callable[[Model], Model | None] | None = None
    """Gives another model where the files of one cannot be loaded; None: there is no other."""
    is_settled: bool = False

    @property
    def model(self) -> str:
        """See speechd.types.Transcriber; until a part is there, what could still become another is told apart."""
        return self.row.id if self.is_settled or self.instead_of is None else f"{self.row.id} or another"

    async def stream(
        self, audio: BinaryIO, options: TranscribeOptions, priority: PrioritySource = interactive, caller: str = ""
    ) -> AsyncGenerator[Segment | Transcript, None]:
        """See speechd.types.Transcriber."""
        recording = await asyncio.to_thread(_whole, audio)
        resumed, losses = ResumedTranscription(options), Losses()
        while True:
            context = CallContext(priority(), caller, current_traceparent())
            call = TranscribeCall(recording, resumed.options, context)
            try:
                async with aclosing(self.models.stream(self.row, "transcribe", call)) as items:
                    async for item in items:
                        if isinstance(item, Failed):
                            self._take_another(item)
                            break
                        self.is_settled = True
                        if (part := resumed.take(item)) is not None:
                            yield part
                        if isinstance(item, Transcript):
                            return
                    else:
                        raise ReplicaLost("it ended without a transcript")
            except ReplicaLost as loss:
                await losses.count(self.row.id, loss)
                resumed.restart()

    def _take_another(self, failed: Failed) -> None:
        """
        Raises:
            SpeechdError: the failure, where no other model can stand in.
        """
        error = failed.error
        following = None
        if failed.loading and self.instead_of is not None and not isinstance(error, OutOfMemory):
            following = self.instead_of(self.row)
        if following is None:
            raise error
        log.error("`auto` is %s instead of %s: %s", following.id, self.row.id, error.message)
        self.row = following


@dataclass(frozen=True, slots=True)
class RemoteSpeaker:
    """See speechd.types.Speaker."""

    models: ClusterModels
    voice: Voice

    async def stream(
        self, text: str, options: SpeechOptions, priority: Priority = "interactive", caller: str = ""
    ) -> AsyncGenerator[SpeechPart | Speech, None]:
        """See speechd.types.Speaker."""
        resumed, losses = ResumedSpeech(), Losses()
        call = SpeakCall(text, self.voice, options, CallContext(priority, caller, current_traceparent()))
        while True:
            try:
                async with aclosing(self.models.stream(self.voice.model, "speak", call)) as items:
                    async for item in items:
                        if isinstance(item, Failed):
                            raise item.error
                        if (part := resumed.take(item)) is not None:
                            yield part
                        if isinstance(item, Speech):
                            return
                    raise ReplicaLost("it ended without a speech")
            except ReplicaLost as loss:
                await losses.count(self.voice.model.id, loss)
                resumed.restart()


@dataclass(frozen=True, slots=True)
class RemoteDecoder:
    """See speechd.asr.streaming.decoder.WindowDecoder."""

    models: ClusterModels
    row: Model
    caller: str = ""

    @property
    def longest(self) -> float:
        """Seconds of audio in one window."""
        return self.row.window_seconds

    async def decode(self, job: Job) -> Decoded:
        """See speechd.asr.streaming.decoder.WindowDecoder."""
        call, losses = DecodeCall(job, CallContext("interactive", self.caller)), Losses()
        while True:
            try:
                answer: Decoded | Failed = await self.models.ask(self.row, "decode", call)
            except ReplicaLost as loss:
                await losses.count(self.row.id, loss)
                continue
            if isinstance(answer, Failed):
                raise answer.error
            return answer


class Losses:
    """The replicas that were lost under one request."""

    def __init__(self) -> None:
        self._lost = 0

    async def count(self, model_id: str, loss: ReplicaLost) -> None:
        """
        Raises:
            Unavailable: it was one too many.
        """
        self._lost += 1
        log.warning("a replica of %s was lost (%s); attempt %d", model_id, loss, self._lost)
        if self._lost > RETRIES:
            message = f"The cluster lost {self._lost} replicas of `{model_id}` under this request."
            raise Unavailable(message, code="replica_lost", retry_after=5) from loss
        await asyncio.sleep(PAUSE * self._lost)


def _whole(audio: BinaryIO) -> bytes:
    audio.seek(0)
    return audio.read()
