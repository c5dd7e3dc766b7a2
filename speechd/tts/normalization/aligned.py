"""Text that knows where each of its characters comes from, so that a spoken word can be found in the written text."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from re import Match

_CLUSTER = re.compile(r"[\s\S][\u0300-\u036f\u1ab0-\u1aff\u20d0-\u20ff\u3099\u309a\u1160-\u11ff]*")
"""A character and what is combined with it: the unit of Unicode's normal forms for the scripts that voices read."""


@dataclass(frozen=True, slots=True)
class AlignedText:
    """A text, with the range of source characters that each of its characters stands for."""

    text: str
    starts: Sequence[int]
    """First source character, one for each character of `text`."""
    ends: Sequence[int]
    """One past the last source character, one for each character of `text`."""

    @classmethod
    def of(cls, text: str) -> "AlignedText":
        """A source text: each character stands for itself."""
        return cls(text, range(len(text)), range(1, len(text) + 1))

    @classmethod
    def joined(cls, parts: Iterable["AlignedText"]) -> "AlignedText":
        """The parts one after the other."""
        found = list(parts)
        if len(found) == 1:
            return found[0]
        starts = [start for part in found for start in part.starts]
        return cls("".join(part.text for part in found), starts, [end for part in found for end in part.ends])

    def __len__(self) -> int:
        return len(self.text)

    def part(self, start: int, end: int) -> "AlignedText":
        """The characters from `start` to `end`."""
        return AlignedText(self.text[start:end], self.starts[start:end], self.ends[start:end])

    def stripped(self) -> "AlignedText":
        """Without blanks at both ends."""
        start = len(self.text) - len(self.text.lstrip())
        return self.part(start, max(start, len(self.text.rstrip())))

    def sub(self, pattern: re.Pattern[str], replace: Callable[[Match[str]], str]) -> "AlignedText":
        """As `pattern.sub(replace, text)`. What replaces a match stands for all of it, but for the words that the two
        begin or end with alike."""
        matches = pattern.finditer(self.text)
        first = next(matches, None)
        if first is None:
            return self
        out = _Builder(self)
        out.replace(first.start(), first.end(), replace(first))
        for match in matches:
            out.replace(match.start(), match.end(), replace(match))
        return out.finish()

    def translate(self, table: Mapping[int, str | None]) -> "AlignedText":
        """As `str.translate`, for a table of strings."""
        if not any(ord(char) in table for char in set(self.text)):
            return self
        return self._mapped((char, table.get(ord(char), char) or "") for char in self.text)

    def map(self, function: Callable[[str], str]) -> "AlignedText":
        """Each character replaced by what the function makes of it."""
        changed = {char: function(char) for char in set(self.text)}
        if all(char == new for char, new in changed.items()):
            return self
        return self._mapped((char, changed[char]) for char in self.text)

    def normalised(self) -> "AlignedText":
        """In Unicode's compatibility form (NFKC)."""
        if unicodedata.is_normalized("NFKC", self.text):
            return self
        clusters = (match[0] for match in _CLUSTER.finditer(self.text))
        return self._mapped((cluster, unicodedata.normalize("NFKC", cluster)) for cluster in clusters)

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The source range of the characters from `start` to `end`, which are at least one."""
        return min(self.starts[start:end]), max(self.ends[start:end])

    def _mapped(self, pairs: Iterator[tuple[str, str]]) -> "AlignedText":
        out, at = _Builder(self), 0
        for old, new in pairs:
            if old != new:
                out.replace(at, at + len(old), new)
            at += len(old)
        return out.finish()


class _Builder:
    """Puts a text together from the kept and the replaced parts of another."""

    def __init__(self, source: AlignedText) -> None:
        self._source = source
        self._texts: list[str] = []
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._at = 0

    def replace(self, start: int, end: int, new: str) -> None:
        """Everything up to `start` is kept; the characters to `end` become `new`."""
        old = self._source.text[start:end]
        head = _equal_words(old, new)
        tail = _equal_words(old[head:][::-1], new[head:][::-1])
        self._keep(start + head)
        middle = new[head : len(new) - tail]
        if middle:
            first, last = self._range(start + head, end - tail)
            self._texts.append(middle)
            self._starts += [first] * len(middle)
            self._ends += [last] * len(middle)
        self._at = end - tail

    def finish(self) -> AlignedText:
        self._keep(len(self._source.text))
        return AlignedText("".join(self._texts), self._starts, self._ends)

    def _keep(self, end: int) -> None:
        self._texts.append(self._source.text[self._at : end])
        self._starts += self._source.starts[self._at : end]
        self._ends += self._source.ends[self._at : end]
        self._at = end

    def _range(self, start: int, end: int) -> tuple[int, int]:
        """The source range of what is replaced; an empty one is between its neighbours."""
        if end > start:
            return self._source.span(start, end)
        at = self._source.starts[start] if start < len(self._source.text) else self._ends[-1] if self._ends else 0
        return at, at


def _equal_words(one: str, other: str) -> int:
    """Length of the beginning, up to and with a blank, that both have."""
    length = 0
    for at, (a, b) in enumerate(zip(one, other, strict=False), start=1):
        if a != b:
            break
        length = at if a == " " else length
    return length
