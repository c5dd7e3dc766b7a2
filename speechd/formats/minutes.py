"""A transcript as minutes of a meeting: Markdown for people to read, in turns of speakers with their times."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from speechd.formats.clock import milliseconds, minutes_clock
from speechd.formats.subtitle_tokens import one_line
from speechd.types import Segment, Transcript, joined_text

PARAGRAPH_PAUSE = 2.0
"""Seconds of silence inside a turn that begin a paragraph."""
PARAGRAPH_SECONDS = 60.0
"""A longer paragraph ends with its next sentence, so that there is a time about once a minute."""
NO_SPEECH = "*Nobody speaks.*"

_SENTENCE_END = re.compile(r"[.!?…。！？][\"'”’»)\]]*$")
_MARKUP = re.compile(r"[\\`*_\[\]<>|~&]")
_BLOCK_START = re.compile(r"^(\d{1,9})?([.)#+=-])")
"""What begins a heading, a list or a rule where it begins a line (CommonMark 0.31, 4 and 5)."""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Consecutive segments of one speaker."""

    speaker: str
    """As the reader is told; "" where nobody is told apart."""
    segments: tuple[Segment, ...]

    @property
    def start(self) -> float:
        return self.segments[0].start

    @property
    def text(self) -> str:
        return one_line(joined_text(self.segments))


def write_minutes(transcript: Transcript, name_of: Callable[[Segment], str]) -> str:
    """
    Args:
        transcript: in order of time.
        name_of: the speaker of a segment, as the reader is told; "" where nobody is told apart.
    """
    paragraphs = list(_paragraphs(transcript.segments, name_of))
    speakers = tuple(dict.fromkeys(each.speaker for each in paragraphs if each.speaker))
    lines = [_outline(transcript, speakers), *_turns(paragraphs)]
    return "\n\n".join(lines) + "\n"


def _outline(transcript: Transcript, speakers: Sequence[str]) -> str:
    facts = [f"Length: {minutes_clock(round(round(transcript.duration, 2)))}"]
    if speakers:
        facts.append(f"Speakers: {', '.join(map(_escaped, speakers))}")
    return "  \n".join(facts)  # two spaces: a line break


def _turns(paragraphs: Sequence[Paragraph]) -> Iterator[str]:
    """The name of a speaker is written where a turn begins."""
    if not paragraphs:
        yield NO_SPEECH
    before = ""
    for each in paragraphs:
        clock = minutes_clock(milliseconds(each.start) // 1000)
        begins = each.speaker and each.speaker != before
        yield (f"**{_escaped(each.speaker)}** " if begins else "") + f"{clock}  \n{_escaped(each.text)}"
        before = each.speaker


def _paragraphs(segments: Iterable[Segment], name_of: Callable[[Segment], str]) -> Iterator[Paragraph]:
    waiting: list[Segment] = []
    for segment in segments:
        if not one_line(segment.text):
            continue
        if waiting and _begins(waiting, segment, name_of):
            yield Paragraph(name_of(waiting[0]), tuple(waiting))
            waiting = []
        waiting.append(segment)
    if waiting:
        yield Paragraph(name_of(waiting[0]), tuple(waiting))


def _begins(before: Sequence[Segment], segment: Segment, name_of: Callable[[Segment], str]) -> bool:
    """Whether a paragraph begins with a segment."""
    last = before[-1]
    if name_of(last) != name_of(segment) or _seconds_between(last.end, segment.start) >= PARAGRAPH_PAUSE:
        return True
    is_long = _seconds_between(before[0].start, last.end) >= PARAGRAPH_SECONDS
    return is_long and bool(_SENTENCE_END.search(last.text.strip()))


def _seconds_between(start: float, end: float) -> float:
    return (milliseconds(end) - milliseconds(start)) / 1000


def _escaped(text: str) -> str:
    """So that what was said is no markup."""
    literal = _MARKUP.sub(lambda sign: "\\" + sign[0], text)
    return _BLOCK_START.sub(lambda begin: (begin[1] or "") + "\\" + begin[2], literal)
