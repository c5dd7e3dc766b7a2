"""What a decoder proposes for a window, and whether it is accepted.

The rules and thresholds are those of section 4.5 of the Whisper paper (Radford et al. 2022): text that repeats itself
or is improbable is decoded again at a higher temperature. Improbable text is silence where the model also finds no
speech.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

MAX_COMPRESSION_RATIO = 2.4
MIN_AVG_LOGPROB = -1.0
MAX_NO_SPEECH_PROB = 0.6
MAX_REPEATS = 8
"""A phrase that comes more often than this in a row is a loop of the decoder, not speech."""
MIN_ECHO_WORDS = 6
"""A text of this many words or more that is in the prompt probably comes from there and not from the audio."""
MIN_AGREEMENT = 0.6
"""Share of words that two hypotheses of the same audio have in common at least."""
MIN_SHORT_LOGPROB = -0.5
"""Mean log-probability below which the text of a short context is not trusted: of 57 clips that whisper-base decoded
with 2 s of margin, 10 were below it, and 4 of those had other words than with 30 s, of the others 3."""
MAX_CHARACTERS_PER_SECOND = 30.0
"""Of speech. Fast English has 20."""
MIN_CHARACTERS_PER_SECOND = 2.0
"""Of speech. Slow Chinese has 3."""
CHARACTERS_BESIDE = 20
"""More characters that any window may have: the detector hears less speech than there is."""
MIN_SPOKEN = 1.0
"""Seconds of speech from which text is expected."""
MIN_STUTTER = 2
"""Words that count as a phrase."""
MAX_NGRAM = 12
"""Tokens of the longest phrase that counts as a loop."""


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One window's text at one temperature, with the evidence for it."""

    tokens: tuple[int, ...]
    """Text and timestamp tokens."""
    text: str
    temperature: float
    avg_logprob: float
    """Mean natural log-probability of its tokens, the end token included."""
    no_speech_prob: float
    complete: bool = True
    """The model ended the text by itself; False where the token limit did."""
    loops: bool = False
    """A phrase came more than MAX_REPEATS times in a row, and the text was cut there."""
    doubt: str = ""
    """Why the text of a short context is not to be used; see the function of this name."""

    @property
    def compression_ratio(self) -> float:
        """Of the text in UTF-8, as Whisper reports it."""
        return _compression_ratio(self.text.encode())

    @property
    def silent(self) -> bool:
        return self.no_speech_prob > MAX_NO_SPEECH_PROB and self.avg_logprob < MIN_AVG_LOGPROB

    @property
    def acceptable(self) -> bool:
        return (self.avg_logprob >= MIN_AVG_LOGPROB and not repetitive(self.text)) or self.silent

    @property
    def rank(self) -> tuple[bool, float]:
        return not repetitive(self.text), self.avg_logprob


def doubt(found: Hypothesis, begins: float, duration: float, spoken: float, sure: float = MIN_SHORT_LOGPROB) -> str:
    """What speaks against the text of a context shorter than Whisper was trained on; "" where nothing does.

    Args:
        found: the hypothesis.
        begins: when its last stretch of text begins, in seconds. Its end is rough and often lies in the silence.
        duration: seconds of the window.
        spoken: seconds of speech in it.
        sure: mean log-probability below which it is improbable.
    """
    words = found.text.lower().split()
    signs = {
        "improbable": found.avg_logprob < sure,
        "repetitive": found.loops or repetitive(found.text) or _stutters(words) or _stutters(words[::-1]),
        "endless": not found.complete,
        "late": begins > duration,
        "long": len(found.text) > CHARACTERS_BESIDE + spoken * MAX_CHARACTERS_PER_SECOND,
        "short": spoken >= MIN_SPOKEN and len(found.text) < spoken * MIN_CHARACTERS_PER_SECOND,
    }
    return next((sign for sign, seen in signs.items() if seen), "")


def _stutters(words: Sequence[str]) -> bool:
    """Whether a text begins with the same phrase twice; of its words in reverse, whether it ends with one twice."""
    longest = min(len(words) // 2, MAX_NGRAM)
    return any(words[:size] == words[size : 2 * size] for size in range(MIN_STUTTER, longest + 1))


def best(attempts: Sequence[Hypothesis]) -> Hypothesis:
    """The last attempt if it is accepted, else the most probable one that does not repeat itself."""
    return attempts[-1] if attempts[-1].acceptable else max(attempts, key=lambda attempt: attempt.rank)


def repetitive(text: str) -> bool:
    """Whether a text compresses better than speech does.

    UTF-8 writes Cyrillic, Greek or Arabic with two bytes a character, of which the first is always the same. Such text
    compresses by a quarter more than Latin text that repeats itself as much. So its ratio is computed with one byte a
    character.
    """
    if _compression_ratio(text.encode()) <= MAX_COMPRESSION_RATIO:
        return False
    alphabet = {character: code for code, character in enumerate(dict.fromkeys(text))}
    if text.isascii() or len(alphabet) > 256:
        return True
    return _compression_ratio(bytes(alphabet[character] for character in text)) > MAX_COMPRESSION_RATIO


def _compression_ratio(data: bytes) -> float:
    return len(data) / len(zlib.compress(data))


def loop_end(tokens: Sequence[int]) -> int | None:
    """Number of tokens up to the MAX_REPEATS-th repeat of a loop; None where there is no such loop.

    Args:
        tokens: of text only.
    """
    for size in range(1, MAX_NGRAM + 1):
        repeated = 0  # tokens in a row that equal the one `size` before
        for place in range(size, len(tokens)):
            repeated = repeated + 1 if tokens[place] == tokens[place - size] else 0
            if repeated > size * (MAX_REPEATS - 1):
                return place
    return None


def without_loop(tokens: Sequence[int], timestamp_begin: int) -> tuple[int, ...]:
    """The tokens up to the MAX_REPEATS-th repeat of a loop; all of them where there is none.

    Args:
        tokens: text and timestamp tokens; timestamps inside a loop do not interrupt it.
        timestamp_begin: ids from here on are timestamps.
    """
    places = [place for place, token in enumerate(tokens) if token < timestamp_begin]
    end = loop_end([tokens[place] for place in places])
    if end is None:
        return tuple(tokens)
    last = places[end - 1] + 1
    return tuple(tokens[: last + (tokens[last] >= timestamp_begin)])


def repeats_prompt(text: str, prompt: str) -> bool:
    """Whether a text is in the prompt word for word and is longer than a name or a term."""
    words, before = text.lower().split(), prompt.lower().split()
    if len(words) < MIN_ECHO_WORDS:
        return False
    starts = range(len(before) - len(words) + 1)
    return any(before[start : start + len(words)] == words for start in starts)


def similar(text: str, other: str) -> bool:
    """Whether two texts agree in most of their words."""
    return SequenceMatcher(None, text.lower().split(), other.lower().split(), autojunk=False).ratio() >= MIN_AGREEMENT
