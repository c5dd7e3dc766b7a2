"""A folder run whose recordings are transcribed on the machines of a cluster.

The run itself, its journal and its outputs stay where the command runs. Recordings that wait are sent in chunks to the
actors of a pool (see actor_pool). What was with an actor that dies goes to another one.
"""

import asyncio
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO

from speechd import __version__
from speechd.cluster.actors import ActorReport, Part, RemoteRecording
from speechd.errors import BackendFailure, CannotGoOn, InvalidRequest, Overloaded, SpeechdError
from speechd.folders.run import MAX_REFUSALS, REFUSAL_SECONDS
from speechd.operations import TranscriptionRequest, TranscriptionStream
from speechd.priority import PrioritySource, interactive
from speechd.store.speakers.records import EnrolledSpeaker
from speechd.types import Segment, TranscribeOptions, Transcript

CHUNK_FILES = 16
"""Recordings of one call, where so many wait: a call costs milliseconds."""
CHUNK_BYTES = 4_000_000
"""Bytes of one call. A larger recording is sent in pieces of this size, so that the memory of both sides is bounded."""
LANES = 4
"""Calls that one actor works on at once: the next recordings are there before its batch ends."""
MAX_ROOM = 512
"""Windows of all running recordings: each holds an open file."""
ATTEMPTS = 3
"""Actors that may die with a recording before it counts as the reason."""
START_SECONDS = 120.0
"""Seconds until the first actor must have started."""
RESTART_SECONDS = 1.0
"""Seconds between two attempts to reach an actor that died."""


@dataclass(eq=False, slots=True)
class PendingRecording:
    """One recording of the run, from its first attempt to its transcript."""

    model: str
    """Id of the model; final with the first part."""
    options: TranscribeOptions
    file: BinaryIO
    size: int
    """Bytes."""
    attempts: int = 0
    refusals: int = 0
    """Attempts that a busy machine has refused."""
    _parts: "asyncio.Queue[Part | BaseException]" = field(default_factory=asyncio.Queue, init=False)
    _heard: list[Segment] = field(default_factory=list, init=False)
    """Segments that the run has."""
    _before: tuple[Segment, ...] = field(default=(), init=False)
    """Those of them that this attempt does not transcribe again."""
    _skipped: int = field(default=0, init=False)
    """Segments that this attempt repeats."""

    async def parts(self) -> AsyncGenerator[Segment | Transcript]:
        """
        Raises:
            SpeechdError: it was refused or failed.
        """
        while True:
            part = await self._parts.get()
            if isinstance(part, BaseException):
                raise part
            yield part
            if isinstance(part, Transcript):
                return

    def attempt(self) -> TranscribeOptions:
        """The options of the next attempt. It begins at the last window that an earlier one has begun."""
        self.attempts += 1
        options, heard = self.options, self._heard
        if not heard:
            return options
        if not options.can_go_on:
            self._skipped = len(heard)
            return options
        last = heard[-1].seek
        self._before = tuple(segment for segment in heard if segment.seek < last)
        self._skipped = len(heard) - len(self._before)
        return replace(options, language=options.language or heard[-1].language or None, start=last / 100)

    def take(self, part: Part, model: str) -> None:
        """Hands the next part to the run."""
        self.model = model
        if isinstance(part, Segment):
            if self._skipped:
                self._skipped -= 1
                return
            self._heard.append(part)
        elif isinstance(part, Transcript):
            part = replace(part, segments=(*self._before, *part.segments))
        self._parts.put_nowait(part)

    def fail(self, error: BaseException) -> None:
        """Ends it without a transcript."""
        self._parts.put_nowait(error)


@dataclass(slots=True)
class ClusterTranscriber:
    """Transcribes one recording in the cluster (see speechd.types.Transcriber)."""

    cluster: "ClusterRecogniser"
    model: str

    async def stream(
        self, audio: BinaryIO, options: TranscribeOptions, priority: PrioritySource = interactive, caller: str = ""
    ) -> AsyncGenerator[Segment | Transcript, None]:
        """See speechd.types.Transcriber."""
        pending = PendingRecording(self.model, options, audio, await asyncio.to_thread(_size, audio))
        self.cluster.queue(pending)
        async with aclosing(pending.parts()) as parts:
            async for part in parts:
                self.model = pending.model
                yield part


