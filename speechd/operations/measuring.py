"""What is measured of every computation: once each, whoever reads it, like its charge."""

import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Literal, TypeVar

from speechd.operations.context import RequestContext
from speechd.settings import Settings
from speechd.telemetry import metrics
from speechd.telemetry.request_record import current_record
from speechd.telemetry.tracing import begin_span
from speechd.types import Segment, Speech, SpeechPart, TranscribeOptions, Transcript

Part = TypeVar("Part")


@dataclass(frozen=True, slots=True)
class Cause:
    """For whom something is computed, as the metrics tell it."""

    lane: Literal["caller", "batch"]
    key: str | None
    """Id of the key; None where keys are not counted."""

    @classmethod
    def of(cls, context: RequestContext, settings: Settings) -> "Cause":
        lane: Literal["caller", "batch"] = "caller" if context.priority == "interactive" else "batch"
        return cls(lane, context.caller if settings.metrics_keys else None)


async def measured_transcription(
    parts: AsyncGenerator[Segment | Transcript, None], options: TranscribeOptions, cause: Cause
) -> AsyncGenerator[Segment | Transcript, None]:
    """The parts of a transcription, measured.

    Args:
        parts: closed at the end.
    """
    first = 0.0

    def measure(part: Segment | Transcript, seconds: float) -> None:
        nonlocal first
        if isinstance(part, Transcript):
            _transcribed(part, cause, first or seconds, seconds)
        elif not first:
            first = seconds

    async with aclosing(_timed(parts, options.task, measure)) as timed:
        async for part in timed:
            yield part


async def measured_speech(
    parts: AsyncGenerator[SpeechPart | Speech, None], model: str, language: str, cause: Cause
) -> AsyncGenerator[SpeechPart | Speech, None]:
    """The parts of a speech, measured.

    Args:
        parts: closed at the end.
        model: id of the voice.
        language: of the voice, ISO 639-1.
    """
    label, heard = metrics.model_label(model), False
    record = current_record()
    record.model = model

    def measure(part: SpeechPart | Speech, seconds: float) -> None:
        nonlocal heard
        if isinstance(part, Speech):
            metrics.CHARACTERS.labels("speak", label, metrics.language_label(language)).inc(part.characters)
            record.audio_seconds = part.duration
            _worked("speak", label, language, cause, part.duration, seconds)
        elif part.audio and not heard:
            heard = True
            metrics.FIRST_AUDIO.labels(label).observe(seconds)

    async with aclosing(_timed(parts, "speak", measure)) as timed:
        async for part in timed:
            yield part


async def noted(
    parts: AsyncGenerator[Segment | Transcript, None], how: Callable[[], str]
) -> AsyncGenerator[Segment | Transcript, None]:
    """What one reader gets of a transcription; what it came to is noted in the reader's record.

    Args:
        how: tells miss, joined or hit; final when the first part is there.
    """
    record = current_record()
    try:
        async with aclosing(parts):
            async for part in parts:
                record.cache = how()
                if isinstance(part, Transcript):
                    record.model, record.audio_seconds = part.model, part.audio_seconds
                    record.queue_seconds = None if record.cache == "hit" else part.timings.queue
                yield part
    finally:
        record.cache = how()
        metrics.JOINED.labels(record.cache).inc()


async def _timed(
    parts: AsyncGenerator[Part, None], name: str, measure: Callable[[Part, float], None]
) -> AsyncGenerator[Part, None]:
    """The parts, each of them measured with the seconds of work until then: what a reader takes does not count.

    The work runs inside a span.
    """
    seconds, opened = 0.0, begin_span(name)
    try:
        async with aclosing(parts):
            while True:
                began = time.perf_counter()
                with opened.active():
                    part = await anext(parts, None)
                seconds += time.perf_counter() - began
                if part is None:
                    return
                measure(part, seconds)
                yield part
    except Exception as error:
        opened.fail(type(error).__name__)
        raise
    finally:
        opened.end()


def _transcribed(transcript: Transcript, cause: Cause, first: float, seconds: float) -> None:
    model, timings = metrics.model_label(transcript.model), transcript.timings
    metrics.QUEUE_SECONDS.labels(model, cause.lane).observe(timings.queue)
    for stage in ("decode", "vad", "encode", "generate", "align"):
        metrics.STAGE_SECONDS.labels(model, stage).observe(getattr(timings, stage))
    metrics.FIRST_SEGMENT.labels(model).observe(first)
    metrics.DECODED_WINDOWS.labels(model).inc(transcript.windows)
    metrics.UNCOVERED_SECONDS.labels(model).inc(sum(end - start for start, end in transcript.uncovered))
    for segment in transcript.segments:
        if segment.temperature:
            metrics.FALLBACKS.labels(model, "temperature").inc()
        for reason in segment.evidence:
            metrics.GUARD_SEGMENTS.labels(model, reason).inc()
    _worked(transcript.task, model, transcript.language, cause, transcript.audio_seconds, seconds)


def _worked(operation: str, model: str, language: str, cause: Cause, audio: float, seconds: float) -> None:
    metrics.AUDIO_SECONDS.labels(operation, model, metrics.language_label(language or "none")).inc(audio)
    if audio:
        metrics.REAL_TIME_FACTOR.labels(operation, model).observe(seconds / audio)
    if cause.key is not None:
        metrics.KEY_AUDIO_SECONDS.labels(metrics.key_label(cause.key or "none")).inc(audio)
