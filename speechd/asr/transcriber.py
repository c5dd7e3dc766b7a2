"""One transcription: decode, find speech, cut windows, detect the language, recognise, merge.

Each part has its own module: Recording decodes and cuts, Listener settles the language of a channel, Batcher feeds the
engine, Merger puts channels in order.
"""

import asyncio
import contextlib
import math
from collections import defaultdict, deque
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import BinaryIO

from speechd.asr.batcher import Batcher
from speechd.asr.channel_merge import Merger
from speechd.asr.diarization.diarizer import Diarizer
from speechd.asr.diarization.segments import segments_by_speaker
from speechd.asr.engine import Decoded, Job
from speechd.asr.hallucination import apply_policy, evidence
from speechd.asr.language_detection import LanguageDetector, main_language
from speechd.asr.linked_windows import LinkedWindows, WindowContext
from speechd.asr.mixed_languages import decode_mixed
from speechd.asr.recording import OpenRecording
from speechd.asr.scheduling.scheduler import WINDOWS_IN_FLIGHT, QueuedRecording
from speechd.asr.seeking import decode_window
from speechd.asr.speakers.channels import ChannelDiarization
from speechd.audio.windows import Packing
from speechd.executors import DECODING, DIARIZING, iterate_in, run_in, run_stoppable
from speechd.priority import PrioritySource, interactive
from speechd.types import Segment, Timings, TranscribeOptions, Transcript, Window

SECOND_TEMPERATURE = 0.4
"""High enough to leave a loop, low enough to follow the audio. Prompts, which cause loops, are left out."""


@dataclass(frozen=True, slots=True)
class LocalTranscriber:
    """Transcribes with an engine of this process."""

    model: str
    batcher: Batcher
    packing: Packing
    max_seconds: float
    """Longest recording accepted."""
    linked_windows: int = 1
    """Windows in a row, each with the end of the previous text as its prompt; see speechd.asr.linked_windows."""
    diarizer: Diarizer | None = None
    """Tells speakers apart, beside the recognition; None where nobody asks for it."""

    async def stream(
        self, audio: BinaryIO, options: TranscribeOptions, priority: PrioritySource = interactive, caller: str = ""
    ) -> AsyncGenerator[Segment | Transcript, None]:
        """See speechd.types.Transcriber. Segments have speakers only in the transcript: all must be heard before."""
        recording = OpenRecording(audio, self.max_seconds, options)
        merger, timings, uncovered, count = Merger(), Timings(), list[tuple[float, float]](), 0
        async with contextlib.AsyncExitStack() as held:
            held.callback(recording.close)
            await run_stoppable(DECODING, recording.open, recording.close)
            queued = held.enter_context(self.batcher.reserve(recording.expected_seconds, priority, caller))
            detectors = defaultdict[int, LanguageDetector](
                lambda: LanguageDetector(partial(self._decode_one, queued), options)
            )
            windows = iterate_in(DECODING, recording.windows(self.packing), recording.close)
            speakers = await held.enter_async_context(ChannelDiarization(self.diarizer))
            heard = _decode(speakers.listen(windows), detectors, self._row(options))
            async with contextlib.aclosing(heard) as decoded:
                async for window, result in decoded:
                    count += 1
                    timings += result.timings
                    uncovered += [(window.start + start, window.start + end) for start, end in result.uncovered]
                    for segment in merger.push(_segments(window, result, options), window.horizon):
                        yield segment
            for segment in merger.push((), math.inf):
                yield segment
            found = await speakers.finish(options)
            spoken = await run_in(DIARIZING, segments_by_speaker, merger.merged, found)
        language, certainty = (options.language, 1.0) if options.language else main_language(detectors.values())
        yield Transcript(
            task=options.task,
            language=language,
            duration=recording.seconds,
            segments=spoken.segments,
            model=self.model,
            language_probability=certainty,
            warnings=recording.warnings,
            timings=timings + recording.timings + Timings(diarize=sum(each.seconds for each in found.values())),
            channels=recording.channels,
            uncovered=tuple(sorted(uncovered)),
            windows=count,
            voices=spoken.voices,
        )

    def _row(self, options: TranscribeOptions) -> float:
        """Windows in a row, each with the previous text as its prompt."""
        if options.condition_on_previous_text:
            return math.inf
        return 1 if options.multilingual else self.linked_windows

    async def _decode_one(self, queued: QueuedRecording, job: Job) -> Decoded:
        """Decodes a window in all its rounds. With `guard=redecode` doubtful text is decoded once more."""
        decode = partial(self.batcher.decode, queued=queued)
        decode_all = decode_mixed if job.options.multilingual else decode_window
        decoded = await decode_all(decode, job)
        if job.options.guard != "redecode" or not _doubts(job.window, decoded):
            return decoded
        warmer = replace(job.options, temperature=SECOND_TEMPERATURE, prompt="", hotwords=())
        second = await decode_all(decode, replace(job, options=warmer, before=()))
        better = second if _doubts(job.window, second) < _doubts(job.window, decoded) else decoded
        return replace(better, timings=decoded.timings + second.timings)


async def _decode(
    windows: AsyncGenerator[Window, None], detectors: defaultdict[int, LanguageDetector], row: float
) -> AsyncGenerator[tuple[Window, Decoded], None]:
    """Decodes rows of linked windows side by side, and yields the windows in order."""
    rows: dict[int, LinkedWindows] = {}
    running: deque[tuple[Window, asyncio.Task[WindowContext]]] = deque()

    async def next_done() -> tuple[Window, Decoded]:
        window, task = running[0]
        detector = detectors[window.channel]
        detector.settle_now()
        _, decoded = await task
        decoded = await detector.finalize(window, decoded)
        running.popleft()
        return window, decoded

    try:
        async with contextlib.aclosing(windows):
            async for window in windows:
                linked = rows.setdefault(window.channel, LinkedWindows(detectors[window.channel], row))
                running.append((window, linked.decode(window)))
                while len(running) >= WINDOWS_IN_FLIGHT or (running and running[0][1].done()):
                    yield await next_done()
        while running:
            yield await next_done()
    finally:
        for _, task in running:
            task.cancel()
        await asyncio.gather(*(task for _, task in running), return_exceptions=True)


def _segments(window: Window, decoded: Decoded, options: TranscribeOptions) -> Iterator[Segment]:
    """The accepted segments of a window, on the recording's clock."""
    for segment in apply_policy(decoded.segments, window.speech, options.guard):
        language = segment.language or decoded.language
        yield replace(segment.shifted(window.start), language=language, channel=window.channel)


def _doubts(window: Window, decoded: Decoded) -> int:
    """How many pieces of evidence speak against what was decoded."""
    return sum(len(evidence(segment, window.speech)) for segment in decoded.segments)
