"""A Transcript in every response format: pure functions and the table FORMATS, for API, CLI and batches.

A new format is a function and a row. Times are seconds, rounded to milliseconds as the hosted services do.
"""

import functools
import json
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from speechd.dialects import OPENAI, Dialect
from speechd.formats.clock import lyrics_clock, milliseconds, subtitle_clock
from speechd.formats.minutes import write_minutes
from speechd.formats.subtitle_tokens import one_line
from speechd.formats.subtitles import Cue, Layout, cues
from speechd.languages import english_name
from speechd.types import Segment, Task, TokenLogprob, Transcript, Word

JsonObject = dict[str, Any]

SEGMENT_EVENT = "transcript.text.segment"
AUDIO_TOKENS_PER_SECOND = 10
"""One for each 100 ms, as OpenAI's Realtime guide counts audio that a user sends."""


@dataclass(frozen=True, slots=True)
class View:
    """The parts of a transcript that a reply shows, and its dialect."""

    dialect: Dialect = OPENAI
    request_id: str = ""
    segments: bool = True
    """verbose_json lists segments."""
    words: bool = False
    """verbose_json lists words."""
    logprobs: bool = False
    """json and verbose_json list token log-probabilities."""
    evidence: bool = False
    """Each segment of verbose_json has its evidence."""
    languages: bool = False
    """Each segment of verbose_json has its language."""
    plain_times: bool = False
    """Each segment of verbose_json has the times that it has without words."""
    layout: Layout = field(default_factory=Layout)
    """How srt and vtt are cut into cues and lines."""
    channel_labels: tuple[str, ...] = ()
    """Names of the channels, from the first."""

    def channel(self, number: int) -> str:
        """Name of a channel, `channel_1` unless the caller named it; "" for the mix."""
        if not number:
            return ""
        return self.channel_labels[number - 1] if number <= len(self.channel_labels) else f"channel_{number}"

    def speaker(self, said: Segment | Cue) -> str:
        """Who says it: the channel, then the speaker in it; "" where nobody is told apart."""
        return " ".join(filter(None, (self.channel(said.channel), said.speaker)))


Renderer = Callable[[Transcript, View], Any]
"""Gives a JsonObject or a text."""


@dataclass(frozen=True, slots=True)
class Format:
    """One response format."""

    name: str
    suffix: str
    """File name suffix, with the dot."""
    media_type: str
    render: Callable[[Transcript, View], JsonObject | str]
    """An object for the JSON formats, text for the others."""
    segment_event: Callable[[int, Segment, View], JsonObject] | None = None
    """The event of one segment in a stream, with its number from 0; None where a stream has the text only."""

    @property
    def is_document(self) -> bool:
        """Whether it is a file of cues. A stream then has no text in deltas, but the file as its last `text`."""
        return self.segment_event is cue_event

    def encode(self, transcript: Transcript, view: View | None = None) -> bytes:
        """The bytes of a reply's body or of a file, UTF-8."""
        rendered = self.render(transcript, view or View())
        return (rendered if isinstance(rendered, str) else json.dumps(rendered, ensure_ascii=False)).encode()


def wordless(render: Renderer) -> Renderer:
    """Of a format that shows words only where the layout needs them. Else segments have the times that they have where
    no words are asked for, so that the answer does not depend on who else wanted words."""

    @functools.wraps(render)
    def rendered(transcript: Transcript, view: View) -> Any:
        return render(transcript if view.layout.needs_words else transcript.plain(), view)

    return rendered


def to_json(transcript: Transcript, view: View) -> JsonObject:
    answer: JsonObject = {"text": transcript.text}
    if view.logprobs:
        answer["logprobs"] = logprob_list(transcript.logprobs)
    return answer | spoken_languages(transcript, view) | signature(transcript, view)


def to_verbose_json(transcript: Transcript, view: View) -> JsonObject:
    transcript = transcript if view.words else transcript.plain()
    answer = _outline(transcript, view) | {"text": transcript.text}
    if view.words:
        answer["words"] = [
            _word(word) | _spoken_by(segment, view) for segment in transcript.segments for word in segment.words
        ]
    if view.segments:
        answer["segments"] = [_segment(number, segment, view) for number, segment in enumerate(transcript.segments)]
    if view.logprobs:
        answer["logprobs"] = logprob_list(transcript.logprobs)
    if view.evidence:
        answer["uncovered_speech"] = [
            {"start": round(start, 3), "end": round(end, 3)} for start, end in transcript.uncovered
        ]
    return answer | signature(transcript, view)


def to_text(transcript: Transcript, view: View) -> str:
    """The text; where voices are told apart, a line for each segment."""
    return to_txt(transcript, view).rstrip() if transcript.tells_speakers else transcript.text


def to_diarized_json(transcript: Transcript, view: View) -> JsonObject:
    """OpenAI's response format for diarization. A speaker is a channel, a voice, or a voice in a channel."""
    answer: JsonObject = {
        "task": transcript.task,
        "duration": round(transcript.duration, 2),
        "text": transcript.text,
        "segments": [speaker_segment(*numbered, view) for numbered in enumerate(transcript.segments)],
    }
    return answer | signature(transcript, view)


