"""What an answer leaves out of a transcript: the spaces between segments, and which word is in which segment."""

import bisect
import re
from collections.abc import Iterator, Sequence

from speechd.formats.subtitle_tokens import UNSPACED
from speechd.types import Word

_BLANKS = re.compile(r"\s+")
_WIDE_MARK = re.compile("[\u3001-\u303f\uff01-\uff60]")
"""Punctuation of scripts without spaces."""


def joinable(texts: Sequence[str], whole: str | None) -> list[str]:
    """Texts of segments, with a leading space wherever one belongs between them.

    `verbose_json` has these spaces, `diarized_json` does not.

    Args:
        texts: of the segments, in order.
        whole: the text of all of them, where the caller gave it.
    """
    if any(text[:1].isspace() for text in texts[1:]) or (whole is not None and "".join(texts).strip() == whole.strip()):
        return list(texts)
    gaps = _gaps_of(texts, whole) if whole is not None else None
    return [gap + text for gap, text in zip(gaps or _gaps_by_script(texts), texts, strict=True)]


def shared_out(words: Sequence[Word], texts: Sequence[str], times: Sequence[tuple[float, float]]) -> list[list[Word]]:
    """The words of each segment: by their text, or by their time where the text was changed.

    Args:
        words: of all segments, in order.
        texts, times: of the segments; a time is (start, end) in seconds.
    """
    return _by_text(words, texts) or _by_time(words, times)


def _gaps_of(texts: Sequence[str], whole: str) -> list[str] | None:
    """What stands between the texts in the whole; None where that is more than blanks."""
    gaps, place = [], 0
    for text in texts:
        begins = place
        while begins < len(whole) and whole[begins].isspace():
            begins += 1
        if not whole.startswith(text, begins):
            return None
        gaps.append(" " if begins > place else "")
        place = begins + len(text)
    return None if whole[place:].strip() else gaps


def _gaps_by_script(texts: Sequence[str]) -> Iterator[str]:
    before = ""
    for text in texts:
        ends_unspaced = UNSPACED.match(before[-1:]) or _WIDE_MARK.match(before[-1:])
        unspaced = ends_unspaced and (UNSPACED.match(text) or _WIDE_MARK.match(text))
        yield "" if unspaced or not before or not text else " "
        before = text or before


def _by_text(words: Sequence[Word], texts: Sequence[str]) -> list[list[Word]] | None:
    """None where the words are not exactly the text of the segments."""
    shares: list[list[Word]] = []
    number = 0
    for text in texts:
        left, place = _BLANKS.sub("", text), 0
        share: list[Word] = []
        while place < len(left) and number < len(words):
            said = _BLANKS.sub("", words[number].word)
            if not left.startswith(said, place):
                return None
            share.append(words[number])
            place, number = place + len(said), number + 1
        shares.append(share)
    return shares if number == len(words) else None


def _by_time(words: Sequence[Word], times: Sequence[tuple[float, float]]) -> list[list[Word]]:
    """Each word in the last segment that has begun at its middle."""
    shares: list[list[Word]] = [[] for _ in times]
    order = sorted(range(len(times)), key=lambda number: times[number][0])
    starts = [times[number][0] for number in order]
    for word in words if times else ():
        place = bisect.bisect_right(starts, (word.start + word.end) / 2) - 1
        shares[order[max(0, place)]].append(word)
    return shares
