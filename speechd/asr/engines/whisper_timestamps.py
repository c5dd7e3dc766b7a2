"""From decoded tokens to segments and words with times, without a model.

Whisper writes time as tokens of 0.02 s around each segment; word times come from a path through the cross-attention
between text tokens and audio (dynamic time warping), which CTranslate2's `align` computes. Both are rough near
silence, so the speech regions of the voice activity detector correct them.
"""

import bisect
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from speechd.types import Segment, Word

TOKEN_SECONDS = 0.02
"""Step of Whisper's timestamp tokens and of its encoder output (two mel frames of 10 ms)."""
PREPENDED = "\"'“¿([{-"
APPENDED = "\"'.。,，!！?？:：”)]}、"
"""Punctuation that belongs to the word after or before it, as in openai/whisper's `merge_punctuations`."""
LATE_END = 0.8
"""Seconds by which the end of a last word may be wrong. A longer rest is another word that was not decoded."""
JOINING = ("'", "’", "-")
"""What may stand inside a word."""


@dataclass(frozen=True, slots=True)
class TimestampSpan:
    """The tokens between two timestamps, in seconds on the window's clock."""

    start: float
    end: float
    tokens: tuple[int, ...]
    """Text tokens only."""
    timed_tokens: tuple[int, ...] = ()
    """The same with the timestamp tokens around them, as generated."""


def split_spans(tokens: Sequence[int], timestamp_begin: int, duration: float) -> list[TimestampSpan]:
    """Cuts a window's tokens at its timestamp tokens.

    Args:
        tokens: text and timestamp tokens as generated; ids from `timestamp_begin` on are times.
        timestamp_begin: id of `<|0.00|>`.
        duration: seconds of audio in the window; times beyond it, and a missing last time, become it.
    """
    spans: list[TimestampSpan] = []
    start, opening, text = 0.0, tuple[int, ...](), list[int]()
    for token in tokens:
        if token < timestamp_begin:
            text.append(token)
            continue
        time = min((token - timestamp_begin) * TOKEN_SECONDS, duration)
        if text:
            spans.append(TimestampSpan(start, max(time, start), tuple(text), (*opening, *text, token)))
            text = []
        start, opening = time, (token,)
    if text:
        spans.append(TimestampSpan(min(start, duration), duration, tuple(text), (*opening, *text)))
    return spans


def heard_seconds(tokens: Sequence[int], timestamp_begin: int, duration: float, *, complete: bool) -> float:
    """How much of a window its tokens cover, by the rules of seeking in openai/whisper and faster-whisper.

    | tokens | heard |
    |---|---|
    | end in one timestamp, or have no two timestamps side by side | the whole window |
    | have two timestamps side by side, and end in those or in text | up to the last such pair |
    | stopped by the token limit, no pair | up to the last timestamp; the whole window where that is 0 |

    Args:
        tokens: text and timestamp tokens as generated.
        timestamp_begin: id of `<|0.00|>`.
        duration: seconds of audio in the window.
        complete: the model ended the text by itself; False where the token limit did.

    Returns:
        Seconds on the window's clock, at most `duration`.
    """
    times = [token - timestamp_begin if token >= timestamp_begin else None for token in tokens]
    if complete and times and times[-1] is not None and (len(times) < 2 or times[-2] is None):
        return duration
    pairs = [one for one, following in pairwise(times) if one is not None and following is not None]
    known = pairs or ([] if complete else [time for time in times if time])
    return min(known[-1] * TOKEN_SECONDS, duration) if known else duration


def last_begin(tokens: Sequence[int], timestamp_begin: int) -> float:
    """Seconds at which the last stretch of text begins, by the tokens; 0 where there is no timestamp before text."""
    pairs = [(one, following) for one, following in pairwise(tokens) if one >= timestamp_begin > following]
    return max((one - timestamp_begin for one, _ in pairs), default=0) * TOKEN_SECONDS


@dataclass(frozen=True, slots=True)
class TimedWord:
    """A word of a window with the tokens that it is made of."""

    text: str
    """As decoded: with its leading space where there is one."""
    tokens: int
    """How many tokens it has."""
    start: float
    end: float
    probability: float


def time_words(
    words: Sequence[str],
    lengths: Sequence[int],
    path: Sequence[tuple[int, int]],
    probabilities: Sequence[float],
) -> list[TimedWord]:
    """Gives each word of a window its time.

    Args:
        words: the words, in order.
        lengths: number of tokens of each word; `path` has one row more than their sum (the end token).
        path: pairs (token row, encoder position of 0.02 s) along the alignment, both rising.
        probabilities: probability of each token.
    """
    onset: dict[int, float] = {}
    for row, position in path:
        onset.setdefault(row, position * TOKEN_SECONDS)
    if not onset:
        return []
    last = path[-1][1] * TOKEN_SECONDS
    timed, row = [], 0
    for word, length in zip(words, lengths, strict=True):
        scores = probabilities[row : row + length]
        start, end = onset.get(row, last), onset.get(row + length, last)
        timed.append(TimedWord(word, length, start, max(start, end), sum(scores) / max(1, len(scores))))
        row += length
    return timed


