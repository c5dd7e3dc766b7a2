"""Splits a segment's text into the pieces between which a subtitle may be cut, each with its time.

A piece is a word with its punctuation, or a sign of a script without spaces. Its time comes from the word times. A
piece without one gets its share of the time around it, by the number of characters.
"""

import bisect
import itertools
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from speechd.types import Segment

UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u9fff\uf900-\ufaff]"
)
"""Thai, Lao, Burmese, Khmer, Kana and Han, which are written without spaces."""
SYLLABIC = re.compile("[\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u9fff\uf900-\ufaff]")
"""Those of them that may be cut between any two characters."""
NO_LINE_START = "ーゝゞ々ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮ"
"""Signs that never begin a line (JIS X 4051), besides closing punctuation."""


@dataclass(frozen=True, slots=True)
class SubtitleToken:
    """What is never broken: a word, or a sign of a script without spaces."""

    text: str
    spaced: bool
    """A space comes before it."""
    start: float
    end: float


SubtitleLine = tuple[SubtitleToken, ...]


def text_of(pieces: Sequence[SubtitleToken]) -> str:
    """A run of pieces as it is written."""
    return "".join(" " * piece.spaced + piece.text for piece in pieces).strip()


def one_line(text: str) -> str:
    """A blank line would end a subtitle early, a line break a row."""
    return " ".join(text.split())


def subtitle_tokens_of(segment: Segment) -> tuple[list[SubtitleToken], bool]:
    """The pieces of a segment's text, and whether their times are known: rounded, as JSON answers show them."""
    text = one_line(segment.text)
    spans = _word_spans(text, segment)
    known = [(at, time) for first, last, start, end in spans for at, time in ((first, start), (last, end))]
    anchors = known or [(0, round(segment.start, 3)), (len(text), round(segment.end, 3))]
    cuts = sorted({0, len(text), *_cuts(text, [first for first, _, _, _ in spans])})
    pieces = [
        SubtitleToken(piece, text[first] == " ", _time_after(anchors, last - len(piece)), _time_before(anchors, last))
        for first, last in itertools.pairwise(cuts)
        for piece in (text[first:last].strip(),)
    ]
    return pieces, bool(known)


def _word_spans(text: str, segment: Segment) -> list[tuple[int, int, float, float]]:
    """The position and time of each timed word in the text. Words that are not found are left out."""
    spans, position = [], 0
    for word in segment.words:
        said = one_line(word.word)
        at = text.find(said, position) if said else -1
        if at >= 0:
            position = at + len(said)
            spans.append((at, position, round(word.start, 3), round(word.end, 3)))
    return spans


def _cuts(text: str, word_starts: Sequence[int]) -> Iterator[int]:
    """Where the text may be cut: at spaces, which stay with what follows, and between words of unspaced scripts."""
    words = set(word_starts)
    for at in range(1, len(text)):
        before, after = text[at - 1], text[at]
        if after == " ":
            yield at
        elif before == " " or _sticks(before, after):
            continue
        elif words:
            if at in words and (UNSPACED.match(before) or UNSPACED.match(after)):
                yield at
        elif SYLLABIC.match(before) or SYLLABIC.match(after):
            yield at


def _sticks(before: str, after: str) -> bool:
    """No line ends with an opening mark or begins with a closing one."""
    opens, closes = unicodedata.category(before), unicodedata.category(after)
    return opens in ("Ps", "Pi") or closes in ("Pe", "Pf", "Po", "Mn", "Mc") or after in NO_LINE_START


Anchors = Sequence[tuple[int, float]]
"""Places in a text and the seconds at which they are said, both rising; two times at one place: an end and a start."""


def _time_after(anchors: Anchors, at: int) -> float:
    """The start of what follows a position."""
    index = bisect.bisect_right(anchors, at, key=lambda anchor: anchor[0])
    return _between(anchors, index, at)


def _time_before(anchors: Anchors, at: int) -> float:
    """The end of what precedes a position."""
    index = bisect.bisect_left(anchors, at, key=lambda anchor: anchor[0])
    return anchors[index][1] if index < len(anchors) and anchors[index][0] == at else _between(anchors, index, at)


def _between(anchors: Anchors, index: int, at: int) -> float:
    """The time at a place between anchor `index` - 1 and `index`, in proportion; outside, the nearest one's."""
    if index == 0 or index == len(anchors):
        return anchors[min(index, len(anchors) - 1)][1]
    (left, since), (right, until) = anchors[index - 1], anchors[index]
    return since + (until - since) * (at - left) / (right - left)
