"""The one place where audio is charged: each computation once, whoever reads it.

Audio is reserved before the work on it begins. So a caller who hangs up and asks again, or asks in parallel, uses no
more than its limits.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from http import HTTPStatus
from typing import TypeVar

from speechd.auth.meter import Estimate
from speechd.errors import SpeechdError
from speechd.operations.context import RequestContext
from speechd.types import Segment, Speech, SpeechPart, Transcript

Part = TypeVar("Part")

CHARACTERS_PER_SECOND = 14.0
"""Of spoken text at normal speed: about 150 words a minute of 5 to 6 characters, spaces counted."""


class Transcribed:
    """Seconds of audio that a transcription has done with each of its parts; each channel counts."""

    def __init__(self, start: float = 0.0) -> None:
        """
        Args:
            start: where the transcription begins in the recording, in seconds.
        """
        self._start = start
        self._heard: dict[int, float] = {}

    def __call__(self, part: Segment | Transcript) -> float:
        if isinstance(part, Transcript):
            return part.audio_seconds
        self._heard[part.channel] = part.end - self._start
        return sum(self._heard.values())


def spoken(part: SpeechPart | Speech) -> float:
    """Seconds of audio that a speech has done with each of its parts."""
    return part.duration if isinstance(part, Speech) else part.seconds


def speech_estimate(text: str, speed: float) -> Estimate:
    """How long a text will be when it is spoken."""
    return Estimate(len(text) / CHARACTERS_PER_SECOND / max(speed, 0.1), exact=False)


async def charged(
    parts: AsyncGenerator[Part, None],
    seconds_of: Callable[[Part], float],
    context: RequestContext,
    estimate: Callable[[], Awaitable[Estimate | None]],
) -> AsyncGenerator[Part, None]:
    """The parts of a computation; its audio is charged before the last part is passed on.

    Where it ends early, a caller who was waiting pays for what was done, except where the server failed. Background
    work is free then: it is put back into the queue, and charged when it is done.

    Args:
        parts: closed at the end.
        seconds_of: audio done so far, called with each part in order.
        context: whom to charge.
        estimate: how much it will come to; asked only where a limit needs it.

    Raises:
        RateLimited, TooLarge: see Meter.reserve_audio.
    """
    async with aclosing(parts):
        if (meter := context.meter) is None:
            async for part in parts:
                yield part
            return
        expected = await estimate() if meter.limits_audio else Estimate(0.0, exact=False)
        seconds = 0.0
        with meter.reserve_audio(expected) as reservation:
            try:
                async for part in parts:
                    seconds = seconds_of(part)
                    reservation.extend(seconds)
                    if isinstance(part, Transcript | Speech):
                        reservation.settle(seconds)
                    yield part
            except Exception as error:
                if not isinstance(error, SpeechdError) or error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                    seconds = 0.0
                raise
            finally:
                if context.priority == "interactive":
                    reservation.settle(seconds)