def merge_punctuation(words: Sequence[TimedWord]) -> list[TimedWord]:
    """Joins to a word what the tokenizer split from it.

    Punctuation does not change the word's time; what follows an apostrophe or hyphen (`o|'clock`) belongs to its time.
    """
    merged: list[TimedWord] = []
    opening = ("", 0)  # text and tokens of marks that belong to the word to come
    for word in words:
        mark = word.text.strip()
        if mark and mark in PREPENDED and word.text.startswith(" "):
            opening = (opening[0] + word.text, opening[1] + word.tokens)
        elif mark and mark in APPENDED and merged and not opening[0]:
            merged[-1] = _extended(merged[-1], word.text, word.tokens, merged[-1].end)
        elif word.text[:1] in JOINING and merged and not opening[0]:
            merged[-1] = _extended(merged[-1], word.text, word.tokens, word.end)
        else:
            merged.append(replace(word, text=opening[0] + word.text, tokens=opening[1] + word.tokens))
            opening = ("", 0)
    if opening[0] and merged:
        merged[-1] = _extended(merged[-1], *opening, merged[-1].end)
    return merged


def _extended(word: TimedWord, text: str, tokens: int, end: float) -> TimedWord:
    return replace(word, text=word.text + text, tokens=word.tokens + tokens, end=end)


SpeechSpans = Sequence[tuple[float, float]]
"""Where the detector heard speech: (start, end) in seconds on the window's clock, rising, apart."""


def fit_words(words: Sequence[TimedWord], speech: SpeechSpans) -> list[TimedWord]:
    """Moves the edges of words out of silence: a word belongs to the speech region with which it shares most time.

    The last word of a region ends with it: what is heard after the end that the attention gives it is still that word.
    """
    fitted = [_fit(word, speech) for word in words]
    for begin, end in speech:
        inside = [index for index, word in enumerate(fitted) if begin <= word.start < end]
        if inside and fitted[inside[-1]].end < end <= fitted[inside[-1]].end + LATE_END:
            fitted[inside[-1]] = replace(fitted[inside[-1]], end=end)
    return fitted


def _fit(word: TimedWord, speech: SpeechSpans) -> TimedWord:
    if not speech:
        return word

    def shared(region: tuple[float, float]) -> float:
        return min(word.end, region[1]) - max(word.start, region[0])

    region = max(speech, key=shared)
    if shared(region) <= 0:
        return word
    return replace(word, start=max(word.start, region[0]), end=min(word.end, region[1]))


def distribute(words: Sequence[TimedWord], spans: Sequence[TimestampSpan]) -> list[tuple[Word, ...]]:
    """Gives each span the words that its tokens form; a word across two spans belongs to the first."""
    shares: list[list[Word]] = [[] for _ in spans]
    ends, total = [], 0
    for span in spans:
        total += len(span.tokens)
        ends.append(total)
    position = 0
    for word in words:
        if word.text.strip() and spans:
            owner = min(bisect.bisect_right(ends, position), len(spans) - 1)
            shares[owner].append(Word(word.text.strip(), word.start, word.end, word.probability))
        position += word.tokens
    return [tuple(share) for share in shares]


def fit_segments(segments: Sequence[Segment], speech: SpeechSpans) -> list[Segment]:
    """Segments with their final times, in order. Where words move a segment, it knows its times without them too."""
    fitted = in_order([fit_segment(segment, speech) for segment in segments])
    if not any(segment.words for segment in segments):
        return fitted
    plain = in_order([fit_segment(segment.plain(), speech) for segment in segments])
    return [replace(one, plain_times=(other.start, other.end)) for one, other in zip(fitted, plain, strict=True)]


def fit_segment(segment: Segment, speech: SpeechSpans) -> Segment:
    """Sets a segment's edges to its words where it has them, else to the speech inside its time.

    A segment that would lie wholly in silence keeps its own time.
    """
    if segment.words:
        return replace(segment, start=segment.words[0].start, end=max(w.end for w in segment.words))
    inside = [(start, end) for start, end in speech if start < segment.end and end > segment.start]
    if not inside:
        return segment
    return replace(segment, start=max(segment.start, inside[0][0]), end=min(segment.end, inside[-1][1]))


def in_order(segments: Sequence[Segment]) -> list[Segment]:
    """Segments in rising order: each starts at the end of the previous one, or later.

    Each word has at least one step of the attention, or its share of a segment that is too short.
    """
    ordered: list[Segment] = []
    floor = 0.0
    for segment in segments:
        start = max(segment.start, floor)
        end = max(segment.end, start + TOKEN_SECONDS * bool(segment.words))
        words = _words_in_order(segment.words, start, end)
        ordered.append(replace(segment, start=start, end=end, words=words))
        floor = end
    return ordered


def _words_in_order(words: Sequence[Word], start: float, end: float) -> tuple[Word, ...]:
    least = min(TOKEN_SECONDS, (end - start) / max(1, len(words)))
    ordered, floor = [], start
    for number, word in enumerate(words):
        latest = end - least * (len(words) - number - 1)  # the words that follow keep their times
        first = min(max(word.start, floor), latest - least)
        floor = min(max(word.end, first + least), latest)
        ordered.append(replace(word, start=first, end=floor))
    return tuple(ordered)
