"""Sentences of a text that comes in pieces, as from a language model: each is known as soon as it is complete."""

import re

from speechd.tts.normalization.english_rules.words import ABBREVIATIONS
from speechd.tts.sentences import TEXT_BLOCK

_END = re.compile(r"(?<![.!?])(?P<mark>[.!?]++)['\")\]]{0,3}(?=\s)|\n|[。！？]++")
"""What may end a sentence. The blank after a mark must have come: `3.` may become `3.5`."""
_INITIAL_OR_NUMBER = re.compile(r"(?:^|\W)(?:[^\W\d_]|\d{1,2})$")
"""`J.` and `3.` go on: initials, ordinals, numbers of a list."""
LONGEST_ABBREVIATION = max(map(len, ABBREVIATIONS))


class SentenceBuffer:
    """The text that has come and is not handed on yet. It never holds more than a block and the newest piece."""

    def __init__(self) -> None:
        self._text = ""

    def append(self, text: str) -> str:
        """The sentences that are complete with this piece, "" where none is."""
        self._text += text
        return self._take(_last_end(self._text) or _forced_end(self._text))

    def flush(self) -> str:
        """All that is left."""
        return self._take(len(self._text))

    def _take(self, end: int) -> str:
        taken, self._text = self._text[:end], self._text[end:]
        return taken if taken.strip() else ""


def _last_end(text: str) -> int:
    """One past the last complete sentence; 0 where there is none."""
    ends = (match.end() for match in _END.finditer(text) if _ends_sentence(text, match))
    return max(ends, default=0)


def _ends_sentence(text: str, match: re.Match[str]) -> bool:
    """Whether it is more than the dot of an abbreviation, and no pause within a sentence."""
    mark = match["mark"]
    if mark is None or "!" in mark or "?" in mark:
        return True
    if len(mark) > 1:  # "Well... that is so"
        following = text[match.end() :].lstrip()[:1]
        return bool(following) and not following.islower()
    before = text[max(0, match.start() - LONGEST_ABBREVIATION) : match.start()]
    word = f"{before.split()[-1]}." if before.split() else ""
    return word.lstrip("(\"'[") not in ABBREVIATIONS and not _INITIAL_OR_NUMBER.search(before)


def _forced_end(text: str) -> int:
    """Where a text without any end of a sentence is cut, so that what is held stays bounded."""
    if len(text) <= TEXT_BLOCK:
        return 0
    return text.rfind(" ") + 1 or len(text)
