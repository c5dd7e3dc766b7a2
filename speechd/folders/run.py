"""One run over many recordings: finished ones are skipped, interrupted ones resume, and the journal records all."""

import asyncio
import errno
import hashlib
import math
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from speechd.errors import (
    AuthenticationFailed,
    CannotGoOn,
    InvalidAudio,
    InvalidRequest,
    ModelNotFound,
    ModelNotInstalled,
    Overloaded,
    SpeechdError,
)
from speechd.folders.discover import FoundRecording
from speechd.folders.duration import seconds_at, seconds_of
from speechd.folders.journal import Checkpoint, Entry, FileFingerprint
from speechd.folders.output_dirs import WorkItem
from speechd.folders.progress import Display, ProgressCounter
from speechd.folders.storage.version import FileVersion
from speechd.folders.transcriber import Recogniser
from speechd.folders.weighted_semaphore import WeightedSemaphore
from speechd.formats.transcript import Format, View
from speechd.operations import TranscriptionRequest
from speechd.types import Segment, TranscribeOptions, Transcript

KEEP_EVERY = 60.0
"""Seconds of audio after which finished segments of a long recording are saved: the most that a crash can lose."""
WINDOW_SECONDS = 30.0
"""Seconds of audio in memory for each running window."""
MAX_WINDOWS = 16
"""Windows of one recording in memory; see speechd.asr.transcriber."""
HOPELESS = (AuthenticationFailed, CannotGoOn, ModelNotFound, ModelNotInstalled)
"""Errors that every other recording would have too: the run stops, and the recording is not marked as failed."""
MAX_REFUSALS = 30
"""Times that a machine which is too busy may refuse a recording before that counts as its failure."""
REFUSAL_SECONDS = 10.0
"""Seconds until the next attempt, where the machine does not say."""
DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


@dataclass(frozen=True, slots=True)
class RunConfig:
    """The outputs of each recording."""

    model: str
    options: TranscribeOptions
    formats: tuple[Format, ...]
    view: View
    parameters: str
    """Fingerprint of all this and of the weights; see Entry.parameters."""
    retry_failed: bool = False
    beside: bool = False
    """Outputs are beside the user's own files, which are never overwritten."""


