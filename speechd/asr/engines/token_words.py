"""Makes words and segments from tokens and the times at which they begin."""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, zip_longest

import numpy as np

from speechd.asr.engine import Job
from speechd.types import Segment, TokenLogprob, Word

MAX_TOKEN_SECONDS = 0.32
"""The longest that a token of a TDT model lasts: 4 encoder frames of 80 ms (Xu et al. 2023, "Efficient sequence
transduction by jointly predicting tokens and durations"; Parakeet's configuration)."""
WORD_PAUSE = 0.5
"""Seconds without a word that end a segment."""
SENTENCE_ENDS = (".", "?", "!", "…", "。", "？", "！")


@dataclass(frozen=True, slots=True)
class Token:
    """One token that was decoded."""

    text: str
    """A leading blank begins a word."""
    start: float
    """Seconds on the window's clock."""
    logprob: float
    """Natural logarithm of its probability."""


@dataclass(frozen=True, slots=True)
class Timed:
    """A word, and the tokens that it is made of."""

    word: Word
    tokens: tuple[Token, ...]


def segments_of(tokens: Sequence[Token], job: Job) -> tuple[Segment, ...]:
    """The segments of a window, in order, with the words and log-probabilities that the job asks for."""
    ratio = _compression_ratio("".join(token.text for token in tokens))
    return tuple(_segment(words, job, ratio) for words in cut(words_of(tokens, job.window.duration)))


def words_of(tokens: Sequence[Token], duration: float) -> list[Timed]:
    """Words with their times: each ends where the next begins, or as soon as its last token must have ended.

    The tokens of each word spell it with a leading blank.
    """
    groups: list[list[Token]] = []
    for token in tokens:
        text = token.text.strip()
        if not groups or (token.text.startswith(" ") and (not text or any(map(str.isalnum, text)))):
            groups.append([replace(token, text=f" {text}")])
        else:  # a lone mark joins the word before it
            groups[-1].append(replace(token, text=text))
    return list(_timed([group for group in groups if any(token.text.strip() for token in group)], duration))


def cut(words: Sequence[Timed]) -> Iterator[list[Timed]]:
    """Words by segment: a segment ends with a sentence, and before a pause."""
    if not words:
        return
    segment = [words[0]]
    for before, after in pairwise(words):
        ends = before.word.word.endswith(SENTENCE_ENDS) and not after.word.word[0].islower()
        if ends or after.word.start - before.word.end > WORD_PAUSE:
            yield segment
            segment = []
        segment.append(after)
    yield segment


def _segment(words: Sequence[Timed], job: Job, compression_ratio: float) -> Segment:
    """A segment of these words on the window's clock."""
    tokens = [token for timed in words for token in timed.tokens]
    return Segment(
        start=words[0].word.start,
        end=words[-1].word.end,
        text="".join(token.text for token in tokens),
        avg_logprob=sum(token.logprob for token in tokens) / len(tokens),
        compression_ratio=compression_ratio,
        words=tuple(timed.word for timed in words) if job.options.word_timestamps else (),
        logprobs=tuple(_logprob(token) for token in tokens) if job.options.logprobs else (),
    )


def _timed(groups: Sequence[Sequence[Token]], duration: float) -> Iterator[Timed]:
    for group, following in zip_longest(groups, groups[1:]):
        start = next(token.start for token in group if token.text.strip())
        last = group[-1].start + MAX_TOKEN_SECONDS
        end = min(last, following[0].start if following else duration, duration)
        probability = float(np.exp(np.mean([token.logprob for token in group])))
        text = "".join(token.text for token in group).strip()
        yield Timed(Word(text, start, max(end, start), probability), tuple(group))


def _logprob(token: Token) -> TokenLogprob:
    return TokenLogprob(token.text, token.logprob, tuple(token.text.encode()))


def _compression_ratio(text: str) -> float:
    """As speechd.asr.hypothesis.Hypothesis.compression_ratio."""
    data = text.encode()
    return len(data) / len(zlib.compress(data)) if data else 1.0
