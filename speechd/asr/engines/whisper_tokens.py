"""From CTranslate2's results to our dataclasses: tokens to text, segments, words and log-probabilities."""

import functools
import math
from collections.abc import Sequence
from typing import Any

from faster_whisper.tokenizer import Tokenizer

from speechd.asr.engine import Decoded, Job
from speechd.asr.engines.whisper_timestamps import (
    TimedWord,
    TimestampSpan,
    distribute,
    fit_segments,
    fit_words,
    heard_seconds,
    merge_punctuation,
    split_spans,
    time_words,
)
from speechd.asr.hypothesis import Hypothesis, without_loop
from speechd.types import Segment, TokenLogprob


def hypothesis_of(result: Any, temperature: float, tokenizer: Tokenizer, limit: int) -> Hypothesis:
    """A generation result as a hypothesis. One of `limit` tokens is incomplete."""
    generated = result.sequences_ids[0]
    # CTranslate2's score is the mean over the tokens; Whisper's mean counts the end token too.
    total = result.scores[0] * len(generated)
    tokens = without_loop(generated, tokenizer.timestamp_begin)
    return Hypothesis(
        tokens=tokens,
        text=tokenizer.decode(generated).strip(),
        temperature=temperature,
        avg_logprob=total / (len(generated) + 1),
        no_speech_prob=result.no_speech_prob,
        complete=len(generated) < limit,
        loops=len(tokens) < len(generated),
    )


def text_spans(job: Job, hypothesis: Hypothesis, tokenizer: Tokenizer) -> list[TimestampSpan]:
    """The spans of a hypothesis that have text; none where it is silence, or not to be used."""
    if hypothesis.silent or hypothesis.doubt:
        return []
    spans = split_spans(hypothesis.tokens, tokenizer.timestamp_begin, job.window.duration)
    return [span for span in spans if tokenizer.decode(list(span.tokens)).strip()]


def decoded_of(
    job: Job,
    hypothesis: Hypothesis,
    tokenizer: Tokenizer,
    spans: Sequence[TimestampSpan],
    alignment: Any,
    chances: dict[str, float],
) -> Decoded:
    """The result of a window: its segments, the seconds that they cover, and the text after that.

    Args:
        spans: see text_spans.
        alignment: of all the spans' tokens; None where neither words nor log-probabilities are asked for.
        chances: probability of each language.
    """
    duration = job.window.duration
    heard = heard_seconds(hypothesis.tokens, tokenizer.timestamp_begin, duration, complete=hypothesis.complete)
    kept = sum(span.start < heard for span in spans)
    segments = _segments(job, hypothesis, tokenizer, spans, alignment)
    return Decoded(
        segments=segments[:kept],
        tail=segments[kept:],
        heard=0.0 if hypothesis.doubt else duration if hypothesis.silent else heard,
        language=likeliest(chances),
        language_probabilities=chances,
        doubt=hypothesis.doubt,
    )


def likeliest(chances: dict[str, float]) -> str:
    """The most probable language."""
    return max(chances, key=lambda code: chances[code])


def _segments(
    job: Job, hypothesis: Hypothesis, tokenizer: Tokenizer, spans: Sequence[TimestampSpan], alignment: Any
) -> tuple[Segment, ...]:
    """A segment for each span, in order, with the words and log-probabilities that the job asks for."""
    words = _words(tokenizer, spans, alignment, job) if job.options.word_timestamps and spans else []
    shares = distribute(words, spans)
    logprobs = _logprobs(tokenizer, spans, alignment) if job.options.logprobs and spans else [()] * len(spans)
    segments = [
        Segment(
            start=span.start,
            end=span.end,
            text=tokenizer.decode(list(span.tokens)),
            tokens=span.timed_tokens,
            temperature=hypothesis.temperature,
            avg_logprob=hypothesis.avg_logprob,
            compression_ratio=hypothesis.compression_ratio,
            no_speech_prob=hypothesis.no_speech_prob,
            words=share,
            logprobs=scores,
        )
        for span, share, scores in zip(spans, shares, logprobs, strict=True)
    ]
    return tuple(fit_segments(segments, job.window.speech))


def _words(tokenizer: Tokenizer, spans: Sequence[TimestampSpan], alignment: Any, job: Job) -> list[TimedWord]:
    tokens = [token for span in spans for token in span.tokens]
    words, pieces = tokenizer.split_to_word_tokens(tokens)
    timed = time_words(words, [len(piece) for piece in pieces], alignment.alignments, alignment.text_token_probs)
    return fit_words(merge_punctuation(timed), job.window.speech)


def _logprobs(tokenizer: Tokenizer, spans: Sequence[TimestampSpan], alignment: Any) -> list[tuple[TokenLogprob, ...]]:
    scores = iter(alignment.text_token_probs)
    return [tuple(_logprob(tokenizer, token, next(scores)) for token in span.tokens) for span in spans]


def _logprob(tokenizer: Tokenizer, token: int, probability: float) -> TokenLogprob:
    data = token_bytes(tokenizer.tokenizer.id_to_token(token))
    return TokenLogprob(data.decode(errors="replace"), math.log(max(probability, 1e-10)), tuple(data))


def token_bytes(token: str) -> bytes:
    """The bytes that a token of a byte-level vocabulary stands for; they may be a part of a character."""
    letters = _byte_letters()
    return bytes(letters[letter] for letter in token) if all(letter in letters for letter in token) else token.encode()


@functools.cache
def _byte_letters() -> dict[str, int]:
    """GPT-2's alphabet of bytes: printable ones stand for themselves, the others for U+0100 and onwards in order."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    rest = [byte for byte in range(0x100) if byte not in plain]
    return {chr(byte): byte for byte in plain} | {chr(0x100 + index): byte for index, byte in enumerate(rest)}
