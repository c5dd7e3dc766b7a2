"""Transcripts on standard output, in the order of their recordings."""

import asyncio
from collections import deque
from collections.abc import Sequence

from speechd.errors import SpeechdError
from speechd.folders.discover import FoundRecording
from speechd.folders.progress import Display, ProgressCounter, list_failures, name_remedy
from speechd.folders.run import HOPELESS
from speechd.folders.transcriber import Recogniser
from speechd.formats.transcript import Format, View
from speechd.operations import TranscriptionRequest
from speechd.types import TranscribeOptions, Transcript

FILES_AHEAD = 8
"""Recordings that run together: their windows share batches, and the first is printed first."""

Request = tuple[FoundRecording, str, TranscribeOptions]
"""Arguments: the recording, the model, the options."""


async def print_all(
    recogniser: Recogniser, requests: Sequence[Request], formats: Sequence[Format], view: View, display: Display
) -> int:
    """Prints the transcript of each recording. Returns the exit status: 1 where one failed.

    Raises:
        SpeechdError: no recording can be transcribed; see HOPELESS.
    """
    counter, failures = ProgressCounter(files=len(requests)), list[tuple[FoundRecording, str]]()
    ahead: deque[tuple[FoundRecording, asyncio.Task[Transcript | str]]] = deque()
    try:
        for request in requests:
            ahead.append((request[0], asyncio.create_task(_one(recogniser, request, counter, display))))
            if len(ahead) == FILES_AHEAD:
                _print(*await _next(ahead), formats, view, failures, headed=len(requests) > 1)
        while ahead:
            _print(*await _next(ahead), formats, view, failures, headed=len(requests) > 1)
    finally:
        for _, task in ahead:
            task.cancel()
        await asyncio.gather(*(task for _, task in ahead), return_exceptions=True)
    display.close()
    list_failures(display, failures)
    name_remedy(display, counter)
    status = 1 if failures else 0
    display.tell("end", exit=status, failures=len(failures), **counter.facts())
    return status


async def _next(
    ahead: deque[tuple[FoundRecording, "asyncio.Task[Transcript | str]"]],
) -> tuple[FoundRecording, Transcript | str]:
    """Waits for the first task, which stays in the list until it is done, to be cancelled with the others."""
    recording, task = ahead[0]
    result = await task
    ahead.popleft()
    return recording, result


async def _one(
    recogniser: Recogniser, request: Request, counter: ProgressCounter, display: Display
) -> Transcript | str:
    """A transcript, or the reason why there is none."""
    recording, model, options = request
    counter.begin(recording.source)
    display.show(counter)
    try:
        file, _ = await asyncio.to_thread(recording.open)
        async with recogniser.open(TranscriptionRequest(model, options, file=file)) as stream:
            async for part in stream.parts:
                if isinstance(part, Transcript):
                    counter.finish(recording.source, part.duration, part.warnings)
                    return part
                counter.hear(recording.source, part.end)
                display.show(counter)
        raise RuntimeError("the transcription ended without a transcript")
    except HOPELESS:
        raise
    except (SpeechdError, OSError) as error:
        reason = error.message if isinstance(error, SpeechdError) else error.strerror or str(error)
        counter.fail(recording.source)
        display.tell("failed", path=str(recording), reason=reason)
        return reason
    finally:
        display.show(counter)


def _print(
    recording: FoundRecording,
    result: Transcript | str,
    formats: Sequence[Format],
    view: View,
    failures: list[tuple[FoundRecording, str]],
    *,
    headed: bool,
) -> None:
    if isinstance(result, str):
        failures.append((recording, result))
        return
    if headed:
        print(f"==> {recording} <==")
    for shape in formats:
        print(shape.encode(result, view).decode().rstrip("\n"), flush=True)