def speaker_segment(number: int, segment: Segment, view: View) -> JsonObject:
    """A segment of diarized_json, which is also a stream's event."""
    return {
        "type": SEGMENT_EVENT,
        "id": segment_id(number),
        "start": round(segment.start, 3),
        "end": round(segment.end, 3),
        "text": segment.text.strip(),
        "speaker": view.speaker(segment),
    }


def verbose_segment(number: int, segment: Segment, view: View) -> JsonObject:
    """A segment of verbose_json as a stream's event, with its words where they are asked for."""
    words: JsonObject = {"words": [_word(word) for word in segment.words]} if view.words else {}
    return {"type": SEGMENT_EVENT} | _segment(number, segment, view) | {"id": segment_id(number)} | words


def cue_event(number: int, segment: Segment, view: View) -> JsonObject:
    """A segment as a stream's event where the answer is a file of cues."""
    timed = {"start": round(segment.start, 3), "end": round(segment.end, 3), "text": segment.text.strip()}
    return {"type": SEGMENT_EVENT, "id": segment_id(number)} | timed | _spoken_by(segment, view)


def done_event(transcript: Transcript, view: View, format: Format) -> JsonObject:
    """The last event of a stream. What the segments' events have told is not in it again, but for the text."""
    rendered = format.render(transcript, view) if format.is_document else transcript.text
    event: JsonObject = {"type": "transcript.text.done", "text": rendered}
    if format.name == "verbose_json":
        event |= _outline(transcript, view)
    if view.logprobs:
        event["logprobs"] = logprob_list(transcript.logprobs)
    event |= spoken_languages(transcript, view) | signature(transcript, view)
    return event | {"usage": token_usage(transcript)}


def segment_id(number: int) -> str:
    """`seg_001` for the first: identifies the segment in the events of a stream."""
    return f"seg_{number + 1:03}"


def to_txt(transcript: Transcript, view: View) -> str:
    """One segment per line, for files."""
    return "".join(f"{_prefix(view, s)}{one_line(s.text)}\n" for s in transcript.segments)


def to_srt(transcript: Transcript, view: View) -> str:
    """SubRip: the speaker's name is written before the text and counts for the width of the line."""
    return "".join(
        f"{number}\n{subtitle_clock(cue.start, ',')} --> {subtitle_clock(cue.end, ',')}\n"
        f"{_prefix(view, cue)}{cue.text.replace('-->', '->')}\n\n"
        for number, cue in enumerate(cues(transcript, _narrowed(transcript, view)), start=1)
    )


def to_vtt(transcript: Transcript, view: View) -> str:
    """WebVTT (W3C): `&`, `<` and `>` are escaped, so that no text reads as a tag or as `-->`."""
    return "WEBVTT\n\n" + "".join(
        f"{subtitle_clock(cue.start, '.')} --> {subtitle_clock(cue.end, '.')}\n{_vtt_text(cue, view)}\n\n"
        for cue in cues(transcript, view.layout)
    )


def to_tsv(transcript: Transcript, view: View) -> str:
    """Integer milliseconds and text, tab-separated, as the whisper command line writes it."""
    rows = (f"{cue.start}\t{cue.end}\t{_prefix(view, cue)}{cue.text}\n" for cue in cues(transcript))
    return "start\tend\ttext\n" + "".join(rows)


def to_lrc(transcript: Transcript, view: View) -> str:
    """Lyrics: each line begins with its start, in minutes, seconds and hundredths."""
    return "".join(f"[{lyrics_clock(cue.start)}]{_prefix(view, cue)}{one_line(cue.text)}\n" for cue in cues(transcript))


def to_minutes(transcript: Transcript, view: View) -> str:
    return write_minutes(transcript, view.speaker)


TRANSCRIPT_FORMATS: dict[str, Format] = {
    format_.name: format_
    for format_ in (
        Format("json", ".json", "application/json", wordless(to_json)),
        Format("verbose_json", ".json", "application/json", to_verbose_json, verbose_segment),
        Format("text", ".txt", "text/plain; charset=utf-8", wordless(to_text)),
        Format("srt", ".srt", "text/plain; charset=utf-8", wordless(to_srt), cue_event),
        Format("vtt", ".vtt", "text/vtt; charset=utf-8", wordless(to_vtt), cue_event),
        Format("diarized_json", ".diarized.json", "application/json", wordless(to_diarized_json), speaker_segment),
        Format("txt", ".txt", "text/plain; charset=utf-8", wordless(to_txt)),
        Format("tsv", ".tsv", "text/tab-separated-values; charset=utf-8", wordless(to_tsv), cue_event),
        Format("minutes", ".md", "text/markdown; charset=utf-8", wordless(to_minutes), cue_event),
        Format("lrc", ".lrc", "text/plain; charset=utf-8", wordless(to_lrc), cue_event),
    )
}


