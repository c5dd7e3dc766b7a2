"""`speechd transcribe`: validates the command line and runs it, here or on a server."""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from speechd.cli.transcribe.display import print_all
from speechd.cli.transcribe.estimate import estimate
from speechd.cli.transcribe.options import TranscribeArgs
from speechd.cluster.actor_pool import joined_cluster, start_transcribers
from speechd.cluster.folders import ClusterRecogniser
from speechd.errors import InvalidRequest, SpeechdError
from speechd.folders.discover import FoundRecording, Selection, find_recordings
from speechd.folders.fingerprint import parameters_of
from speechd.folders.output_dirs import OutputDirs, WorkItem
from speechd.folders.progress import Display, list_failures, name_remedy, open_display
from speechd.folders.remote import Remote, open_client
from speechd.folders.run import FolderRun, RunConfig
from speechd.folders.storage.address import Location
from speechd.folders.transcriber import Local, Recogniser
from speechd.folders.watch import follow
from speechd.formats.diarization import DIARIZATION_FORMATS
from speechd.formats.transcript import TRANSCRIPT_FORMATS, Format, View
from speechd.operations.context import RequestContext
from speechd.operations.known_speakers import KnownSpeakers
from speechd.service import open_service
from speechd.settings import Settings
from speechd.store.store import StoreHandle
from speechd.types import TranscribeOptions

FILE_FORMATS = {
    "txt": TRANSCRIPT_FORMATS["txt"],
    "json": TRANSCRIPT_FORMATS["verbose_json"],
    "srt": TRANSCRIPT_FORMATS["srt"],
    "vtt": TRANSCRIPT_FORMATS["vtt"],
    "tsv": TRANSCRIPT_FORMATS["tsv"],
    "lrc": TRANSCRIPT_FORMATS["lrc"],
    "diarized_json": TRANSCRIPT_FORMATS["diarized_json"],
    "minutes": TRANSCRIPT_FORMATS["minutes"],
    "rttm": DIARIZATION_FORMATS["rttm"],
}
"""By the names that `--format` takes."""
STANDARD: Location = Path("-")
"""Standard input among the paths, standard output for --output-dir."""
LONG_WAIT = 5.0
"""Seconds of waiting for a service after which the reason is printed."""
INTERRUPTED = 128 + signal.SIGINT
"""Exit status, as shells have it."""


@dataclass(frozen=True, slots=True)
class RunMode:
    """The mode of a run."""

    watch: bool = False
    retry_failed: bool = False
    dry_run: bool = False
    json_progress: bool = False
    url: str | None = None
    """Address of a running service that transcribes."""
    api_key: str | None = None
    parallel: int = 4
    """Number of uploads at once."""
    cluster: str | None = None
    """Address of a cluster of Ray that transcribes, or `auto`."""
    replicas: int | None = None
    """Number of transcribers there."""


@dataclass(frozen=True, slots=True)
class RunPlan:
    """The configuration of one run of the command."""

    paths: tuple[Location, ...]
    selection: Selection
    formats: tuple[Format, ...]
    output: Location | None
    """Folder to write to; None writes beside each recording."""
    printed: bool
    """Whether only standard output is written."""
    model: str
    options: TranscribeOptions
    view: View
    known: KnownSpeakers
    """Enrolled speakers who may be heard."""
    way: RunMode = field(default_factory=RunMode)

    @classmethod
    def read(
        cls,
        paths: Sequence[Location],
        *,
        model: str,
        asked: TranscribeArgs,
        formats: Sequence[str],
        output: Location | None,
        selection: Selection | None = None,
        way: RunMode | None = None,
    ) -> "RunPlan":
        """Checks the command line.

        Raises:
            InvalidRequest: a path, task, format or language is unknown, or options contradict each other.
        """
        way = way or RunMode()
        printed = output == STANDARD or (output is None and not any(path.is_dir() for path in paths))
        if printed and (way.watch or way.dry_run or way.retry_failed):
            raise InvalidRequest("--watch, --dry-run and --retry-failed need a folder to write to: name --output-dir.")
        if way.url is not None and way.cluster is not None:
            raise InvalidRequest("--url and --cluster exclude each other.")
        rows = _formats(formats)
        options, folder = asked.options(rows), None if printed else output
        what = (model, options, asked.view(), asked.known)
        return cls(tuple(paths), selection or Selection(), rows, folder, printed, *what, way)


