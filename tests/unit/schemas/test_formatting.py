"""Transcripts that are given back: what an answer leaves out is found again."""

import itertools
import json
from dataclasses import replace
from typing import Any

import pytest

from speechd.dialects import DIALECTS, Dialect
from speechd.errors import InvalidRequest
from speechd.formats.subtitles import Layout
from speechd.formats.transcript import TRANSCRIPT_FORMATS, View
from speechd.schemas.formatting.form import FormatForm
from speechd.schemas.formatting.joining import joinable, shared_out
from speechd.types import Segment, Transcript, Word

LAYOUTS: list[dict[str, Any]] = [{}, {"max_line_width": 12, "max_lines": 1}, {"max_cue_seconds": 1.5, "min_gap": 0.1}]
SPEAKERS = ("A", "B", "A")


def spoken(*texts: str, language: str = "en", speakers: tuple[str, ...] = ("",) * 3, channel: int = 0) -> Transcript:
    """Segments of 2 s and a pause of half a second, with a word every half second."""
    segments = []
    for number, (text, speaker) in enumerate(zip(texts, speakers, strict=False)):
        start = number * 2.5
        times = itertools.count(start, 0.5)
        words = tuple(Word(word, at, at + 0.4) for word, at in zip(text.split(), times, strict=False))
        segments.append(
            Segment(start, start + 2, text, (1, 2), words=words, speaker=speaker, channel=channel and number % 2 + 1)
        )
    return Transcript("transcribe", language, 10.25, tuple(segments), channels=2 if channel else 1)


ENGLISH = spoken(" Who is there?", " It is I, Anna.", " Come in, please do.")
JAPANESE = spoken("こんにちは。", "元気ですか。", "はい。", language="ja")
TALK = spoken(" Who is there?", " It is I, Anna.", " Come in, please do.", speakers=SPEAKERS)
CALL = spoken(" Who is there?", " It is I, Anna.", " Come in, please do.", channel=1)


def given(transcript: Transcript, shape: str, dialect: Dialect) -> dict[str, Any]:
    view = View(dialect, "req_1", words=True)
    answer: dict[str, Any] = json.loads(TRANSCRIPT_FORMATS[shape].encode(transcript, view))
    return answer


def written(transcript: dict[str, Any], dialect: Dialect, **fields: Any) -> bytes:
    form = FormatForm.parse({"transcript": transcript, **fields})
    view = replace(form.to_view(), dialect=dialect, request_id="req_1")
    return form.format.encode(form.to_transcript(), view)


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda each: each.name)
@pytest.mark.parametrize("shape", [name for name in TRANSCRIPT_FORMATS if name != "txt"])
@pytest.mark.parametrize("transcript", [ENGLISH, JAPANESE, TALK, CALL], ids=["english", "japanese", "talk", "call"])
def test_what_is_not_edited_is_the_same_to_the_byte(transcript: Transcript, shape: str, dialect: Dialect) -> None:
    answer = TRANSCRIPT_FORMATS[shape].encode(transcript, View(dialect, "req_1", words=True))
    assert written(given(transcript, "verbose_json", dialect), dialect, response_format=shape) == answer


@pytest.mark.parametrize("options", LAYOUTS)
@pytest.mark.parametrize("shape", ["srt", "vtt"])
@pytest.mark.parametrize("transcript", [ENGLISH, TALK, CALL], ids=["english", "talk", "call"])
def test_subtitles_are_cut_at_the_same_words(transcript: Transcript, shape: str, options: dict[str, Any]) -> None:
    layout = Layout(**options)
    answer = TRANSCRIPT_FORMATS[shape].encode(transcript, View(words=True, layout=layout))
    told = given(transcript, "verbose_json", DIALECTS[1])
    assert written(told, DIALECTS[1], response_format=shape, **options) == answer


@pytest.mark.parametrize("transcript", [ENGLISH, JAPANESE, TALK], ids=["english", "japanese", "talk"])
@pytest.mark.parametrize("shape", ["srt", "minutes", "text", "json", "diarized_json", "tsv"])
def test_diarized_json_is_enough(transcript: Transcript, shape: str) -> None:
    dialect = DIALECTS[0]  # the other has the languages in `json`, which `diarized_json` does not tell
    answer = TRANSCRIPT_FORMATS[shape].encode(transcript, View(dialect, "req_1"))
    assert written(given(transcript, "diarized_json", dialect), dialect, response_format=shape) == answer


