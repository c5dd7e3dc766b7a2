"""A transcript as subtitles: cut at pauses and clauses, shown when the words are said.

Without any wish each segment is one cue, as the hosted services give it. With one, segments are cut between words into
cues, and cues into lines, each time by the cheapest way to do it: few cues, ends at sentences and clauses, lines of
about equal length. Where an engine gives no word times, they are guessed from the length of the words. No library
serves: srt-equalizer knows no times of words and no languages without blanks, stable-ts needs PyTorch.
"""

import itertools
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from speechd.formats.clock import milliseconds
from speechd.formats.subtitle_tokens import SubtitleLine, SubtitleToken, one_line, subtitle_tokens_of, text_of
from speechd.types import Segment, Transcript

USUAL_WIDTH = 42
USUAL_LINES = 2
"""A line and a cue that most guidelines allow (BBC 37, Netflix 42 characters; two lines); used when only the other one
of the two is asked for."""
CUE_PAUSE = 1.0
"""Seconds of silence inside a segment over which no cue is shown, once cues are cut at all."""
BREATH = 0.3
"""Seconds of silence that make a good place to cut."""
SENTENCE_END = re.compile(r"[.!?…。！？][\"'”’»)\]]*$")
CLAUSE_END = re.compile(r"[,;:–—،、，；：][\"'”’»)\]]*$")


@dataclass(frozen=True, slots=True)
class Layout:
    """Layout options of subtitles; None changes nothing."""

    max_line_width: int | None = None
    """Characters."""
    max_lines: int | None = None
    """Of one cue."""
    max_cue_seconds: float | None = None
    min_gap: float = 0.0
    """Seconds without a subtitle between two cues."""
    karaoke: bool = False
    """A cue of WebVTT has a timestamp before each word."""

    @property
    def needs_words(self) -> bool:
        """Whether the layout uses word times."""
        return self.cuts or self.karaoke

    @property
    def cuts(self) -> bool:
        """Segments may become several cues."""
        return self.width is not None or self.max_cue_seconds is not None

    @property
    def width(self) -> int | None:
        """Characters of a line, None without bound."""
        return USUAL_WIDTH if self.max_line_width is None and self.max_lines else self.max_line_width

    @property
    def lines(self) -> int:
        return self.max_lines or (1 if self.width is None else USUAL_LINES)


@dataclass(frozen=True, slots=True)
class Cue:
    """One subtitle, shown from start to end, integer milliseconds."""

    start: int
    end: int
    lines: tuple[SubtitleLine, ...]
    channel: int = 0
    """As Segment.channel."""
    timed: bool = False
    """The times of its pieces are known, not estimated."""
    speaker: str = ""
    """As Segment.speaker."""

    @property
    def text(self) -> str:
        return "\n".join(text_of(line) for line in self.lines)


def cues(transcript: Transcript, layout: Layout | None = None) -> list[Cue]:
    """The segments with text as cues, in order of their starts.

    Cues of one channel never overlap and always last at least 1 ms: one that reaches into the next ends at the start
    of the next, so that starts are exact. Cues of different channels may overlap.
    """
    layout = layout or Layout()
    channels = sorted({segment.channel for segment in transcript.segments})
    made: list[Cue] = []
    for channel in channels:
        drafts = [
            draft
            for segment in transcript.segments
            if segment.channel == channel and one_line(segment.text)
            for draft in _drafts(segment, layout)
        ]
        made += _in_turn(drafts, layout)
    return sorted(made, key=lambda cue: cue.start)


@dataclass(frozen=True, slots=True)
class _Draft:
    """A cue before its end is adjusted to its neighbours."""

    start: float
    end: float
    lines: tuple[SubtitleLine, ...]
    of: Segment
    timed: bool


def _drafts(segment: Segment, layout: Layout) -> Iterator[_Draft]:
    pieces, timed = subtitle_tokens_of(segment)
    if not layout.cuts:
        yield _Draft(segment.start, segment.end, (tuple(pieces),), segment, timed)
        return
    for run in _runs(pieces, _cue_cost(pieces, layout)):
        yield _Draft(run[0].start, run[-1].end, _lines(run, layout.width), segment, timed)