def _formats(names: Sequence[str]) -> tuple[Format, ...]:
    wanted = dict.fromkeys(name.strip().lower() for several in names for name in several.split(",") if name.strip())
    unknown = [name for name in wanted if name not in FILE_FORMATS]
    if unknown or not wanted:
        raise InvalidRequest(f"--format takes {', '.join(FILE_FORMATS)}, not {', '.join(unknown) or 'nothing'}.")
    return tuple(FILE_FORMATS[name] for name in wanted)


def run(plan: RunPlan, settings: Settings) -> int:
    """Runs the plan. Returns the exit status: 0 when every recording succeeded, 1 when not, 130 when interrupted.

    Raises:
        SpeechdError: the run cannot begin or continue.
    """
    display = open_display(for_programs=plan.way.json_progress, bar=not plan.way.dry_run)
    with contextlib.closing(display), tempfile.TemporaryDirectory(prefix="speechd-") as scratch:
        try:
            return asyncio.run(_run(plan, settings, display, _recordings(plan, Path(scratch))))
        except SpeechdError as error:
            if not plan.way.json_progress:
                raise
            display.tell("error", message=error.message)
            return 1


async def _run(plan: RunPlan, settings: Settings, display: Display, recordings: Sequence[FoundRecording]) -> int:
    with _interruptible(lambda: display.say("Stopping. Press Ctrl-C again to stop at once.")) as interrupted:
        try:
            async with _recogniser(plan, settings, display) as (recogniser, identity):
                if plan.printed:
                    requests = [(recording, plan.model, plan.options) for recording in recordings]
                    return await print_all(recogniser, requests, plan.formats, plan.view, display)
                return await _write(plan, recogniser, identity, display, recordings, interrupted)
        except asyncio.CancelledError:
            if not interrupted():
                raise
            return INTERRUPTED


def _recordings(plan: RunPlan, scratch: Path) -> list[FoundRecording]:
    """The named recordings. Standard input is copied to `scratch`, because decoding needs to seek.

    Raises:
        InvalidRequest: there is nothing.
    """
    if plan.way.watch:
        return []
    if STANDARD not in plan.paths:
        if found := find_recordings(plan.paths, plan.selection):
            return found
        raise InvalidRequest("The paths have no recordings.", param="paths")
    if plan.paths != (STANDARD,):
        raise InvalidRequest("- is standard input and must be the only path.", param="paths")
    with (scratch / "stdin").open("wb") as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
    return [FoundRecording(scratch / "stdin", PurePath("stdin"), "standard input")]


@asynccontextmanager
async def _recogniser(plan: RunPlan, settings: Settings, display: Display) -> AsyncGenerator[tuple[Recogniser, str]]:
    """The transcriber, and the identity of the weights."""
    if plan.way.url is not None:
        key = plan.way.api_key or (settings.api_key.get_secret_value() if settings.api_key else None)
        async with open_client(plan.way.url, key, plan.way.parallel) as client:

            def notice(seconds: float, reason: str) -> None:
                display.tell("waiting", seconds=round(seconds, 1), reason=reason)
                if seconds >= LONG_WAIT:
                    display.say(f"waiting {seconds:.0f} s: {reason}")

            remote = Remote(client, plan.way.parallel, notice, known=plan.known.names)
            yield remote, f"{plan.model} of a service{_known_part(plan)}"
        return
    if plan.way.cluster is not None:
        async with _on_cluster(plan, settings, plan.way.cluster) as (recogniser, identity):
            yield recogniser, identity + _known_part(plan)
        return
    # The process has no other callers, and the run limits itself. Who names a model here means that one.
    changes = {"max_queue_seconds": float("inf"), "max_wait": 0.0, "hosted_names": "strict"}
    store = StoreHandle(settings)
    context = RequestContext(find_speakers=store.find_speakers)
    local = Local(open_service(settings.model_copy(update=changes)), known=plan.known, context=context)
    try:
        yield local, local.identity(plan.model, plan.options) + _known_part(plan)
    finally:
        await local.service.close()
        await store.close()


