"""From spoken words back to the written ones: what a caption shows, and where it stands in the text."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from speechd.tts.engine import PHONEMES
from speechd.tts.normalization.aligned import AlignedText
from speechd.tts.normalization.markup import without_tags
from speechd.tts.normalization.typography import without_entities
from speechd.types import Word

MAX_WRITTEN = 100
"""Characters that one caption shows as they are written; for more, a block of code for instance, it shows what is
said."""
_LINK_TARGET = re.compile(r"\]\([^()\s]{0,2000}\)|!?\[(?=[^\[\]]{0,500}\]\()")
_MARKS = re.compile(
    r"^[ \t]*(?:#{1,6}|[-+*>])[ \t]+|^[ \t]*(?:```|~~~)[^\n]*|`+|~~"
    r"|(?<!\d)\*{1,3}(?=\S)|(?<=\S)\*{1,3}(?!\d)|(?<!\w)_+|_+(?!\w)|\|",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a piece comes from."""

    source: str
    """The whole text as it came."""
    spoken: AlignedText
    """The piece, aligned with the source."""
    start: int
    """First character of the source that no earlier piece shows."""
    end: int
    """Where the next piece begins in the source."""
    markup: bool = False
    """The source is HTML or SSML."""

    def shown(self, start: int, end: int) -> str:
        """A range of the source as a reader sees it: without markup."""
        text = self.source[start:end]
        if self.markup:
            text = without_tags(text)
        text = without_entities(text)
        return _MARKS.sub("", _LINK_TARGET.sub("", text))


@dataclass(slots=True)
class _Token:
    """What is written in one, with all words that are said for it."""

    words: list[Word]
    start: int
    end: int


def words_as_written(words: Iterable[Word], origin: Origin) -> tuple[Word, ...]:
    """Spoken words -> written words, each with what is said for it, its time, and its place in the source.

    What is not spoken, an emoji or a quotation mark for instance, stays with the word beside it.

    Args:
        words: what the engine says, with times.
        origin: of the piece that it says.
    """
    tokens = _tokens(words, origin)
    shown = [_shown(token, origin) for token in tokens]
    at = origin.start
    for number, token in enumerate(tokens):
        before, after = _divided(origin.shown(at, max(at, token.start)), first=number == 0)
        if number:
            shown[number - 1] += before
        shown[number] = after + shown[number]
        at = max(at, token.end)
    if tokens:
        rest = " ".join(origin.shown(at, max(at, origin.end)).split())
        shown[-1] += rest if origin.source[at : at + 1].strip() else f" {rest}" if rest else ""
    return tuple(_word(token, text) for token, text in zip(tokens, shown, strict=True))


def _tokens(words: Iterable[Word], origin: Origin) -> list[_Token]:
    tokens: list[_Token] = []
    for word, start, end in _located(words, origin.spoken):
        last = tokens[-1] if tokens else None
        if last is None or (start >= last.end and _is_apart(origin, last.end, start)):
            tokens.append(_Token([word], start, end))
        else:
            last.words.append(word)
            last.start, last.end = min(last.start, start), max(last.end, end)
    return tokens


def _is_apart(origin: Origin, start: int, end: int) -> bool:
    return any(map(str.isspace, origin.shown(start, end)))


def _located(words: Iterable[Word], spoken: AlignedText) -> Iterator[tuple[Word, int, int]]:
    """Each word with its range of the source. Engines keep a sentence's characters, but for blanks and brackets."""
    places = [at for at, char in enumerate(spoken.text) if not char.isspace() and char not in "".join(PHONEMES)]
    bare = "".join(spoken.text[at] for at in places)
    at = 0
    for word in words:
        found = bare.find(word.word, at)
        if found >= 0 and word.word:
            at = found + len(word.word)
            yield word, *spoken.span(places[found], places[at - 1] + 1)
        elif at < len(places):
            yield word, *spoken.span(places[at], places[at] + 1)


def _shown(token: _Token, origin: Origin) -> str:
    text = " ".join(origin.shown(token.start, token.end).split())
    if not text or len(text) > MAX_WRITTEN or "\n" in origin.source[token.start : token.end].strip():
        return " ".join(word.word for word in token.words)
    return text


def _divided(gap: str, first: bool) -> tuple[str, str]:
    """What is written between two words: what stays with the word before, and what with the word after."""
    runs = gap.split()
    if not runs:
        return "", ""
    after = "" if gap[-1:].isspace() else runs.pop()
    before = "" if not runs or gap[0].isspace() else runs.pop(0)
    between = " ".join(runs)
    if first:
        return "", " ".join(filter(None, (before, between, after))) + ("" if after else " ")
    return before + (f" {between}" if between else ""), after


def _word(token: _Token, text: str) -> Word:
    spoken = " ".join(word.word for word in token.words)
    first, last = token.words[0], token.words[-1]
    return replace(first, word=text, end=last.end, spoken=spoken, start_char=token.start, end_char=token.end)