def test_renamed_speakers_and_edited_text_are_written() -> None:
    told = given(TALK, "verbose_json", DIALECTS[1])
    for segment in told["segments"]:
        segment["speaker"] = {"A": "Anna", "B": "Bert\n"}[segment["speaker"]]
    told["segments"][1]["text"] = " It is I, Bert."
    lines = written(told, DIALECTS[1], response_format="srt").decode().splitlines()
    assert lines[2::4] == ["Anna: Who is there?", "Bert: It is I, Bert.", "Anna: Come in, please do."]
    bare = written(told, DIALECTS[1], response_format="srt", speakers=False).decode()
    assert "Anna:" not in bare
    assert "**Anna**" in written(told, DIALECTS[1], response_format="minutes", speakers=False).decode()


def test_words_of_a_segment_come_before_those_of_the_transcript() -> None:
    told = given(ENGLISH, "verbose_json", DIALECTS[1])
    told["segments"][0]["words"] = [{"word": "Who", "start": 0.1, "end": 0.2}]
    listed = json.loads(written(told, DIALECTS[1], response_format="verbose_json"))["words"]
    assert [word["word"] for word in listed[:2]] == ["Who", "It"]


@pytest.mark.parametrize(
    ("texts", "whole", "joined"),
    [
        ((" One.", " Two."), None, " One. Two."),
        (("One.", "Two."), None, "One. Two."),
        (("One.", "Two."), "One.\nTwo.", "One. Two."),
        (("One,", "two."), "One,two.", "One,two."),
        (("一。", "二。"), None, "一。二。"),
        (("一。", "二。"), "一。 二。", "一。 二。"),
        (("One", "", "two"), "edited", "One two"),
        ((), "", ""),
    ],
)
def test_spaces_between_segments(texts: tuple[str, ...], whole: str | None, joined: str) -> None:
    assert "".join(joinable(texts, whole)) == joined


def test_words_go_by_their_text_and_else_by_their_time() -> None:
    words = [Word("a", 0, 1), Word("b", 1.8, 2.4), Word("c", 3, 4)]
    times = [(0.0, 2.0), (2.0, 4.0)]
    assert shared_out(words, [" a b", " c"], times) == [words[:2], words[2:]]
    assert shared_out(words, [" a x", " c"], times) == [words[:1], words[1:]], "b was changed: its middle is at 2.1 s"
    assert shared_out(words, [], []) == []


SAID = {"start": 0, "end": 1, "text": "a"}
BAD: list[tuple[Any, str]] = [
    ({"segments": [SAID | {"start": 1, "end": 0.5}]}, "transcript.segments[0].end"),
    ({"segments": [SAID, SAID | {"end": "x"}]}, "transcript.segments[1].end"),
    ({"segments": [SAID | {"start": -1}]}, "transcript.segments[0].start"),
    ({"segments": [SAID | {"end": 1e300}]}, "transcript.segments[0].end"),
    ({"segments": [{"start": 0, "end": 1}]}, "transcript.segments[0].text"),
    ({"segments": [SAID | {"text": "a" * 4001}]}, "transcript.segments[0].text"),
    ({"segments": [SAID | {"words": [{"word": "a", "start": 0}]}]}, "transcript.segments[0].words[0].end"),
    ({"segments": [], "words": [{"word": "a", "start": 0, "end": []}]}, "transcript.words[0].end"),
    ({"segments": {}}, "transcript.segments"),
    ({}, "transcript.segments"),
    ([], "transcript"),
]


@pytest.mark.parametrize(("transcript", "param"), BAD)
def test_a_bad_value_is_named_by_its_whole_path(transcript: Any, param: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        FormatForm.parse({"transcript": transcript, "response_format": "srt"})
    assert refusal.value.param == param
    assert f"`{param}`" in refusal.value.message


def test_a_layout_that_would_take_minutes_is_refused() -> None:
    segments = [{"start": 0, "end": 0, "text": "一" * 4000}]
    with pytest.raises(InvalidRequest, match="too long to be cut") as refusal:
        FormatForm.parse({"transcript": {"segments": segments}, "response_format": "srt", "max_cue_seconds": 60})
    assert refusal.value.param == "transcript.segments"