@asynccontextmanager
async def _on_cluster(plan: RunPlan, settings: Settings, address: str) -> AsyncGenerator[tuple[Recogniser, str]]:
    store = StoreHandle(settings)
    try:
        voices = tuple(await store.find_speakers("", plan.known.names)) if plan.known.names else ()
    finally:
        await store.close()
    async with joined_cluster(address) as ray:
        actors = start_transcribers(ray, plan.way.replicas)
        cluster = ClusterRecogniser(ray, actors, plan.model, plan.options, plan.known.names, voices)
        async with cluster.started() as recogniser:
            yield recogniser, await recogniser.identity()


def _known_part(plan: RunPlan) -> str:
    """What the names of known speakers add to the identity of the weights."""
    return f" who know {', '.join(plan.known.names)}" if plan.known.names else ""


async def _write(
    plan: RunPlan,
    recogniser: Recogniser,
    identity: str,
    display: Display,
    recordings: Sequence[FoundRecording],
    interrupted: Callable[[], bool],
) -> int:
    parameters = parameters_of(identity, plan.formats, plan.view, plan.options)
    beside = plan.output is None
    wanted = RunConfig(plan.model, plan.options, plan.formats, plan.view, parameters, plan.way.retry_failed, beside)
    folder_run = FolderRun(wanted, recogniser, display)
    with ExitStack() as owned:
        places = OutputDirs(plan.output, only_look=plan.way.dry_run, owned=owned)
        batches = _batches(plan, places, folder_run, recordings)
        if plan.way.dry_run:
            await estimate(folder_run, await anext(batches), places.speed(parameters))
            return 0
        try:
            await folder_run.work(batches)
        except asyncio.CancelledError:
            if not interrupted():
                raise
        return _report(plan, folder_run, interrupted())


async def _batches(
    plan: RunPlan, places: OutputDirs, folder_run: FolderRun, recordings: Sequence[FoundRecording]
) -> AsyncIterator[Sequence[WorkItem]]:
    """The recordings to transcribe, as they arrive. Finished ones are left out."""

    def to_do(found: Sequence[FoundRecording]) -> list[WorkItem]:
        return folder_run.sorted_out(places.items(found))

    if not plan.way.watch:
        batch = await asyncio.to_thread(to_do, recordings)
        finished = folder_run.counter.finished_before
        folder_run.display.tell("start", files=len(batch), finished_before=finished)
        yield batch
        return
    async for found in follow(plan.paths, plan.selection, folder_run.busy):
        yield await asyncio.to_thread(to_do, found) if found else []
        list_failures(folder_run.display, folder_run.untold())  # such a run has no end


def _report(plan: RunPlan, folder_run: FolderRun, interrupted: bool) -> int:
    """Prints the result. Returns the exit status."""
    display, counter = folder_run.display, folder_run.counter
    display.close()
    list_failures(display, folder_run.untold())
    failed = len(folder_run.failures)
    status = INTERRUPTED if interrupted and not plan.way.watch else 1 if failed else 0
    display.tell("end", exit=status, failures=failed, **counter.facts())
    finished = counter.done + counter.finished_before
    total = finished + failed if plan.way.watch or not interrupted else counter.files + counter.finished_before
    where = plan.output or "the recordings' own folders"
    before = f" ({counter.finished_before} of them before)" if counter.finished_before else ""
    speed = f"; {counter.sentence()}" if counter.done else ""
    display.say(f"{finished} of {total} recordings written to {where}{before}{speed}")
    name_remedy(display, counter)
    if interrupted and not plan.way.watch:
        display.say("Stopped. Finished recordings are kept. The same command resumes here.")
    return status


@contextlib.contextmanager
def _interruptible(first: Callable[[], None]) -> Iterator[Callable[[], bool]]:
    """Ctrl-C, or SIGTERM, cancels the run. The second one ends the process at once.

    Yields:
        Whether a signal arrived.
    """
    loop, task, count = asyncio.get_running_loop(), asyncio.current_task(), 0

    def stop() -> None:
        nonlocal count
        count += 1
        if count > 1:
            os._exit(INTERRUPTED)  # the journal is consistent at every moment
        first()
        if task is not None:
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    try:
        yield lambda: count > 0
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
