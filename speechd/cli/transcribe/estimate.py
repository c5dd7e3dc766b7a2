"""`speechd transcribe --dry-run`: lists the recordings of a run and estimates its time."""

import asyncio
import time
from collections.abc import Sequence

from speechd.errors import SpeechdError
from speechd.folders.discover import display_name
from speechd.folders.duration import seconds_at
from speechd.folders.output_dirs import WorkItem
from speechd.folders.progress import clock_time
from speechd.folders.run import FolderRun
from speechd.formats.transcript import Format
from speechd.operations import TranscriptionRequest
from speechd.types import Transcript

SAMPLE_FILES = 8
"""Recordings that are transcribed to measure the speed, where no run has measured it."""
SAMPLE_SECONDS = 120.0
"""Seconds of audio, about, after which such a sample ends."""


async def estimate(run: FolderRun, items: Sequence[WorkItem], speed: float | None) -> None:
    """Prints each recording with its outputs and the estimated time.

    Args:
        run: a run that has not begun.
        items: the recordings that it would transcribe.
        speed: seconds of audio per second in earlier runs, where there were any.
    """
    lengths = []
    for item in items:
        lengths.append(await asyncio.to_thread(seconds_at, item.recording))
        print(f"{item.recording}  ({clock_time(lengths[-1])})  ->  {_outputs(item, run.wanted.formats)}")
    audio = sum(lengths)
    print(
        f"{len(items)} recordings to transcribe, {audio / 3600:.2f} h of audio;"
        f" {run.counter.finished_before} finished before, {len(run.failures)} failed before"
    )
    measured = speed or await _measured(run, items)
    if measured:
        source = "measured in earlier runs" if speed else "measured now on a few of them"
        print(f"about {clock_time(audio / measured)} at {measured:.0f}x real time, {source}")


def _outputs(item: WorkItem, formats: Sequence[Format]) -> str:
    """`out/a/f.json .srt`."""
    first, *more = (shape.suffix for shape in formats)
    return " ".join([f"{item.target}/{display_name(item.name)}{first}", *more])


async def _measured(run: FolderRun, items: Sequence[WorkItem]) -> float | None:
    """Seconds of audio per second, of a few recordings together; None where none can be transcribed."""
    chosen = items[:SAMPLE_FILES]
    if not chosen:
        return None
    await run.recogniser.warm_up(run.wanted.model, run.wanted.options)
    share = SAMPLE_SECONDS / len(chosen)
    started = time.monotonic()
    heard = sum(await asyncio.gather(*(_heard(run, item, share) for item in chosen)))
    return heard / (time.monotonic() - started) if heard else None


async def _heard(run: FolderRun, item: WorkItem, enough: float) -> float:
    """Transcribes the beginning of a recording. Returns its seconds."""
    wanted, heard = run.wanted, 0.0
    try:
        file, _ = await asyncio.to_thread(item.recording.open)
        async with run.recogniser.open(TranscriptionRequest(wanted.model, wanted.options, file=file)) as stream:
            async for part in stream.parts:
                heard = part.duration if isinstance(part, Transcript) else part.end
                if heard >= enough:
                    break
    except (SpeechdError, OSError):
        return 0.0  # a run would list it as failed; here it measures nothing
    return heard
