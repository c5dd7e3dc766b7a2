"""Captions of spoken words: grouped into lines, in the formats of transcripts."""

from collections.abc import Iterable
from dataclasses import replace

from speechd.formats.transcript import TRANSCRIPT_FORMATS, View
from speechd.types import Segment, Transcript, Word

CAPTION_FORMATS = {"json": "verbose_json", "srt": "srt", "vtt": "vtt"}
"""Formats of captions, each with the format of transcripts that it uses."""
MAX_LINE = 42
"""Characters: the width of a subtitle line (BBC subtitle guidelines: 37 to 42)."""
MAX_CUE = 5.0
"""Seconds."""


def captions(words: Iterable[Word], language: str, duration: float, voice: str) -> Transcript:
    """The spoken words as a transcript, with a segment for each line."""
    segments = tuple(
        Segment(line[0].start, line[-1].end, " " + " ".join(word.word for word in line), words=tuple(line))
        for line in _lines(words)
    )
    return Transcript("transcribe", language, duration, segments, voice)


def captions_of_words(said: Transcript, format: str, view: View | None = None) -> str:
    """Captions as a file's text, in one of CAPTION_FORMATS."""
    return TRANSCRIPT_FORMATS[CAPTION_FORMATS[format]].encode(said, replace(view or View(), words=True)).decode()


def _lines(words: Iterable[Word]) -> Iterable[list[Word]]:
    line: list[Word] = []
    for word in words:
        if line and _is_full([*line, word]):
            yield line
            line = []
        line.append(word)
        if (word.spoken or word.word).rstrip("'\"").endswith((".", "!", "?")):
            yield line
            line = []
    if line:
        yield line


def _is_full(line: list[Word]) -> bool:
    return len(" ".join(word.word for word in line)) > MAX_LINE or line[-1].end - line[0].start > MAX_CUE
