"""Speakers in every format, and turns without text."""

import json
from typing import Any

import pytest

from speechd.dialects import GROQ
from speechd.formats.diarization import DIARIZATION_FORMATS
from speechd.formats.transcript import TRANSCRIPT_FORMATS, View
from speechd.types import Segment, Transcript, Word

TALK = Transcript(
    "transcribe",
    "en",
    9.0,
    (
        Segment(0.5, 2.0, " Hello.", words=(Word("Hello.", 0.5, 2.0),), speaker="A"),
        Segment(2.5, 4.0, " Who <is> there?", words=(Word("Who", 2.5, 3.0),), speaker="Anna"),
    ),
)
TURNS = Transcript(
    "diarize",
    "",
    9.0,
    (
        Segment(0.5, 2.0, "", speaker="SPEAKER_00"),
        Segment(2.5, 4.0, "", speaker="Anna Bell"),
        Segment(5.0, 6.0, "", speaker="SPEAKER_00"),
    ),
)


def rendered(name: str, transcript: Transcript = TALK, view: View | None = None) -> str:
    return TRANSCRIPT_FORMATS[name].encode(transcript, view).decode()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("text", "A: Hello.\nAnna: Who <is> there?"),
        ("txt", "A: Hello.\nAnna: Who <is> there?\n"),
        (
            "srt",
            "1\n00:00:00,500 --> 00:00:02,000\nA: Hello.\n\n2\n00:00:02,500 --> 00:00:04,000\n"
            "Anna: Who <is> there?\n\n",
        ),
        (
            "vtt",
            "WEBVTT\n\n00:00:00.500 --> 00:00:02.000\n<v A>Hello.\n\n"
            "00:00:02.500 --> 00:00:04.000\n<v Anna>Who &lt;is&gt; there?\n\n",
        ),
        ("tsv", "start\tend\ttext\n500\t2000\tA: Hello.\n2500\t4000\tAnna: Who <is> there?\n"),
        ("lrc", "[00:00.50]A: Hello.\n[00:02.50]Anna: Who <is> there?\n"),
    ],
)
def test_texts_name_the_speaker(name: str, expected: str) -> None:
    assert rendered(name) == expected


def test_json_formats_have_the_speaker() -> None:
    diarized = json.loads(rendered("diarized_json"))
    assert [(each["id"], each["speaker"], each["text"]) for each in diarized["segments"]] == [
        ("seg_001", "A", "Hello."),
        ("seg_002", "Anna", "Who <is> there?"),
    ]
    verbose = json.loads(rendered("verbose_json", view=View(words=True)))
    assert [each["speaker"] for each in verbose["segments"] + verbose["words"]] == ["A", "Anna"] * 2
    assert "speaker" not in rendered("json")


def test_a_voice_in_a_channel_has_both_names() -> None:
    said = Transcript("transcribe", "en", 2.0, (Segment(0, 1, " Hi.", channel=2, speaker="B"),), channels=2)
    assert rendered("srt", said).splitlines()[2] == "channel_2 B: Hi."
    (verbose,) = json.loads(rendered("verbose_json", said))["segments"]
    assert (verbose["channel"], verbose["speaker"]) == ("channel_2", "B")
    (diarized,) = json.loads(rendered("diarized_json", said))["segments"]
    assert diarized["speaker"] == "channel_2 B"


def turns(name: str, view: View | None = None) -> Any:
    return json.loads(DIARIZATION_FORMATS[name].encode(TURNS, view))


def test_turns_as_localai_and_speaches_answer_them() -> None:
    answer = turns("json")
    assert (answer["task"], answer["duration"], answer["num_speakers"]) == ("diarize", 9.0, 2)
    assert answer["segments"][1] == {"id": 1, "speaker": "Anna Bell", "label": "1", "start": 2.5, "end": 4.0}
    assert answer["usage"] == {"type": "duration", "seconds": 9}
    assert turns("json", View(dialect=GROQ, request_id="req_1"))["x_groq"] == {"id": "req_1"}


def test_turns_are_summed_up_for_each_speaker() -> None:
    assert turns("verbose_json")["speakers"] == [
        {"id": "SPEAKER_00", "label": "0", "total_speech_duration": 2.5, "segment_count": 2},
        {"id": "Anna Bell", "label": "1", "total_speech_duration": 1.5, "segment_count": 1},
    ]


def test_rttm_has_ten_fields() -> None:
    lines = DIARIZATION_FORMATS["rttm"].encode(TURNS).decode().splitlines()
    assert lines[1] == "SPEAKER audio 1 2.500 1.500 <NA> <NA> Anna_Bell <NA> <NA>"
    assert {len(line.split()) for line in lines} == {10}


def test_nobody_speaks() -> None:
    silence = Transcript("diarize", "", 3.0, ())
    answer = json.loads(DIARIZATION_FORMATS["verbose_json"].encode(silence))
    assert (answer["num_speakers"], answer["segments"], answer["speakers"]) == (0, [], [])
    assert DIARIZATION_FORMATS["rttm"].encode(silence) == b""