@dataclass(slots=True)
class FolderRun:
    """One run; see `work`."""

    wanted: RunConfig
    recogniser: Recogniser
    display: Display
    counter: ProgressCounter = field(default_factory=ProgressCounter)
    failures: list[tuple[FoundRecording, str]] = field(default_factory=list)
    """Failures of this run or an earlier one, with the reason."""
    busy: set[Path] = field(default_factory=set)
    """Sources of running recordings."""
    _told: int = field(default=0, init=False)
    _room: WeightedSemaphore = field(init=False)

    def __post_init__(self) -> None:
        self._room = WeightedSemaphore(self.recogniser.room)

    async def work(self, batches: AsyncIterator[Sequence[WorkItem]]) -> None:
        """Transcribes all items, as many at once as the recogniser accepts.

        Raises:
            CannotGoOn, AuthenticationFailed, ModelNotFound, ModelNotInstalled: no other recording could be transcribed
            either.
        """
        running: set[asyncio.Task[None]] = set()
        scouts: list[asyncio.Task[None]] = []
        try:
            async for batch in batches:
                running -= _reaped(running)
                self.counter.files += len(batch)
                self.display.show(self.counter)
                if batch:
                    await self.recogniser.warm_up(self.wanted.model, self.wanted.options)
                if batch and self.display.wants_lengths:
                    scouts.append(asyncio.create_task(self._look_ahead(batch)))
                for item in batch:
                    if len(running) >= self.recogniser.room:
                        await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                        running -= _reaped(running)
                    self.busy.add(item.source)
                    running.add(asyncio.create_task(self._one(item)))
            while running:
                await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                running -= _reaped(running)
        finally:
            for task in (*running, *scouts):
                task.cancel()
            await asyncio.gather(*running, *scouts, return_exceptions=True)

    def untold(self) -> Sequence[tuple[FoundRecording, str]]:
        """The failures since the last call."""
        new = self.failures[self._told :]
        self._told = len(self.failures)
        return new

    async def _look_ahead(self, items: Sequence[WorkItem]) -> None:
        """Finds the length of waiting audio, for the display only."""
        for item in items:
            if item.recording.is_near and not self.counter.knows(item.source):
                length = await asyncio.to_thread(seconds_at, item.recording)
                if not self.counter.knows(item.source):
                    self.counter.expect(item.source, length)

    def sorted_out(self, items: Iterable[WorkItem]) -> list[WorkItem]:
        """Recordings that need work, by the size and time of their files."""
        return [item for item in items if not self._settled(item)]

    def _settled(self, item: WorkItem, print_: FileFingerprint | None = None) -> bool:
        """Whether an earlier run has finished it.

        Args:
            item: the recording.
            print_: of its content, where that was read.
        """
        entry = item.entry
        if entry is None or entry.parameters != self.wanted.parameters or not _same(item, entry, print_):
            return False
        if entry.state == "done":
            whole = len(item.target.existing(item.name, self.wanted.formats)) == len(self.wanted.formats)
            self.counter.finished_before += whole
            return whole
        if entry.state == "failed" and not self.wanted.retry_failed:
            self._tell_failed(item, f"{entry.reason} (in an earlier run; --retry-failed tries again)")
            return True
        return False

    async def _one(self, item: WorkItem) -> None:
        """Transcribes one recording. Its errors are recorded, not raised."""
        begun = False
        try:
            with ExitStack() as owned:
                opened, version = await asyncio.to_thread(item.recording.open)
                file = owned.enter_context(opened)
                print_ = await asyncio.to_thread(_print_of, file, version)
                if self._settled(item, print_):
                    self._pass_over(item, print_)
                    return
                length = await asyncio.to_thread(seconds_of, file)
                async with self._room.place(self._weight(length)):
                    self._refuse_foreign(item)
                    kept = self._kept(item, print_)
                    begun = True
                    self._begin(item, length, kept)
                    transcript = await self._transcribe_patiently(item, file, print_, kept)
                await self._finish(item, print_, transcript)
        except HOPELESS:
            raise
        except (SpeechdError, OSError) as error:
            self._fail(item, error, begun)
        finally:
            self.busy.discard(item.source)
            self.display.show(self.counter)

    async def _transcribe_patiently(
        self, item: WorkItem, file: BinaryIO, print_: FileFingerprint, kept: Checkpoint | None
    ) -> Transcript:
        """Waits where the machine is too busy, and goes on where the recording was saved last.

        Raises:
            Overloaded: it stays too busy.
        """
        refusals = 0
        while True:
            try:
                return await self._transcribe(item, file, kept)
            except Overloaded as error:
                refusals += 1
                if refusals > MAX_REFUSALS:
                    raise
                wait = REFUSAL_SECONDS if error.retry_after is None else error.retry_after
                self.display.tell("waiting", seconds=round(wait, 1), reason=error.message)
                await asyncio.sleep(wait)
            file, _ = await asyncio.to_thread(item.recording.open)  # the attempt has closed it
            kept = self._kept(item, print_)
            self.counter.hear(item.source, kept.start if kept else 0.0)

    def _kept(self, item: WorkItem, print_: FileFingerprint) -> Checkpoint | None:
        """Records that the recording is being transcribed. Returns its beginning that is done already."""
        return item.place.journal.begin(item.source, item.name, print_, self.wanted.parameters)

    async def _transcribe(self, item: WorkItem, file: BinaryIO, kept: Checkpoint | None) -> Transcript:
        model, options = self.wanted.model, self.wanted.options
        before: tuple[Segment, ...] = ()
        if kept is not None:
            model, before = kept.model, kept.segments
            options = replace(options, language=options.language or kept.language, start=kept.start)
        unsaved: list[Segment] = []
        since = options.start
        async with self.recogniser.open(TranscriptionRequest(model, options, file=file)) as stream:
            async for part in stream.parts:
                if isinstance(part, Transcript):
                    return replace(part, segments=(*before, *part.segments))
                unsaved.append(part)
                self.counter.hear(item.source, max(since, part.end))
                self.display.show(self.counter)
                if options.can_go_on and part.seek / 100 - since >= KEEP_EVERY:
                    since = self._keep(item, stream.model, unsaved)
        raise RuntimeError("the transcription ended without a transcript")

    def _keep(self, item: WorkItem, model: str, unsaved: list[Segment]) -> float:
        """Saves the segments of all windows but the last, which may be incomplete, and the start of that one."""
        last = unsaved[-1].seek
        finished = tuple(segment for segment in unsaved if segment.seek < last)
        del unsaved[: len(finished)]
        item.place.journal.keep(item.source, Checkpoint(last / 100, unsaved[-1].language, model, finished))
        self.display.tell("kept", path=str(item.recording), seconds=last / 100)
        return last / 100

    async def _finish(self, item: WorkItem, print_: FileFingerprint, transcript: Transcript) -> None:
        """Writes the outputs, unless the file changed meanwhile."""
        if not print_.seems(await asyncio.to_thread(item.recording.version)):
            raise InvalidAudio("The file changed while it was read. Run the same command again.")
        journal, wanted = item.place.journal, self.wanted
        journal.writing(item.source)
        paths = await asyncio.to_thread(item.target.write, item.name, wanted.formats, transcript, wanted.view)
        journal.done(item.source, transcript.duration)
        self.counter.finish(item.source, transcript.duration, transcript.warnings)
        journal.measure(wanted.parameters, self.counter.audio_new, self.counter.took)
        self.display.tell(
            "done",
            path=str(item.recording),
            outputs=paths,
            audio_seconds=round(transcript.duration, 2),
            model=transcript.model,
        )

    def _begin(self, item: WorkItem, length: float, kept: Checkpoint | None) -> None:
        start = kept.start if kept else 0.0
        self.counter.expect(item.source, length)
        self.counter.begin(item.source, start)
        self.display.tell("begin", path=str(item.recording), start=start)

    def _pass_over(self, item: WorkItem, print_: FileFingerprint) -> None:
        """Whether its content is unchanged although its size or time changed."""
        item.place.journal.same(item.source, print_)
        self.counter.files -= 1
        self.counter.expect(item.source, 0.0)

    def _fail(self, item: WorkItem, error: SpeechdError | OSError, begun: bool) -> None:
        if isinstance(error, OSError) and error.errno in DISK:
            raise CannotGoOn(f"{item.target}: {error.strerror}.") from error
        reason = error.message if isinstance(error, SpeechdError) else error.strerror or str(error)
        if begun:
            item.place.journal.failed(item.source, reason)
        self.counter.fail(item.source)
        self._tell_failed(item, reason)

    def _tell_failed(self, item: WorkItem, reason: str) -> None:
        self.failures.append((item.recording, reason))
        self.display.tell("failed", path=str(item.recording), reason=reason)

    def _refuse_foreign(self, item: WorkItem) -> None:
        """
        Raises:
            InvalidRequest: a file of that name exists that speechd did not write.
        """
        if not self.wanted.beside or (item.entry is not None and item.entry.written):
            return
        for path in item.target.existing(item.name, self.wanted.formats):
            raise InvalidRequest(f"{path} exists and is not from an earlier run. Move it away or use --output-dir.")

    def _weight(self, length: float) -> int:
        return max(1, min(math.ceil(length / WINDOW_SECONDS), MAX_WINDOWS)) if self.recogniser.by_windows else 1


def _same(item: WorkItem, entry: Entry, print_: FileFingerprint | None) -> bool:
    if print_ is not None:
        return print_.digest == entry.print.digest
    try:
        return entry.print.seems(item.recording.seen())
    except (OSError, SpeechdError):
        return False


def _print_of(file: BinaryIO, version: FileVersion) -> FileFingerprint:
    digest = hashlib.file_digest(file, "sha256").digest()  # type: ignore[arg-type]
    file.seek(0)
    return FileFingerprint(version.size, version.modified, digest)


def _reaped(running: set["asyncio.Task[None]"]) -> set["asyncio.Task[None]"]:
    """The finished tasks. Raises the exception of any of them."""
    done = {task for task in running if task.done()}
    for task in done:
        task.result()
    return done
