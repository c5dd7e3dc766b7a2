"""Decodes a window in rounds until its speech is covered, as Whisper seeks through a recording.

Whisper may end a window early. Two timestamps side by side then tell where the next window begins (Radford et
al. 2022, section 4.5; `seek` in openai/whisper and faster-whisper). Here the rest of a window becomes the next round's
window. The rounds of one window make one result, on one clock.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from speechd.asr.engine import Decoded, Job
from speechd.types import Segment, Window

MAX_ROUNDS = 12
"""Rounds of one window. The rest is reported as uncovered speech."""
MIN_HEARD = 0.1
"""Seconds. A round that covers less has not advanced."""
ADVANCE = 1.0
"""Seconds that the next round then skips, so that text that never advances comes to an end."""
MIN_REST = 0.3
"""Seconds of speech that need another round. Less is the end of the last word, where the detector stops late."""
SHORT_REST = 1.0
"""Seconds; less speech may be the end of the last word too, since Whisper's times are rough. Its text is accepted where
the model is sure. The model gets no previous text that it could repeat."""
SURE_LOGPROB = -0.5
"""Mean log-probability of text that is sure."""
LEAD = 0.4
"""Seconds that are decoded before speech and after it: the detector crosses its threshold up to this late."""
MAX_TEMPERATURE = 0.5
"""Text that was sampled warmer than this is a guess (openai/whisper resets its prompt there)."""
MAX_BEFORE = 60
"""Segments before a window that are kept: more than Whisper's 224 tokens of prompt hold."""
MAX_UNCOVERED = 1.0
"""Speech for longer than this without words is decoded once more."""

Decode = Callable[[Job], Awaitable[Decoded]]


async def decode_window(decode: Decode, job: Job) -> Decoded:
    """Decodes a window in rounds.

    Args:
        decode: decodes one round.
        job: the window and its options; its `encoded` is used in the first round.

    Returns:
        The rounds as one, on the window's clock. `uncovered` is detected speech without any words.
    """
    found = await _rounds(decode, job)
    for start, end in _uncovered(job.window, found.segments):
        window = job.window.part(max(0.0, start - LEAD), min(end + LEAD, job.window.duration))
        if window.duration < job.window.duration - LEAD:  # else it is the window that was just decoded
            again = await _rounds(decode, Job(window, replace(job.options, language=found.language)))
            found = _joined(found, again, window.start - job.window.start, (start, end))
    return replace(found, uncovered=_uncovered(job.window, found.segments))


async def _rounds(decode: Decode, job: Job) -> Decoded:
    first = found = await decode(job)
    window, segments, timings = job.window, list[Segment](), first.timings
    options = replace(job.options, language=first.language, multilingual=False)
    for _ in range(1, MAX_ROUNDS):
        rest = _rest(window, found)
        if rest is None:
            break
        segments += _on_clock(found.segments, window, job.window)
        short = rest.spoken < SHORT_REST
        again = await decode(Job(rest, options, before=() if short else context_segments((*job.before, *segments))))
        timings += again.timings
        if short and not _sure(again):
            found = replace(found, segments=())
            break
        window, found = rest, again
    segments += _on_clock((*found.segments, *found.tail), window, job.window)
    return replace(first, segments=tuple(segments), tail=(), heard=job.window.duration, timings=timings)


def _sure(found: Decoded) -> bool:
    return all(segment.avg_logprob >= SURE_LOGPROB for segment in found.segments)


def _rest(window: Window, found: Decoded) -> Window | None:
    """The part of a window that is still to be decoded; None where it has no speech."""
    heard = min(found.heard if found.heard >= MIN_HEARD else ADVANCE, window.duration)
    spoken = [(max(start, heard), end) for start, end in window.speech if end > heard]
    if not found.tail and sum(end - start for start, end in spoken) < MIN_REST:
        return None
    begin = heard if found.tail or not spoken else max(heard, spoken[0][0] - LEAD)
    return window.part(begin, window.duration) if window.duration - begin >= MIN_REST else None


def context_segments(segments: Sequence[Segment]) -> tuple[Segment, ...]:
    """The previous text that is part of the prompt: nothing from before a guess, which would mislead the model."""
    guesses = [number for number, segment in enumerate(segments, start=1) if segment.temperature > MAX_TEMPERATURE]
    return tuple(segments[guesses[-1] if guesses else 0 :][-MAX_BEFORE:])


def _on_clock(segments: Sequence[Segment], window: Window, first: Window) -> list[Segment]:
    """Segments of a round on the clock of the first; `seek` stays the start of the whole window."""
    return [replace(segment.shifted(window.start - first.start), seek=segment.seek) for segment in segments]


def _uncovered(window: Window, segments: Sequence[Segment]) -> tuple[tuple[float, float], ...]:
    """Speech of more than MAX_UNCOVERED seconds in a row outside of all segments, whether words are asked for or not:
    else a request with words would have another text."""
    found, plain = [], [segment.plain() for segment in segments]
    for start, end in window.speech:
        for segment in plain:
            if segment.end <= start or segment.start >= end:
                continue
            if segment.start - start > MAX_UNCOVERED:
                found.append((start, segment.start))
            start = max(start, segment.end)
        if end - start > MAX_UNCOVERED:
            found.append((start, end))
    return tuple(found)


def _joined(found: Decoded, again: Decoded, offset: float, gap: tuple[float, float]) -> Decoded:
    """The result, with the text that the second attempt found inside the gap."""
    shifted = [replace(segment.shifted(offset), seek=segment.seek) for segment in again.segments]
    inside = [segment for segment in shifted if gap[0] <= _middle(segment.plain()) <= gap[1]]
    segments = sorted((*found.segments, *inside), key=lambda segment: segment.plain().start)
    return replace(found, segments=tuple(segments), timings=found.timings + again.timings)


def _middle(segment: Segment) -> float:
    return (segment.start + segment.end) / 2
