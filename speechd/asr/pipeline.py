"""The story of one transcription: decode, find speech, cut windows, settle the language, recognise, put together."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO, TypeVar

from speechd.asr.batcher import Batcher, Ticket
from speechd.asr.engine import Decoded, Job
from speechd.asr.guard import evidence, judged
from speechd.audio.decode import open_audio
from speechd.audio.vad import SpeechDetector
from speechd.audio.windows import Packing, cut_windows
from speechd.types import Segment, Timings, TranscribeOptions, Transcript, Window, joined_text

WINDOWS_IN_FLIGHT = 16
"""Windows of one recording that are in memory at once: enough for two batches, and a bound for any length."""
SURE_OF_LANGUAGE = 0.5
"""A first window at least this sure decides the language (faster-whisper's threshold)."""
WINDOWS_FOR_LANGUAGE = 4
"""At most this many windows are heard to settle an unsure language."""
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
        stream = await asyncio.to_thread(open_audio, audio, max_seconds=self.max_seconds)
        ahead = max(0.0, stream.expected_seconds - options.start)
        decoding, detecting = Stopwatch(), Stopwatch()
        segments: list[Segment] = []
        timings = Timings()
        with contextlib.closing(stream), self.batcher.place(ahead) as ticket:
            chunks, detector = decoding.iterating(stream), detecting.calling(SpeechDetector())
            cut = _in_thread(cut_windows(chunks, detector, self.packing, options.vad))
            windows = (window async for window in cut if _begins_after(window, options.start))
            async with contextlib.aclosing(cut), contextlib.aclosing(windows):
                first, language, certainty = await self._settle_language(windows, options, ticket)
                settled = replace(options, language=language or None)
                async with contextlib.aclosing(self._decode(first, windows, settled, ticket)) as decoded:
                    async for window, result in decoded:
                        timings += result.timings
                        for segment in judged(result.segments, window.speech, options.guard):
                            segments.append(replace(segment.shifted(window.start), language=language))
                            yield segments[-1]
        yield Transcript(
            task=options.task,
            language=language,
            duration=stream.seconds,
            segments=tuple(segments),
            model=self.model,
            language_probability=certainty,
            warnings=("truncated-audio",) if stream.truncated else (),
            timings=timings + Timings(decode=decoding.seconds, vad=detecting.seconds),
        )

    async def _settle_language(
        self, windows: AsyncIterator[Window], options: TranscribeOptions, ticket: Ticket
    ) -> tuple[list[tuple[Window, Decoded]], str, float]:
        """Hears windows until the language is plain, and keeps what was decoded on the way.

        Returns:
            The windows heard with their results, the language, and its probability; nothing and "" for silence.
        """
        if options.language:
            return [], options.language, 1.0
        heard: list[tuple[Window, Decoded]] = []
        scores: dict[str, float] = {}
        async for window in windows:
            decoded = await self._decode_one(Job(window, options), ticket)
            heard.append((window, decoded))
            for code, chance in decoded.language_probabilities.items():
                scores[code] = scores.get(code, 0.0) + chance * window.duration
            if max(decoded.language_probabilities.values()) >= SURE_OF_LANGUAGE or len(heard) == WINDOWS_FOR_LANGUAGE:
                break
        if not heard:
            return [], "", 0.0
        language = max(scores, key=lambda code: scores[code])
        return heard, language, scores[language] / sum(scores.values())

    async def _decode(
        self,
        heard: list[tuple[Window, Decoded]],
        windows: AsyncIterator[Window],
        options: TranscribeOptions,
        ticket: Ticket,
    ) -> AsyncGenerator[tuple[Window, Decoded], None]:
        """Decodes windows and yields them in order; those heard in another language are decoded again."""
        text = options.prompt
        for window, decoded in heard:
            if decoded.language != options.language:
                decoded = await self._decode_one(Job(window, options, encoded=decoded.encoded), ticket)
            text += joined_text(decoded.segments)
            yield window, decoded
        if options.condition_on_previous_text:
            rest = self._one_by_one(windows, text, options, ticket)
        else:
            rest = self._side_by_side(windows, options, ticket)
        async with contextlib.aclosing(rest):
            async for pair in rest:
                yield pair

    async def _one_by_one(
        self, windows: AsyncIterator[Window], text: str, options: TranscribeOptions, ticket: Ticket
    ) -> AsyncGenerator[tuple[Window, Decoded], None]:
        """Each window is told the text before it."""
        async for window in windows:
            told = replace(options, prompt=text[-PROMPT_CHARACTERS:])
            decoded = await self._decode_one(Job(window, told), ticket)
            text = f"{text} {joined_text(decoded.segments)}"
            yield window, decoded

    async def _side_by_side(
        self, windows: AsyncIterator[Window], options: TranscribeOptions, ticket: Ticket
    ) -> AsyncGenerator[tuple[Window, Decoded], None]:
        """At most WINDOWS_IN_FLIGHT at once."""
        running: deque[tuple[Window, asyncio.Task[Decoded]]] = deque()
        try:
            async for window in windows:
                running.append((window, asyncio.create_task(self._decode_one(Job(window, options), ticket))))
                while len(running) >= WINDOWS_IN_FLIGHT or (running and running[0][1].done()):
                    yield running[0][0], await running[0][1]
                    running.popleft()
            while running:
                yield running[0][0], await running[0][1]
                running.popleft()
        finally:
            for _, task in running:
                task.cancel()
            await asyncio.gather(*(task for _, task in running), return_exceptions=True)

    async def _decode_one(self, job: Job, ticket: Ticket) -> Decoded:
        """One window; what is probably invented gets a second opinion where the caller asked for it."""
        decoded = await self.batcher.decode(job, ticket)
        if job.options.guard != "redecode" or not _doubts(job.window, decoded):
            return decoded
        warmer = replace(job.options, temperature=SECOND_TEMPERATURE, prompt="", hotwords=())
        second = await self.batcher.decode(replace(job, options=warmer), ticket)
        better = second if _doubts(job.window, second) < _doubts(job.window, decoded) else decoded
        return replace(better, timings=decoded.timings + second.timings)


def _begins_after(window: Window, start: float) -> bool:
    """Whether it begins at `start` or later, to the 10 ms that a segment's `seek` tells of its window."""
    return round(window.start * 100) >= round(start * 100)


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
