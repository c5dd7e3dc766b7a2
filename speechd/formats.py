"""A Transcript in every shape it leaves the house: pure functions and the table FORMATS, for API, CLI and batches.

A new format is a function and a row. Times are seconds, rounded to milliseconds as the hosted services do.
"""

import json
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from speechd.dialects import OPENAI, Dialect
from speechd.languages import english_name
from speechd.types import Segment, TokenLogprob, Transcript, Word

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class View:
    """What of a transcript a caller wants to see, and in whose words."""

    dialect: Dialect = OPENAI
    request_id: str = ""
    segments: bool = True
    """verbose_json lists segments."""
    words: bool = False
    """verbose_json lists words."""
    logprobs: bool = False
    """json and verbose_json list token log-probabilities."""
    evidence: bool = False
    """Each segment of verbose_json says what speaks against it."""


@dataclass(frozen=True, slots=True)
class Format:
    """One shape of answer."""

    name: str
    suffix: str
    """File name suffix, with the dot."""
    media_type: str
    render: Callable[[Transcript, View], JsonObject | str]
    """An object for the JSON formats, text for the others."""

    def encode(self, transcript: Transcript, view: View | None = None) -> bytes:
        """The bytes of a reply's body or of a file, UTF-8."""
        rendered = self.render(transcript, view or View())
        return (rendered if isinstance(rendered, str) else json.dumps(rendered, ensure_ascii=False)).encode()


def to_json(transcript: Transcript, view: View) -> JsonObject:
    answer: JsonObject = {"text": transcript.text}
    if view.logprobs:
        answer["logprobs"] = logprob_list(transcript.logprobs)
    return answer | signature(transcript, view)


def to_verbose_json(transcript: Transcript, view: View) -> JsonObject:
    answer: JsonObject = {
        "task": transcript.task,
        "language": language_name(transcript, view.dialect),
        "duration": round(transcript.duration, 2),
        "text": transcript.text,
    }
    if view.words:
        answer["words"] = [_word(word) for word in transcript.words]
    if view.segments:
        answer["segments"] = [_segment(number, segment, view) for number, segment in enumerate(transcript.segments)]
    if view.logprobs:
        answer["logprobs"] = logprob_list(transcript.logprobs)
    return answer | signature(transcript, view)


def to_text(transcript: Transcript, view: View) -> str:
    return transcript.text


def to_txt(transcript: Transcript, view: View) -> str:
    """One segment per line, for files."""
    return "".join(f"{_one_line(segment.text)}\n" for segment in transcript.segments)


def to_srt(transcript: Transcript, view: View) -> str:
    return "".join(
        f"{number}\n{_clock(cue.start, ',')} --> {_clock(cue.end, ',')}\n{cue.text.replace('-->', '->')}\n\n"
        for number, cue in enumerate(cues(transcript), start=1)
    )


def to_vtt(transcript: Transcript, view: View) -> str:
    """WebVTT (W3C): `&`, `<` and `>` are escaped, so that no text reads as a tag or as `-->`."""
    return "WEBVTT\n\n" + "".join(
        f"{_clock(cue.start, '.')} --> {_clock(cue.end, '.')}\n{_escaped(cue.text)}\n\n" for cue in cues(transcript)
    )


def to_tsv(transcript: Transcript, view: View) -> str:
    """Integer milliseconds and text, tab-separated, as the whisper command line writes it."""
    rows = (f"{cue.start}\t{cue.end}\t{cue.text}\n" for cue in cues(transcript))
    return "start\tend\ttext\n" + "".join(rows)


FORMATS: dict[str, Format] = {
    format_.name: format_
    for format_ in (
        Format("json", ".json", "application/json", to_json),
        Format("verbose_json", ".json", "application/json", to_verbose_json),
        Format("text", ".txt", "text/plain; charset=utf-8", to_text),
        Format("srt", ".srt", "text/plain; charset=utf-8", to_srt),
        Format("vtt", ".vtt", "text/plain; charset=utf-8", to_vtt),
        Format("txt", ".txt", "text/plain; charset=utf-8", to_txt),
        Format("tsv", ".tsv", "text/tab-separated-values; charset=utf-8", to_tsv),
    )
}


@dataclass(frozen=True, slots=True)
class Cue:
    """A subtitle: one line of text shown from start to end, integer milliseconds."""

    start: int
    end: int
    text: str


def cues(transcript: Transcript) -> Iterator[Cue]:
    """The segments with text as subtitles that never overlap and always last at least 1 ms.

    A segment that reaches into the next is cut at the next one's start: the true starts stay.
    """
    spoken = [(segment, text) for segment in transcript.segments if (text := _one_line(segment.text))]
    starts = [round(segment.start * 1000) for segment, _ in spoken]
    clock = 0
    for index, (segment, text) in enumerate(spoken):
        start = max(starts[index], clock)
        latest = starts[index + 1] if index + 1 < len(starts) else math.inf
        clock = int(max(min(round(segment.end * 1000), latest), start + 1))
        yield Cue(start, clock, text)


def language_name(transcript: Transcript, dialect: Dialect) -> str:
    """What the dialect puts in `language`: the spoken language, or `english` for every translation."""
    if transcript.task == "translate":
        return "english"
    name = english_name(transcript.language)
    return name if dialect.capitalised_language else name.lower()


def usage(transcript: Transcript) -> JsonObject:
    """What the request counts as: whole seconds of audio, rounded up."""
    return {"type": "duration", "seconds": math.ceil(transcript.duration)}


def logprob_list(tokens: Iterable[TokenLogprob]) -> list[JsonObject]:
    """Each token with the natural logarithm of its probability and its bytes."""
    return [_logprob(token) for token in tokens]


def signature(transcript: Transcript, view: View) -> JsonObject:
    """The members that a dialect adds to each JSON answer."""
    added: JsonObject = {}
    if view.dialect.usage_in_body:
        added["usage"] = usage(transcript)
    if view.dialect.request_id_in_body:
        added["x_groq"] = {"id": view.request_id}
    return added


def _segment(number: int, segment: Segment, view: View) -> JsonObject:
    extra: JsonObject = {"evidence": list(segment.evidence)} if view.evidence else {}
    return {
        "id": number,
        "seek": int(segment.seek),
        "start": round(segment.start, 3),
        "end": round(segment.end, 3),
        "text": segment.text,
        "tokens": list(segment.tokens),
        "temperature": segment.temperature,
        "avg_logprob": segment.avg_logprob,
        "compression_ratio": segment.compression_ratio,
        "no_speech_prob": segment.no_speech_prob,
    } | extra


def _word(word: Word) -> JsonObject:
    return {"word": word.word.strip(), "start": round(word.start, 3), "end": round(word.end, 3)}


def _logprob(token: TokenLogprob) -> JsonObject:
    return {"token": token.token, "logprob": token.logprob, "bytes": list(token.bytes)}


def _one_line(text: str) -> str:
    """A blank line would end a subtitle early, a line break a row."""
    return " ".join(text.split())


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _clock(milliseconds: int, separator: str) -> str:
    """3 723 004 ms -> `01:02:03,004`."""
    seconds, fraction = divmod(milliseconds, 1000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour:02}:{minute:02}:{second:02}{separator}{fraction:03}"
