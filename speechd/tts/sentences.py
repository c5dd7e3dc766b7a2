"""Where a text may be cut: into blocks, sentences, and parts of sentences where a reader would breathe."""

import re
from collections.abc import Callable, Iterator

from speechd.tts.engine import PHONEMES
from speechd.tts.normalization.aligned import AlignedText

MAX_PIECE = 300
"""Characters."""
TEXT_BLOCK = 2000
"""Characters that are cleaned together, so that the first sentence of a long text does not wait for the last."""
LONG_START = 60
"""Characters from which on the first sentence is spoken in parts, so that its first is heard sooner."""
MIN_START = 20
"""Characters of the first part at least: about 1.3 s, in which the next one is made."""
GROWTH = 4
"""A later part of the first sentence is at most so many times longer than the one before. A voice with a
real-time factor of up to 1/4 is ready with it when the one before has been heard."""

Range = tuple[int, int]

# A run of signs is matched once, without backtracking: else a text of only dots takes minutes.
_SENTENCE_END = re.compile(r"(?<![.!?])[.!?]++['\")\]]{0,3}(?=\s)|\n\s*")
_CLAUSE_END = re.compile(r"[,;:](?=\s)")
_CONJUNCTION = re.compile(r"\s(?=(?:and|but|or|because|which|that|who|when|while|if|so|then|with|for|in|on|at|to)\s)")


def blocks(text: str) -> Iterator[Range]:
    """Stretches of about 2000 characters, cut after a sentence or at least at a blank."""
    at = 0
    while at < len(text):
        end = at + TEXT_BLOCK
        if end < len(text):
            end = _last_end(_SENTENCE_END, text, at + TEXT_BLOCK // 2, end) or _last_blank(text, at, end)
        yield at, min(end, len(text))
        at = end


def sentences(text: str) -> Iterator[Range]:
    """The sentences of a text; the last one may be empty."""
    at = 0
    for match in _SENTENCE_END.finditer(text):
        yield at, match.end()
        at = match.end()
    yield at, len(text)


def parts(sentence: AlignedText, first: bool = False) -> Iterator[AlignedText]:
    """A sentence in parts of at most 300 characters.

    Args:
        sentence: without blanks at its ends.
        first: it is the first of a text: a long one is cut at its first clause, and then in growing parts.
    """
    at, limit = 0, MAX_PIECE
    if first and len(sentence) > LONG_START and (end := _first_clause(sentence)):
        yield sentence.part(0, end).stripped()
        at, limit = end, min(MAX_PIECE, GROWTH * end)
    while len(sentence) - at > limit:
        end = _breath(sentence, at, at + limit, at_clause=limit < MAX_PIECE)
        if end is None:
            limit = MAX_PIECE
            continue
        yield sentence.part(at, end).stripped()
        at, limit = end, min(MAX_PIECE, GROWTH * (end - at))
    if at < len(sentence):
        yield sentence.part(at, len(sentence)).stripped()


def _first_clause(sentence: AlignedText) -> int | None:
    """The end of the first clause that is worth to be spoken alone, with as much to follow."""
    for match in _CLAUSE_END.finditer(sentence.text, MIN_START, len(sentence) - MIN_START):
        if _is_between_words(sentence, match.end()):
            return match.end()
    return None


def _breath(sentence: AlignedText, start: int, end: int, at_clause: bool) -> int | None:
    """Where to cut a sentence, of which `start` to `end` is as much as may be spoken at once; None where it has no
    clause there and needs one."""
    text, half = sentence.text, (start + end) // 2
    cut = _last_end(_CLAUSE_END, text, half, end, lambda at: _is_between_words(sentence, at))
    if at_clause:
        return cut
    cut = (
        cut
        or _last_end(_CLAUSE_END, text, half, end)
        or _last_end(_CONJUNCTION, text, half, end)
        or _last_blank(text, start, end)
    )
    return _outside_phonemes(text, start, cut)


def _is_between_words(text: AlignedText, end: int) -> bool:
    """A cut there is none through something that was written as one and is read as several words."""
    return end + 1 >= len(text) or text.ends[end - 1] <= text.starts[end + 1]


def _last_end(
    pattern: re.Pattern[str], text: str, start: int, end: int, allowed: Callable[[int], bool] = lambda _: True
) -> int | None:
    found = None
    for match in pattern.finditer(text, start, end):
        found = match.end() if allowed(match.end()) else found
    return found


def _last_blank(text: str, start: int, end: int) -> int:
    """One past the last blank, or `end` inside a word that never ends."""
    return max(text.rfind(" ", start + 1, end), text.rfind("\n", start + 1, end)) + 1 or end


def _outside_phonemes(text: str, start: int, end: int) -> int:
    opened = text.rfind(PHONEMES[0], start, end)
    return opened if opened > start and text.find(PHONEMES[1], opened, end) < 0 else end
