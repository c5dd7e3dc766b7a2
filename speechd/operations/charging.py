"""The one place where audio is charged: each computation once, whoever reads it."""

import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import TypeVar

from speechd.errors import SpeechdError
from speechd.operations.context import RequestContext
from speechd.types import Segment, Speech, SpeechPart, Transcript

Part = TypeVar("Part")

log = logging.getLogger("speechd.operations")


class Transcribed:
    """Seconds of audio that a transcription has done with each of its parts; each channel counts."""

    def __init__(self) -> None:
        self._heard: dict[int, float] = {}

    def __call__(self, part: Segment | Transcript) -> float:
        if isinstance(part, Transcript):
            return part.audio_seconds
        self._heard[part.channel] = part.end
        return sum(self._heard.values())


def spoken(part: SpeechPart | Speech) -> float:
    """Seconds of audio that a speech has done with each of its parts."""
    return part.duration if isinstance(part, Speech) else part.seconds


async def charged(
    parts: AsyncGenerator[Part, None], seconds_of: Callable[[Part], float], context: RequestContext
) -> AsyncGenerator[Part, None]:
    """The parts of a computation; its audio is charged before the last part is passed on.

    Where it ends early, a caller who was waiting pays for what was done. Background work is free then: it is put back
    into the queue, and charged when it is done.

    Args:
        parts: closed at the end.
        seconds_of: audio done so far, called with each part in order.
        context: whom to charge.
    """
    seconds, is_charged = 0.0, False
    try:
        async with aclosing(parts):
            async for part in parts:
                seconds = seconds_of(part)
                if isinstance(part, Transcript | Speech):
                    is_charged = True
                    _charge(context, seconds)
                yield part
    finally:
        if not is_charged and context.priority == "interactive":
            _charge(context, seconds)


def _charge(context: RequestContext, seconds: float) -> None:
    """Counters that fail do not undo the work."""
    try:
        if seconds > 0:
            context.charge(seconds)
    except SpeechdError as error:
        log.warning("%s: %.1f s of audio were not counted: %s", context.request_id, seconds, error.message)
