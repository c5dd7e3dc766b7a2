import json
import re
from dataclasses import replace
from itertools import pairwise

import pytest

from speechd.dialects import GROQ, OPENAI
from speechd.formats.subtitles import cues
from speechd.formats.transcript import TRANSCRIPT_FORMATS, View, token_usage
from speechd.types import Segment, Transcript
from tests.support.fake_service import SEGMENTS, TEXT

TRANSCRIPT = Transcript("transcribe", "en", 3.504, SEGMENTS)


def rendered(name: str, transcript: Transcript = TRANSCRIPT, view: View | None = None) -> str:
    return TRANSCRIPT_FORMATS[name].encode(transcript, view).decode()


def test_json_in_both_dialects() -> None:
    openai = json.loads(rendered("json"))
    assert openai == {"text": TEXT, "languages": [{"code": "en"}], "usage": {"type": "duration", "seconds": 4}}
    groq = json.loads(rendered("json", view=View(dialect=GROQ, request_id="req_1")))
    assert groq == {"text": TEXT, "x_groq": {"id": "req_1"}}


def test_logprobs_where_asked() -> None:
    answer = json.loads(rendered("json", view=View(logprobs=True)))
    assert answer["logprobs"][0] == {"token": " Hello", "logprob": -0.1, "bytes": list(b" Hello")}
    assert len(answer["logprobs"]) == 3


def test_verbose_json() -> None:
    answer = json.loads(rendered("verbose_json", view=View(dialect=GROQ, request_id="req_1")))
    assert list(answer) == ["task", "language", "duration", "text", "segments", "x_groq"]
    assert (answer["task"], answer["language"], answer["duration"]) == ("transcribe", "English", 3.5)
    assert answer["segments"][1] == {
        "id": 1,
        "seek": 52,
        "start": 2.0,
        "end": 3.25,
        "text": " General <Kenobi> & co --> here.",
        "tokens": [50364, 3434],
        "temperature": 0.0,
        "avg_logprob": 0.0,
        "compression_ratio": 1.0,
        "no_speech_prob": 0.0,
    }


def test_verbose_json_granularities() -> None:
    words_only = json.loads(rendered("verbose_json", view=View(segments=False, words=True)))
    assert "segments" not in words_only
    assert words_only["words"][0] == {"word": "Hello", "start": 0.52, "end": 0.9}
    both = json.loads(rendered("verbose_json", view=View(words=True)))
    assert len(both["segments"]) == 2
    assert len(both["words"]) == 4


@pytest.mark.parametrize(
    ("task", "dialect", "expected"),
    [
        ("transcribe", GROQ, "German"),
        ("transcribe", OPENAI, "german"),
        ("translate", GROQ, "english"),
        ("translate", OPENAI, "english"),
    ],
)
def test_language_by_dialect(task: str, dialect: object, expected: str) -> None:
    transcript = replace(TRANSCRIPT, task=task, language="de")
    answer = json.loads(rendered("verbose_json", transcript, View(dialect=dialect)))
    assert answer["language"] == expected
    assert answer["task"] == task


def test_text_and_txt() -> None:
    assert rendered("text") == TEXT
    assert rendered("txt") == "Hello there.\nGeneral <Kenobi> & co --> here.\n"


def test_srt() -> None:
    assert rendered("srt") == (
        "1\n00:00:00,520 --> 00:00:01,480\nHello there.\n\n"
        "2\n00:00:02,000 --> 00:00:03,250\nGeneral <Kenobi> & co -> here.\n\n"
    )


def test_vtt_escapes_what_would_be_markup() -> None:
    assert rendered("vtt") == (
        "WEBVTT\n\n00:00:00.520 --> 00:00:01.480\nHello there.\n\n"
        "00:00:02.000 --> 00:00:03.250\nGeneral &lt;Kenobi&gt; &amp; co --&gt; here.\n\n"
    )


def test_tsv() -> None:
    assert rendered("tsv").splitlines()[1] == "520\t1480\tHello there."