def language_name(code: str, task: Task, dialect: Dialect) -> str:
    """What the dialect puts in `language`: the spoken language, or `english` for every translation."""
    if task == "translate":
        return "english"
    name = english_name(code)
    return name if dialect.capitalised_language else name.lower()


def usage_object(transcript: Transcript) -> JsonObject:
    """Charged audio: whole seconds of each channel, rounded up."""
    return {"type": "duration", "seconds": math.ceil(transcript.audio_seconds)}


def token_usage(transcript: Transcript) -> JsonObject:
    """OpenAI's usage of a stream, in tokens, and beside it the charged seconds. The prompt's tokens do not count."""
    seconds = usage_object(transcript)["seconds"]
    heard = math.ceil(transcript.audio_seconds * AUDIO_TOKENS_PER_SECOND)
    written = sum(len(segment.tokens) or len(segment.text.split()) for segment in transcript.segments)
    return {
        "type": "tokens",
        "input_tokens": heard,
        "input_token_details": {"audio_tokens": heard, "text_tokens": 0},
        "output_tokens": written,
        "total_tokens": heard + written,
        "seconds": seconds,
    }


def spoken_languages(transcript: Transcript, view: View) -> JsonObject:
    """The languages of a transcription by their codes, in the order in which they are spoken."""
    if not view.dialect.languages_in_body or transcript.task == "translate":
        return {}
    spoken = dict.fromkeys(segment.language or transcript.language for segment in transcript.segments)
    return {"languages": [{"code": code} for code in spoken if code]}


def logprob_list(tokens: Iterable[TokenLogprob]) -> list[JsonObject]:
    """Each token with the natural logarithm of its probability and its bytes."""
    return [_logprob(token) for token in tokens]


def signature(transcript: Transcript, view: View) -> JsonObject:
    """The members that a dialect adds to each JSON answer."""
    added: JsonObject = {}
    if view.dialect.usage_in_body:
        added["usage"] = usage_object(transcript)
    if view.dialect.request_id_in_body:
        added["x_groq"] = {"id": view.request_id}
    return added


def _outline(transcript: Transcript, view: View) -> JsonObject:
    return {
        "task": transcript.task,
        "language": language_name(transcript.language, transcript.task, view.dialect),
        "duration": round(transcript.duration, 2),
    }


def _segment(number: int, segment: Segment, view: View) -> JsonObject:
    extra: JsonObject = {"evidence": list(segment.evidence)} if view.evidence else {}
    if view.languages:
        extra["language"] = language_name(segment.language, "transcribe", view.dialect)
    if view.plain_times:
        start, end = segment.plain_times or (segment.start, segment.end)
        extra |= {"plain_start": round(start, 3), "plain_end": round(end, 3)}
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
    } | (extra | _spoken_by(segment, view))


def _spoken_by(segment: Segment, view: View) -> JsonObject:
    """The channel and the speaker, each where it is told apart."""
    told = {"channel": view.channel(segment.channel), "speaker": segment.speaker}
    return {name: value for name, value in told.items() if value}


def _word(word: Word) -> JsonObject:
    return {"word": word.word.strip(), "start": round(word.start, 3), "end": round(word.end, 3)} | spoken_form(word)


def spoken_form(word: Word) -> JsonObject:
    """What the captions of a speech add to each word: what is said for it, and where it stands in the text."""
    place = {"start_char": word.start_char, "end_char": word.end_char} if word.start_char is not None else {}
    return ({"spoken": word.spoken} if word.spoken else {}) | place


def _logprob(token: TokenLogprob) -> JsonObject:
    return {"token": token.token, "logprob": token.logprob, "bytes": list(token.bytes)}


def _prefix(view: View, said: Segment | Cue) -> str:
    """`agent: `, or nothing where nobody is told apart."""
    speaker = view.speaker(said)
    return f"{speaker}: " if speaker else ""


def _narrowed(transcript: Transcript, view: View) -> Layout:
    """The layout of lines that begin with the speaker's name."""
    width, longest = view.layout.width, max((len(_prefix(view, s)) for s in transcript.segments), default=0)
    return view.layout if width is None else replace(view.layout, max_line_width=max(1, width - longest))


def _vtt_text(cue: Cue, view: View) -> str:
    """The cue's payload: the speaker as a voice span, and for karaoke a timestamp before each word."""
    speaker = view.speaker(cue)
    voice = f"<v {_escaped(speaker)}>" if speaker else ""
    if not (view.layout.karaoke and cue.timed):
        return voice + _escaped(cue.text)
    return voice + "\n".join(_sung(cue))


def _sung(cue: Cue) -> Iterator[str]:
    """The lines with a timestamp before each word; times rise and are inside the cue, as WebVTT requires."""
    clock = cue.start
    for line in cue.lines:
        words = []
        for piece in line:
            onset = milliseconds(piece.start)
            stamped = clock < onset < cue.end
            clock = onset if stamped else clock
            words.append(" " * piece.spaced + f"<{subtitle_clock(onset, '.')}>" * stamped + _escaped(piece.text))
        yield "".join(words).strip()


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
