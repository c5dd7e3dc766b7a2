"""Finds text that was probably never spoken, and names the evidence.

Whisper invents fluent text on noise, music and languages it does not know, and falls into loops. The evidence is
noted for each segment. The policy of the request decides what follows. By default no word changes.
"""

from collections.abc import Sequence
from dataclasses import replace

from speechd.asr.hypothesis import MAX_COMPRESSION_RATIO, MAX_NO_SPEECH_PROB, MIN_AVG_LOGPROB
from speechd.types import GuardPolicy, Segment

LOOP_TIMES = 4
LOOP_WORDS = 6
"""(repeats, words): a phrase of at most so many words that comes so many times in a row is a loop."""
MAX_CHARACTERS_PER_SECOND = 30.0
"""Fast speakers reach about 20; a transcript beyond this was not spoken in its time."""
MIN_SPEECH_SHARE = 0.2
"""A segment with less of its time in speech lies in silence."""

SpeechRegions = Sequence[tuple[float, float]]
"""Where the detector heard speech: (start, end) in seconds on the segment's clock."""


def apply_policy(segments: Sequence[Segment], speech: SpeechRegions, policy: GuardPolicy) -> tuple[Segment, ...]:
    """The segments by the policy: unchanged, with their evidence, or without the doubtful ones."""
    if policy == "keep":
        return tuple(segments)
    marked = [replace(segment, evidence=evidence(segment, speech)) for segment in segments]
    return tuple(segment for segment in marked if policy != "drop" or not segment.evidence)


def mean_logprob(segments: Sequence[Segment]) -> float | None:
    """Mean natural log-probability of the segments, weighted by their seconds; None without segments."""
    plain = [segment.plain() for segment in segments]
    seconds = sum(segment.duration for segment in plain)
    return sum(segment.avg_logprob * segment.duration for segment in plain) / seconds if seconds else None


def doubted(segments: Sequence[Segment], min_logprob: float) -> bool:
    """Whether the mean log-probability is below `trust`, or some segments have evidence."""
    mean = mean_logprob(segments)
    return mean is not None and (mean < min_logprob or any(segment.evidence for segment in segments))


def evidence(segment: Segment, speech: SpeechRegions) -> tuple[str, ...]:
    """What speaks against a segment: `repetition`, `low_logprob`, `no_speech`, `too_fast`; empty when nothing does.

    Args:
        segment: as decoded. Its words change nothing.
        speech: empty when no detector ran, then silence is no evidence.
    """
    segment = segment.plain()
    found = {
        "repetition": segment.compression_ratio > MAX_COMPRESSION_RATIO or loops(segment.text),
        "low_logprob": segment.avg_logprob < MIN_AVG_LOGPROB,
        "no_speech": segment.no_speech_prob > MAX_NO_SPEECH_PROB or _in_silence(segment, speech),
        "too_fast": _too_fast(segment),
    }
    return tuple(name for name, holds in found.items() if holds)


def loops(text: str) -> bool:
    """Whether a run of words comes LOOP_TIMES times in a row; single digits and letters may (telephone numbers)."""
    words = text.lower().split()
    for size in range(1, LOOP_WORDS + 1):
        for start in range(len(words) - size * LOOP_TIMES + 1):
            run = words[start : start + size]
            if words[start : start + size * LOOP_TIMES] == run * LOOP_TIMES and any(len(word) > 1 for word in run):
                return True
    return False


def _in_silence(segment: Segment, speech: SpeechRegions) -> bool:
    if not speech or segment.duration <= 0:
        return False
    heard = sum(max(0.0, min(segment.end, end) - max(segment.start, start)) for start, end in speech)
    return heard < MIN_SPEECH_SHARE * segment.duration


def _too_fast(segment: Segment) -> bool:
    return len(segment.text.strip()) > MAX_CHARACTERS_PER_SECOND * max(segment.duration, 0.1)
