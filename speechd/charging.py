"""Audio is reserved before the work on it begins, and charged when the work ends, whoever is still there.

So a caller who hangs up and asks again, or asks in parallel, uses no more than its limits.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import BinaryIO

from speechd.audio.decode import open_audio
from speechd.auth.meter import Estimate, Meter
from speechd.errors import SpeechdError
from speechd.types import Segment, Speech, SpeechOptions, SpeechPart, TranscribeOptions, Transcript

CHARACTERS_PER_SECOND = 14.0
"""Of spoken text at normal speed: about 150 words a minute of 5 to 6 characters, spaces counted."""


async def charged_transcription(
    meter: Meter | None,
    parts: AsyncIterator[Segment | Transcript],
    audio: BinaryIO,
    options: TranscribeOptions,
    max_seconds: float,
    *,
    in_parts: bool,
) -> AsyncGenerator[Segment | Transcript, None]:
    """The parts, unchanged; what was heard is charged at their end, also when they are not read to the end.

    Args:
        meter: None charges nobody.
        audio: what the parts come from, at its start.
        max_seconds: the longest recording accepted, in seconds.
        in_parts: the caller gets each part at once, so what was heard before a failure counts.

    Raises:
        RateLimited, TooLarge: see Meter.reserve_audio.
    """
    if meter is None:
        async for part in parts:
            yield part
        return
    estimate = await _estimate(audio, options, max_seconds) if meter.limits_audio else Estimate(0.0, exact=False)
    heard: dict[int, float] = {}
    seconds = 0.0
    with meter.reserve_audio(estimate) as reservation:
        try:
            async for part in parts:
                if isinstance(part, Segment):
                    heard[part.channel] = part.end
                seconds = part.audio_seconds if isinstance(part, Transcript) else sum(heard.values())
                reservation.extend(seconds)
                yield part
        except Exception:
            seconds = seconds if in_parts else 0.0
            raise
        finally:
            reservation.settle(seconds)


async def charged_speech(
    meter: Meter | None, parts: AsyncIterator[SpeechPart | Speech], text: str, options: SpeechOptions
) -> AsyncGenerator[SpeechPart | Speech, None]:
    """The parts, unchanged; what was spoken is charged at their end, also when they are not read to the end.

    Args:
        meter: None charges nobody.

    Raises:
        RateLimited: see Meter.reserve_audio.
    """
    if meter is None:
        async for part in parts:
            yield part
        return
    seconds = 0.0
    estimate = Estimate(len(text) / CHARACTERS_PER_SECOND / max(options.speed, 0.1), exact=False)
    with meter.reserve_audio(estimate) as reservation:
        try:
            async for part in parts:
                seconds = part.duration if isinstance(part, Speech) else part.seconds
                reservation.extend(seconds)
                yield part
        finally:
            reservation.settle(seconds)


async def _estimate(audio: BinaryIO, options: TranscribeOptions, max_seconds: float) -> Estimate | None:
    """How much audio a recording has by its headers; None for what is none: the transcriber says what is wrong."""

    def look() -> Estimate:
        with open_audio(audio, max_seconds=max_seconds, audio_track=options.audio_track) as stream:
            split = options.channels == "split" and stream.channels != 1  # copies of a channel will not count
            channels = max(1, stream.channels) if split else 1
            return Estimate(stream.expected_seconds * channels, exact=stream.declares_length and not split)

    try:
        return await asyncio.to_thread(look)
    except SpeechdError:
        return None
    finally:
        audio.seek(0)
