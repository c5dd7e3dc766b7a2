"""Transcripts as other servers answer them: whisper-asr-webservice, and the server of whisper.cpp."""

from dataclasses import replace
from functools import partial

from speechd.formats.transcript import TRANSCRIPT_FORMATS, Format, JsonObject, View
from speechd.languages import english_name, whisper_code
from speechd.types import Segment, Transcript, Word

PLAIN_TEXT = TRANSCRIPT_FORMATS["text"].media_type


def to_whisper_json(transcript: Transcript, view: View) -> JsonObject:
    """The result of openai/whisper's `transcribe` as JSON; each segment has its words where they are asked for."""
    return {
        "text": transcript.text,
        "segments": [_whisper_segment(*numbered, view) for numbered in enumerate(transcript.segments)],
        "language": whisper_code(transcript.language),
    }


ASR_FORMATS = {
    name: replace(TRANSCRIPT_FORMATS[name], media_type=PLAIN_TEXT) for name in ("txt", "vtt", "srt", "tsv")
} | {"json": Format("json", ".json", PLAIN_TEXT, to_whisper_json)}
"""By the `output` of whisper-asr-webservice, which sends each of them as plain text."""


def text_lines(transcript: Transcript, view: View) -> str:
    """Each segment on a line, as decoded."""
    return "".join(f"{segment.text}\n" for segment in transcript.segments)


def to_inference_json(transcript: Transcript, view: View) -> JsonObject:
    return {"text": text_lines(transcript, view)}


def to_inference_verbose_json(transcript: Transcript, view: View, *, timed: bool, detected: bool) -> JsonObject:
    """
    Args:
        timed: segments and words have times.
        detected: the language was detected, not given.
    """
    name = english_name(transcript.language).lower()
    answer: JsonObject = {
        "task": transcript.task,
        "language": name,
        "duration": round(transcript.duration, 2),
        "text": text_lines(transcript, view),
        "segments": [_inference_segment(*numbered, view, timed) for numbered in enumerate(transcript.segments)],
    }
    if detected and transcript.language:
        chance = round(transcript.language_probability, 4)
        answer["detected_language"] = name
        answer["detected_language_probability"] = chance
        answer["language_probabilities"] = {whisper_code(transcript.language): chance}
    return answer


def inference_format(name: str, *, timed: bool, detected: bool) -> Format:
    """A response format of whisper.cpp's server.

    Its text is plain text here, not HTML: what was said must not run in a page.

    Args:
        name: json, verbose_json, text, srt or vtt.
        timed: see to_inference_verbose_json.
        detected: see to_inference_verbose_json.
    """
    verbose = partial(to_inference_verbose_json, timed=timed, detected=detected)
    rows = {
        "json": Format("json", ".json", "application/json", to_inference_json),
        "verbose_json": Format("verbose_json", ".json", "application/json", verbose),
        "text": Format("text", ".txt", PLAIN_TEXT, text_lines),
        "srt": replace(TRANSCRIPT_FORMATS["srt"], media_type="application/x-subrip; charset=utf-8"),
        "vtt": TRANSCRIPT_FORMATS["vtt"],
    }
    return rows[name]


def _whisper_segment(number: int, segment: Segment, view: View) -> JsonObject:
    words: JsonObject = {"words": [_word(word) | _times(word) for word in segment.words]} if view.words else {}
    return {
        "id": number,
        "seek": segment.seek,
        **_times(segment),
        "text": segment.text,
        "tokens": list(segment.tokens),
        "temperature": segment.temperature,
        "avg_logprob": segment.avg_logprob,
        "compression_ratio": segment.compression_ratio,
        "no_speech_prob": segment.no_speech_prob,
    } | words


def _inference_segment(number: int, segment: Segment, view: View, timed: bool) -> JsonObject:
    """Words where whisper.cpp has tokens: their times are what its clients read."""
    times = _times(segment) if timed else {}
    words = [_word(word) | (_times(word) if timed else {}) for word in segment.words]
    return {
        "id": number,
        "text": segment.text,
        **times,
        "tokens": list(segment.tokens),
        **({"words": words} if view.words else {}),
        "temperature": segment.temperature,
        "avg_logprob": segment.avg_logprob,
        "no_speech_prob": segment.no_speech_prob,
    }


def _word(word: Word) -> JsonObject:
    return {"word": word.word, "probability": round(word.probability, 4)}


def _times(part: Segment | Word) -> JsonObject:
    return {"start": round(part.start, 3), "end": round(part.end, 3)}
