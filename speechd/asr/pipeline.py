"""The story of one transcription: decode, find speech, cut windows, settle the language, recognise, put together."""

import asyncio
import contextlib
import time
from collections import defaultdict, deque
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO, TypeVar

from speechd.asr.batcher import Batcher, Ticket
from speechd.asr.engine import Decoded, Job
from speechd.asr.guard import evidence, judged
from speechd.asr.listener import Listener, main_language
from speechd.asr.merging import Merger
from speechd.audio.copies import Copies
from speechd.audio.decode import open_audio
from speechd.audio.vad import SpeechDetector
from speechd.audio.windows import Packing, cut_windows
from speechd.types import Segment, Timings, TranscribeOptions, Transcript, Window, joined_text

WINDOWS_IN_FLIGHT = 16
"""Windows of one recording that are in memory at once: enough for two batches, and a bound for any length."""
PROMPT_CHARACTERS = 2_000
"""More than Whisper's 224 tokens of prompt; the engine takes what fits."""
SECOND_TEMPERATURE = 0.4
"""Warm enough to leave a loop, cool enough to stay with the audio; prompts, which feed loops, are left out."""

T = TypeVar("T")
R = TypeVar("R")


@dataclass(slots=True)
class Stopwatch:
    """Adds up the time that one stage takes, whatever runs between its steps."""

    seconds: float = 0.0

    def iterating(self, items: Iterable[T]) -> Iterator[T]:
        """The items; the time to make each counts."""
        iterator, end = iter(items), object()
        while (item := self._timed(next, iterator, end)) is not end:
            yield item

    def calling(self, function: Callable[[T], R]) -> Callable[[T], R]:
        """The function; the time of each call counts."""
        return lambda argument: self._timed(function, argument)

    def _timed(self, function: Callable[..., R], *arguments: object) -> R:
        started = time.perf_counter()
        try:
            return function(*arguments)
        finally:
            self.seconds += time.perf_counter() - started


@dataclass(frozen=True, slots=True)
class LocalTranscriber:
    """Transcribes with an engine of this process."""

    model: str
    batcher: Batcher
    packing: Packing
    max_seconds: float
    """Longest recording accepted."""

    async def stream(self, audio: BinaryIO, options: TranscribeOptions) -> AsyncGenerator[Segment | Transcript, None]:
        """See speechd.types.Transcriber."""
        apart = options.channels == "split"
        stream = await asyncio.to_thread(open_audio, audio, max_seconds=self.max_seconds, apart=apart)
        decoding, detecting = Stopwatch(), Stopwatch()
        copies, merger = Copies(), Merger()
        segments: list[Segment] = []
        timings = Timings()
        expected = stream.expected_seconds * (max(1, stream.channels) if apart else 1)
        with contextlib.closing(stream), self.batcher.place(expected) as ticket:
            chunks = copies.silenced(decoding.iterating(stream))
            windows = cut_windows(
                chunks, lambda: detecting.calling(SpeechDetector()), self._packing(options), options.vad
            )
            listeners: defaultdict[int, Listener] = defaultdict(
                lambda: Listener(lambda job: self._decode_one(job, ticket), options)
            )
            async with contextlib.aclosing(_decode(_in_thread(windows), listeners, options)) as decoded:
                async for window, result in decoded:
                    timings += result.timings
                    found = [
                        replace(segment.shifted(window.start), language=result.language, channel=window.channel)
                        for segment in judged(result.segments, window.speech, options.guard)
                    ]
                    for segment in merger.push(found, window.horizon):
                        segments.append(segment)
                        yield segment
        language, certainty = (options.language, 1.0) if options.language else main_language(listeners.values())
        yield Transcript(
            task=options.task,
            language=language,
            duration=stream.seconds,
            segments=tuple(segments),
            model=self.model,
            language_probability=certainty,
            warnings=("truncated-audio",) if stream.truncated else (),
            timings=timings + Timings(decode=decoding.seconds, vad=detecting.seconds),
            channels=copies.apart,
        )

    def _packing(self, options: TranscribeOptions) -> Packing:
        """Where languages mix, each stretch of speech has a window of its own: a pause may change the language."""
        return replace(self.packing, max_gap=0.0) if options.multilingual else self.packing

    async def _decode_one(self, job: Job, ticket: Ticket) -> Decoded:
        """One window; what is probably invented gets a second opinion where the caller asked for it."""
        decoded = await self.batcher.decode(job, ticket)
        if job.options.guard != "redecode" or not _doubts(job.window, decoded):
            return decoded
        warmer = replace(job.options, temperature=SECOND_TEMPERATURE, prompt="", hotwords=())
        second = await self.batcher.decode(replace(job, options=warmer), ticket)
        better = second if _doubts(job.window, second) < _doubts(job.window, decoded) else decoded
        return replace(better, timings=decoded.timings + second.timings)


async def _decode(
    windows: AsyncGenerator[Window, None], listeners: defaultdict[int, Listener], options: TranscribeOptions
) -> AsyncGenerator[tuple[Window, Decoded], None]:
    """Decodes windows side by side, or one by one where each is told the text before it, and yields them in order."""
    most = 1 if options.condition_on_previous_text else WINDOWS_IN_FLIGHT
    told: defaultdict[int, str] = defaultdict(lambda: options.prompt)
    running: deque[tuple[Window, asyncio.Task[Decoded]]] = deque()

    async def next_done() -> tuple[Window, Decoded]:
        window, task = running[0]
        listener = listeners[window.channel]
        listener.hurry()
        decoded = await listener.taken(window, await task)
        running.popleft()
        if options.condition_on_previous_text:
            text = f"{told[window.channel]} {joined_text(decoded.segments)}"
            told[window.channel] = text.strip()[-PROMPT_CHARACTERS:]
        return window, decoded

    try:
        async with contextlib.aclosing(windows):
            async for window in windows:
                decoding = listeners[window.channel].decode(window, told[window.channel])
                running.append((window, asyncio.create_task(decoding)))
                while len(running) >= most or (running and running[0][1].done()):
                    yield await next_done()
        while running:
            yield await next_done()
    finally:
        for _, task in running:
            task.cancel()
        await asyncio.gather(*(task for _, task in running), return_exceptions=True)


def _doubts(window: Window, decoded: Decoded) -> int:
    """How many pieces of evidence speak against what was decoded."""
    return sum(len(evidence(segment, window.speech)) for segment in decoded.segments)


async def _in_thread(iterator: Iterator[T]) -> AsyncGenerator[T, None]:
    """Iterates a blocking iterator on worker threads, one step at a time; closing waits for the step in hand."""
    end = object()
    step: asyncio.Future[T | object] | None = None
    try:
        while True:
            step = asyncio.ensure_future(asyncio.to_thread(next, iterator, end))
            item = await asyncio.shield(step)
            if item is end:
                return
            yield item  # type: ignore[misc]
    finally:
        if step is not None and not step.done():
            await asyncio.wait([step])  # a thread cannot be interrupted, and the file must outlive it
            step.exception()
