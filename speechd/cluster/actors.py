"""What runs on the machines of a cluster for a folder run: a whole transcriber in a process of its own.

Nothing here imports Ray: `speechd.cluster.actor_pool` makes an actor of the class.
"""

import asyncio
import platform
import tempfile
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from io import BytesIO
from typing import BinaryIO, NamedTuple, cast

from speechd import __version__
from speechd.errors import SpeechdError
from speechd.folders.transcriber import Local
from speechd.operations import RequestContext, TranscriptionRequest
from speechd.operations.known_speakers import KnownSpeakers
from speechd.service import open_service
from speechd.settings import Settings, read_settings
from speechd.store.speakers.records import EnrolledSpeaker
from speechd.types import Segment, TranscribeOptions, Transcript

ALONE: Mapping[str, object] = {"max_queue_seconds": float("inf"), "max_wait": 0.0, "hosted_names": "strict"}
"""Settings of a process that has no other callers than one run, which limits itself."""
MAX_MEMORY = 8_000_000
"""Bytes of one upload that stay in memory."""

Part = Segment | Transcript | SpeechdError
"""What an actor answers for a recording: its segments, then the transcript or why there is none."""


class Answer(NamedTuple):
    """The next part of one recording of a chunk."""

    number: int
    """Of the recording in the chunk."""
    part: Part
    model: str
    """Id of the model that transcribes it."""


OpenLocal = Callable[[Settings], Local]
"""Opens the transcriber of a process, inside the running event loop."""


@dataclass(frozen=True, slots=True)
class RemoteRecording:
    """One recording as it crosses to an actor."""

    model: str
    options: TranscribeOptions
    audio: bytes | str
    """Its bytes, or the name under which they were uploaded in pieces."""
    known: tuple[str, ...] = ()
    """Names of speakers who may be heard."""
    voices: tuple[EnrolledSpeaker, ...] = ()
    """The voices enrolled under these names."""


@dataclass(frozen=True, slots=True)
class ActorReport:
    """What an actor says of itself."""

    version: str
    """Of speechd."""
    identity: str
    """Of the weights; see Local.identity."""
    host: str


def open_real(settings: Settings) -> Local:
    """The real service with the settings of this machine."""
    return Local(open_service(settings))


@dataclass(slots=True)
class TranscriberActor:
    """Transcribes chunks of recordings. Its recordings share batches, whichever chunk they are of."""

    open_local: OpenLocal = open_real
    _local: Local | None = field(default=None, init=False)
    _uploads: dict[str, BinaryIO] = field(default_factory=dict, init=False)

    async def load(self, model: str, options: TranscribeOptions) -> ActorReport:
        """Loads the model.

        Raises:
            SpeechdError: it cannot be loaded on this machine.
        """
        local = self._opened()
        identity = await asyncio.to_thread(local.identity, model, options)
        await local.warm_up(model, options)
        return ActorReport(__version__, identity, platform.node())

    async def ping(self) -> None:
        """Answers where the actor lives."""

    async def receive(self, name: str, piece: bytes) -> None:
        """Takes the next piece of an upload."""
        if name not in self._uploads:
            spool = tempfile.SpooledTemporaryFile(max_size=MAX_MEMORY)  # noqa: SIM115 - the transcription closes it
            self._uploads[name] = cast(BinaryIO, spool)
        await asyncio.to_thread(self._uploads[name].write, piece)

    async def transcribe(self, chunk: Sequence[RemoteRecording]) -> AsyncGenerator[list[Answer], None]:
        """Yields what is final of the recordings, several parts at once where there are.

        Each recording ends with its transcript or its error.
        """
        parts: asyncio.Queue[Answer | None] = asyncio.Queue()
        running = [asyncio.create_task(self._one(*each, parts)) for each in enumerate(chunk)]
        left = len(running)
        try:
            while left:
                ready = [await parts.get()]
                while not parts.empty():
                    ready.append(parts.get_nowait())
                left -= ready.count(None)
                if some := [answer for answer in ready if answer is not None]:
                    yield some
            await asyncio.gather(*running)  # raises what is no SpeechdError
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _one(self, number: int, recording: RemoteRecording, parts: "asyncio.Queue[Answer | None]") -> None:
        try:
            request = TranscriptionRequest(recording.model, recording.options, self._file(recording.audio))
            async with self._knowing(recording).open(request) as stream:
                async for part in stream.parts:
                    parts.put_nowait(Answer(number, part, stream.model))
        except SpeechdError as error:
            parts.put_nowait(Answer(number, error, recording.model))
        finally:
            parts.put_nowait(None)

    def _file(self, audio: bytes | str) -> BinaryIO:
        file = BytesIO(audio) if isinstance(audio, bytes) else self._uploads.pop(audio)
        file.seek(0)
        return file

    def _knowing(self, recording: RemoteRecording) -> Local:
        """The transcriber with the voices that come with a recording."""

        async def find_speakers(caller: str, names: Collection[str]) -> Sequence[EnrolledSpeaker]:
            return recording.voices

        context = RequestContext(find_speakers=find_speakers)
        return replace(self._opened(), known=KnownSpeakers(recording.known), context=context)

    def _opened(self) -> Local:
        if self._local is None:
            self._local = self.open_local(read_settings().model_copy(update=dict(ALONE)))
        return self._local