def _in_turn(drafts: Sequence[_Draft], layout: Layout) -> Iterator[Cue]:
    """Drafts of one channel on the clock of milliseconds, one after the other."""
    starts = [milliseconds(draft.start) for draft in drafts]
    gap = round(layout.min_gap * 1000)
    longest = math.inf if layout.max_cue_seconds is None else int(layout.max_cue_seconds * 1000)
    clock = 0
    for index, draft in enumerate(drafts):
        start = max(starts[index], clock)
        following = starts[index + 1] if index + 1 < len(starts) else math.inf
        end = min(milliseconds(draft.end), start + longest, following)
        if end > following - gap:  # the gap is taken from this cue, but not more than half of its room
            end = max(following - gap, start + (following - start) // 2)
        clock = int(max(end, start + 1))
        yield Cue(start, clock, draft.lines, draft.of.channel, draft.timed, draft.of.speaker)


Cost = Callable[[int, int], float | None]
"""The cost of pieces first:last as one run; None: it is too long, and so is every longer run."""


def _runs(pieces: Sequence[SubtitleToken], cost: Cost) -> Iterator[SubtitleLine]:
    """The cheapest way to cut pieces into runs (dynamic programming over the cuts)."""
    cheapest, begun = [0.0] + [math.inf] * len(pieces), [0] * (len(pieces) + 1)
    for first in range(len(pieces)):
        for last in range(first + 1, len(pieces) + 1):
            price = cost(first, last)
            if price is None:
                break
            if cheapest[first] + price < cheapest[last]:
                cheapest[last], begun[last] = cheapest[first] + price, first
    cuts = [len(pieces)]
    while cuts[-1]:
        cuts.append(begun[cuts[-1]])
    for last, first in reversed(list(itertools.pairwise(cuts))):
        yield tuple(pieces[first:last])


def _cue_cost(pieces: Sequence[SubtitleToken], layout: Layout) -> Cost:
    """Cues: few, ended at sentences and clauses, about equally full."""
    longest = layout.max_cue_seconds or math.inf

    def cost(first: int, last: int) -> float | None:
        run = pieces[first:last]
        seconds = run[-1].end - run[0].start
        full = max(seconds / longest, len(text_of(run)) / (layout.width * layout.lines) if layout.width else 0.0)
        if len(run) > 1 and not (
            seconds <= longest
            and _lines_needed(run, layout.width) <= layout.lines
            and run[-1].start - run[-2].end < CUE_PAUSE
        ):
            return None
        return 1 + _cut_cost(pieces, last) + (1 - min(1.0, full)) ** 2 / 2

    return cost


def _lines(run: SubtitleLine, width: int | None) -> tuple[SubtitleLine, ...]:
    """Lines: as few as possible, then of about equal length, cut at clauses where that costs little."""
    if width is None:
        return (run,)
    limit = width

    def cost(first: int, last: int) -> float | None:
        length = len(text_of(run[first:last]))
        if length > limit and last - first > 1:
            return None
        return 100 + (length / limit) ** 2 + _cut_cost(run, last) / 8

    return tuple(_runs(run, cost))


def _lines_needed(run: Sequence[SubtitleToken], width: int | None) -> int:
    if width is None:
        return 1
    lines, length = 1, 0
    for piece in run:
        longer = length + len(piece.text) + (piece.spaced and length > 0)
        lines, length = (lines, longer) if longer <= width or not length else (lines + 1, len(piece.text))
    return lines


def _cut_cost(pieces: Sequence[SubtitleToken], at: int) -> float:
    """Penalty of a cut before piece `at`, from 0 to 1."""
    if at == len(pieces) or SENTENCE_END.search(pieces[at - 1].text):
        return 0.0
    if CLAUSE_END.search(pieces[at - 1].text) or pieces[at].start - pieces[at - 1].end >= BREATH:
        return 0.2
    return 1.0