@dataclass(eq=False, slots=True)
class ClusterRecogniser:
    """A recogniser (see speechd.folders.transcriber) on the actors of a cluster, for recordings of one model and one
    set of options; see `started`."""

    ray: Any
    """The module, connected."""
    actors: Sequence[Any]
    model: str
    options: TranscribeOptions
    known: tuple[str, ...] = ()
    """Names of enrolled speakers who may be heard."""
    voices: tuple[EnrolledSpeaker, ...] = ()
    by_windows: bool = True
    _waiting: "asyncio.Queue[PendingRecording]" = field(default_factory=asyncio.Queue, init=False)
    _loading: "list[asyncio.Task[ActorReport]]" = field(default_factory=list, init=False)
    _lost: set[int] = field(default_factory=set, init=False)
    """Numbers of actors that do not answer."""
    _failure: SpeechdError | None = field(default=None, init=False)
    """Why no recording can be transcribed."""

    @property
    def room(self) -> int:
        """Windows that are on their way or with an actor at once."""
        return min(MAX_ROOM, len(self.actors) * LANES * CHUNK_FILES)

    async def warm_up(self, model: str, options: TranscribeOptions) -> None:
        """Waits until the model is loaded on one machine. The others follow.

        Raises:
            SpeechdError: see `identity`.
        """
        await self.identity()

    async def identity(self) -> str:
        """Identifies the weights; see Local.identity.

        Raises:
            CannotGoOn: no actor starts, or a machine has another version of speechd.
            SpeechdError: the model cannot be loaded.
        """
        done, _ = await asyncio.wait(self._loading, timeout=START_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        if not done:
            raise CannotGoOn(f"No machine of the cluster has had room for a transcriber for {START_SECONDS:.0f} s.")
        return min(done, key=self._loading.index).result().identity

    @asynccontextmanager
    async def open(self, request: TranscriptionRequest) -> AsyncGenerator[TranscriptionStream]:
        """See speechd.operations.open_transcription."""
        if request.file is None:
            raise InvalidRequest("A recording is needed.", param="file")
        transcriber = ClusterTranscriber(self, request.model)
        with request.file as file:
            async with aclosing(transcriber.stream(file, request.options)) as parts:
                yield TranscriptionStream(transcriber, parts)

    @asynccontextmanager
    async def started(self) -> AsyncIterator["ClusterRecogniser"]:
        """Loads the model, and sends recordings to the actors until the context ends."""
        self._loading = [asyncio.create_task(self._load(actor)) for actor in self.actors]
        lanes = [asyncio.create_task(self._lane(number)) for number in range(len(self.actors)) for _ in range(LANES)]
        try:
            yield self
        finally:
            for task in (*lanes, *self._loading):
                task.cancel()
            await asyncio.gather(*lanes, *self._loading, return_exceptions=True)

    async def _load(self, actor: Any) -> ActorReport:
        while True:
            try:
                report: ActorReport = await actor.load.remote(self.model, self.options)
            except self.ray.exceptions.RayTaskError as error:
                raise _cause(error) from None
            except self.ray.exceptions.ActorUnavailableError:
                await asyncio.sleep(RESTART_SECONDS)
            except self.ray.exceptions.RayError as error:
                raise CannotGoOn(f"A transcriber of the cluster does not start. {_first_line(error)}") from error
            else:
                _require_equal(report.host, "speechd", report.version, __version__)
                return report

    async def _lane(self, number: int) -> None:
        """Sends one chunk after the other to an actor."""
        try:
            report = await asyncio.shield(self._loading[number])
            _require_equal(report.host, "the model", report.identity, await self.identity())
        except SpeechdError as error:
            self._stop(error)
            return
        while True:
            chunk = await self._claim()
            try:
                await self._send(self.actors[number], chunk)
            except self.ray.exceptions.RayTaskError as error:
                _fail_all(chunk, _cause(error))
            except self.ray.exceptions.RayError as error:
                self._claim_again(chunk, _first_line(error))
                await self._until_back(number)

    def queue(self, pending: PendingRecording) -> None:
        """Adds a recording to those that wait for an actor."""
        if self._failure is not None:
            pending.fail(self._failure)
        else:
            self._waiting.put_nowait(pending)

    def _queue_later(self, pending: PendingRecording, refusal: Overloaded) -> None:
        """Queues a recording again that a machine was too busy for; MAX_REFUSALS times."""
        pending.refusals += 1
        if pending.refusals > MAX_REFUSALS:
            pending.fail(BackendFailure(refusal.message))
            return
        wait = REFUSAL_SECONDS if refusal.retry_after is None else refusal.retry_after
        asyncio.get_running_loop().call_later(wait, self.queue, pending)

    def _stop(self, failure: SpeechdError) -> None:
        """Fails what waits, and what comes."""
        self._failure = failure
        while not self._waiting.empty():
            self._waiting.get_nowait().fail(failure)

    async def _claim(self) -> list[PendingRecording]:
        """The next recordings. One that an actor has died with is alone."""
        chunk = [await self._waiting.get()]
        size = chunk[0].size
        while len(chunk) < CHUNK_FILES and not chunk[0].attempts and not self._waiting.empty():
            following = self._waiting.get_nowait()
            size += following.size
            if following.attempts or size > CHUNK_BYTES:
                self._waiting.put_nowait(following)
                break
            chunk.append(following)
        return chunk

    def _claim_again(self, chunk: Sequence[PendingRecording], reason: str) -> None:
        for pending in chunk:
            if pending.attempts < ATTEMPTS:
                self.queue(pending)
            else:
                pending.fail(BackendFailure(f"Its transcriber was lost {ATTEMPTS} times. {reason}"))

    async def _send(self, actor: Any, chunk: list[PendingRecording]) -> None:
        """Sends a chunk, and takes what comes back. The finished ones leave the chunk."""
        recordings = [
            recording for pending in list(chunk) if (recording := await self._prepared(actor, pending, chunk))
        ]
        sent = dict(enumerate(chunk))
        replies = actor.transcribe.options(num_returns="streaming").remote(recordings)
        async for reply in replies:
            for number, part, model in await reply:
                if not isinstance(part, Segment):
                    chunk.remove(sent[number])
                if isinstance(part, Overloaded):
                    self._queue_later(sent[number], part)
                else:
                    sent[number].take(part, model)

    async def _prepared(
        self, actor: Any, pending: PendingRecording, chunk: list[PendingRecording]
    ) -> RemoteRecording | None:
        """What crosses to the actor; None for a file that can no longer be read, which leaves the chunk."""
        try:
            audio = await self._upload(actor, pending.file, pending.size)
        except (OSError, ValueError) as error:  # ValueError: it is closed, because nobody waits for it any more
            chunk.remove(pending)
            pending.fail(error)
            return None
        return RemoteRecording(self.model, pending.attempt(), audio, self.known, self.voices)

    async def _upload(self, actor: Any, file: BinaryIO, size: int) -> bytes | str:
        """The bytes of a small recording; a large one is sent before."""
        await asyncio.to_thread(file.seek, 0)
        if size <= CHUNK_BYTES:
            return await asyncio.to_thread(file.read)
        name = uuid.uuid4().hex
        while piece := await asyncio.to_thread(file.read, CHUNK_BYTES):
            await actor.receive.remote(name, piece)
        return name

    async def _until_back(self, number: int) -> None:
        """Waits until Ray has started an actor again, here or on another machine."""
        self._lost.add(number)
        end = asyncio.get_running_loop().time() + START_SECONDS
        while number in self._lost:
            try:
                await self.actors[number].ping.remote()
                self._lost.discard(number)
            except self.ray.exceptions.RayError:
                if len(self._lost) == len(self.actors) and asyncio.get_running_loop().time() > end:
                    self._stop(CannotGoOn(f"No transcriber of the cluster has answered for {START_SECONDS:.0f} s."))
                await asyncio.sleep(RESTART_SECONDS)


def _require_equal(host: str, what: str, there: str, here: str) -> None:
    """
    Raises:
        CannotGoOn: a machine of the cluster differs from the others.
    """
    if there != here:
        raise CannotGoOn(f"The machines of the cluster differ: on {host} {what} is {there}, elsewhere {here}.")


def _fail_all(chunk: Sequence[PendingRecording], error: BaseException) -> None:
    for pending in chunk:
        pending.fail(error)


def _cause(error: Any) -> BaseException:
    """What an actor raised."""
    cause = error.cause if isinstance(error.cause, SpeechdError) else None
    return cause or CannotGoOn(f"A transcriber of the cluster failed: {_last_line(error)}")


def _size(file: BinaryIO) -> int:
    size = file.seek(0, 2)
    file.seek(0)
    return size


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0]


def _last_line(error: BaseException) -> str:
    return str(error).strip().rpartition("\n")[2]