def test_lrc() -> None:
    assert rendered("lrc").splitlines()[0] == "[00:00.52]Hello there."
    split = replace(TRANSCRIPT, segments=(replace(SEGMENTS[0], channel=2),))
    assert rendered("lrc", split) == "[00:00.52]channel_2: Hello there.\n"


def test_hours_and_rounding() -> None:
    long = replace(TRANSCRIPT, segments=(Segment(3723.0044, 3725.9996, " Late."), Segment(3779.996, 3790, " On.")))
    assert "01:02:03,004 --> 01:02:06,000" in rendered("srt", long)
    assert rendered("lrc", long) == "[62:03.00]Late.\n[63:00.00]On.\n"


def test_languages_in_json() -> None:
    def spoken(*codes: str, task: str = "transcribe", view: View | None = None) -> object:
        segments = tuple(Segment(0, 1, " x", language=code) for code in codes)
        return json.loads(rendered("json", Transcript(task, "en", 3.5, segments), view)).get("languages")  # type: ignore[arg-type]

    assert spoken("de", "en", "de") == [{"code": "de"}, {"code": "en"}]
    assert spoken("") == [{"code": "en"}]
    assert spoken() == []
    assert spoken("de", task="translate") is None
    assert spoken("de", view=View(dialect=GROQ)) is None


def test_usage_in_tokens() -> None:
    untold = replace(TRANSCRIPT, segments=(Segment(0, 1, " One two three."),), channels=2)
    usage = token_usage(untold)
    assert (usage["input_tokens"], usage["output_tokens"], usage["total_tokens"]) == (71, 3, 74)
    assert usage["seconds"] == 8


def test_line_breaks_do_not_break_cues() -> None:
    hostile = replace(TRANSCRIPT, segments=(Segment(0, 1, " one\n\n2\n00:00:00,000 --> 00:00:09,000\ntwo\r\n"),))
    for name in ("srt", "vtt", "tsv", "txt", "lrc"):
        body = rendered(name, hostile)
        assert len(re.findall(r"one", body)) == 1
        assert "one 2" in body
    assert rendered("srt", hostile).count(" --> ") == 1
    assert rendered("vtt", hostile).count("-->") == 1


def test_silence() -> None:
    silence = Transcript("transcribe", "", 2.0, ())
    assert rendered("text", silence) == ""
    assert rendered("srt", silence) == ""
    assert rendered("vtt", silence) == "WEBVTT\n\n"
    assert json.loads(rendered("verbose_json", silence))["segments"] == []


@pytest.mark.parametrize(
    "times",
    [
        [(0.0, 2.0), (1.0, 3.0), (2.5, 2.6)],
        [(1.0, 1.0), (1.0, 1.0), (1.0, 1.0)],
        [(5.0, 9.0), (1.0, 2.0)],
        [(1.0, 0.5), (0.9996, 1.2)],
    ],
)
def test_cues_never_overlap_and_always_last(times: list[tuple[float, float]]) -> None:
    made = list(cues(replace(TRANSCRIPT, segments=tuple(Segment(start, end, " x") for start, end in times))))
    assert len(made) == len(times)
    assert all(cue.start < cue.end for cue in made)
    assert all(one.end <= two.start for one, two in pairwise(made))


def test_overlap_is_cut_at_the_next_true_start() -> None:
    first, second = cues(replace(TRANSCRIPT, segments=(Segment(0.5, 2.0, " a"), Segment(1.2, 3.0, " b"))))
    assert (first.start, first.end, second.start) == (500, 1200, 1200)


def test_segments_without_text_make_no_cue() -> None:
    assert list(cues(replace(TRANSCRIPT, segments=(Segment(0, 1, "  "),)))) == []


def test_speech_without_words_is_named_with_the_evidence() -> None:
    transcript = Transcript("transcribe", "en", 30.0, (), uncovered=((1.0, 2.5), (20.1234, 28.0)))
    assert "uncovered_speech" not in TRANSCRIPT_FORMATS["verbose_json"].render(transcript, View())
    answer = TRANSCRIPT_FORMATS["verbose_json"].render(transcript, View(evidence=True))
    assert answer["uncovered_speech"] == [{"start": 1.0, "end": 2.5}, {"start": 20.123, "end": 28.0}]
