"""`speechd transcribe`: recordings and folders through the same operations as the HTTP API, with a progress bar."""

import asyncio
import contextlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import cast

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from speechd.errors import InvalidRequest, SpeechdError
from speechd.folders import Recording, find_recordings, output_names
from speechd.formats import FORMATS, Format, View
from speechd.languages import find
from speechd.operations import TranscriptionRequest, transcribe
from speechd.service import Service, open_service
from speechd.settings import Settings
from speechd.types import Task, TranscribeOptions, Transcript

FILES_AT_ONCE = 8
"""Recordings in work together: their windows share batches, while the next ones are being decoded."""
FILE_FORMATS = {"txt": "txt", "json": "verbose_json", "srt": "srt", "vtt": "vtt", "tsv": "tsv"}
"""What `--format` names, and the row of FORMATS that writes it."""
EVERYTHING = View(words=True)


@dataclass(frozen=True, slots=True)
class Plan:
    """What one run of the command shall do."""

    recordings: tuple[Recording, ...]
    names: tuple[PurePath, ...]
    """The output of each recording, without suffix."""
    formats: tuple[Format, ...]
    output: Path | None
    """Folder to write to; None prints."""
    model: str
    options: TranscribeOptions

    @classmethod
    def read(
        cls,
        paths: Iterable[Path],
        *,
        model: str,
        language: str | None,
        task: str,
        formats: str,
        output: Path | None,
        prompt: str,
    ) -> "Plan":
        """Checks the command line.

        Raises:
            InvalidRequest: a path, task, format or language is unknown, or there is nothing to do.
        """
        if task not in ("transcribe", "translate"):
            raise InvalidRequest(f"--task is transcribe or translate, not {task}.")
        recordings = find_recordings(paths)
        if not recordings:
            raise InvalidRequest("There are no recordings in what you named.", param="paths")
        rows = _formats(formats)
        options = TranscribeOptions(
            task=cast(Task, task),
            language=_language(language),
            prompt=prompt,
            word_timestamps=any(row.name == "verbose_json" for row in rows),
        )
        return cls(tuple(recordings), tuple(output_names(recordings)), rows, output, model, options)


def _formats(names: str) -> tuple[Format, ...]:
    wanted = dict.fromkeys(name.strip().lower() for name in names.split(",") if name.strip())
    unknown = [name for name in wanted if name not in FILE_FORMATS]
    if unknown or not wanted:
        raise InvalidRequest(f"--format takes {', '.join(FILE_FORMATS)}, not {', '.join(unknown) or 'nothing'}.")
    return tuple(FORMATS[FILE_FORMATS[name]] for name in wanted)


def _language(name: str | None) -> str | None:
    if not name:
        return None
    language = find(name)
    if language is None:
        raise InvalidRequest(f"There is no language {name!r}; use a code such as en, or a name such as German.")
    return language.code


async def run(plan: Plan, settings: Settings) -> int:
    """Does the plan; returns the exit status: 0 when every recording succeeded, else 1."""
    console = Console(stderr=True)
    failures: list[tuple[Recording, str]] = []
    service = open_service(settings)
    try:
        with _progress(console, len(plan.recordings)) as progress:
            gate = asyncio.Semaphore(FILES_AT_ONCE)
            tasks = [
                asyncio.create_task(_one(service, plan, index, gate, failures, progress))
                for index in range(len(plan.recordings))
            ]
            try:
                for task in tasks:
                    _show(plan, *await task, progress)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
    finally:
        await service.close()
    for recording, reason in failures:
        console.print(f"[red]failed[/red] {recording.path}: {reason}", highlight=False, soft_wrap=True)
    if plan.output is not None:
        done = len(plan.recordings) - len(failures)
        console.print(f"{done} of {len(plan.recordings)} recordings written to {plan.output}", highlight=False)
    return 1 if failures else 0


@contextlib.contextmanager
def _progress(console: Console, total: int) -> Iterator[Progress]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True, disable=total == 1) as progress:
        progress.add_task("transcribing", total=total)
        yield progress


async def _one(
    service: Service,
    plan: Plan,
    index: int,
    gate: asyncio.Semaphore,
    failures: list[tuple[Recording, str]],
    progress: Progress,
) -> tuple[Recording, Transcript | None]:
    """Transcribes and writes one recording; a failure is noted, not raised."""
    recording = plan.recordings[index]
    async with gate:
        try:
            transcript = await _transcribe(service, plan, recording)
            if plan.output is not None:
                await asyncio.to_thread(_write, plan, plan.output / plan.names[index], transcript)
        except (SpeechdError, OSError) as error:
            failures.append((recording, str(error)))
            transcript = None
    progress.advance(progress.task_ids[0])
    return recording, transcript


async def _transcribe(service: Service, plan: Plan, recording: Recording) -> Transcript:
    file = await asyncio.to_thread(recording.path.open, "rb")
    transcript, _ = await transcribe(service, TranscriptionRequest(plan.model, plan.options, file=file))
    return transcript


def _write(plan: Plan, stem: Path, transcript: Transcript) -> None:
    """Writes each format beside the others; a file appears under its name only when it is whole."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    for row in plan.formats:
        target = stem.with_name(stem.name + row.suffix)
        descriptor, temporary = tempfile.mkstemp(dir=stem.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(row.encode(transcript, EVERYTHING))
            Path(temporary).chmod(0o644)
            Path(temporary).replace(target)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise


def _show(plan: Plan, recording: Recording, transcript: Transcript | None, progress: Progress) -> None:
    """Prints a result in the order of the recordings, where nothing is written to files."""
    if plan.output is not None or transcript is None:
        return
    if len(plan.recordings) > 1:
        progress.console.file.flush()
        print(f"==> {recording.path} <==")
    for row in plan.formats:
        print(row.encode(transcript, EVERYTHING).decode().rstrip("\n"), flush=True)
