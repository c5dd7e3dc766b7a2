from dataclasses import replace
from typing import Any

import pytest

from speechd.errors import InvalidRequest
from speechd.formats.subtitles import Layout
from speechd.schemas.models import ModelList, ModelObject
from speechd.schemas.recordings.chunking import ServerVad
from speechd.schemas.recordings.recording import RecordingForm
from speechd.schemas.speakers.diarization import DiarizationForm
from speechd.schemas.speech import SpeechBody
from speechd.schemas.transcription import AudioForm, ErrorEnvelope, TranscriptionForm, TranslationForm
from speechd.types import MIXED_VAD, Clip, SpeakerOptions, TranscribeOptions, VadOptions


def options(**fields: Any) -> TranscribeOptions:
    return TranscriptionForm.parse({"model": "m", **fields}).to_options()


def test_defaults() -> None:
    assert options() == TranscribeOptions()
    assert TranslationForm.parse({"model": "m"}).to_options() == TranscribeOptions(task="translate")


def test_every_parameter_reaches_the_options() -> None:
    asked = options(
        language="en-US",
        languages=["English", "de", "eng"],
        prompt="Before.",
        **{"keywords": ["Groq"], "hotwords": "Kenobi"},
        temperature="0.4",
        response_format="verbose_json",
        timestamp_granularities=["word"],
        include="logprobs",
        chunking_strategy={"type": "server_vad", "threshold": "0.6", "silence_duration_ms": "250"},
        channels="split",
        audio_track="German",
    )
    assert asked == TranscribeOptions(
        language="en",
        languages=("en", "de"),
        prompt="Before.",
        hotwords=("Groq", "Kenobi"),
        temperature=0.4,
        word_timestamps=True,
        logprobs=True,
        vad=VadOptions(threshold=0.6, min_silence=0.25),
        channels="split",
        audio_track="de",
    )


@pytest.mark.parametrize(
    ("said", "meant"),
    [("0", "0"), (2, "2"), ("07", "7"), ("ger", "de"), ("de-AT", "de"), (" German ", "de"), ("gle", "gle"), ("", None)],
)
def test_audio_tracks_by_number_and_language(said: Any, meant: str | None) -> None:
    assert options(audio_track=said).audio_track == meant


def test_languages_that_mix() -> None:
    assert options(language="multi") == TranscribeOptions(multilingual=True, vad=MIXED_VAD)
    vad = {"type": "server_vad", "threshold": 0.6}
    assert options(language="multi", chunking_strategy=vad).vad == replace(MIXED_VAD, threshold=0.6)
    assert options(language="multi", chunking_strategy=vad | {"silence_duration_ms": 700}).vad == VadOptions(0.6, 0.7)
    asked = options(language="Multi", language_floor="0.7", languages=["en", "German"])
    assert asked == TranscribeOptions(multilingual=True, language_floor=0.7, languages=("en", "de"), vad=MIXED_VAD)
    assert TranscriptionForm.parse({"model": "m", "language": "multi"}).wants_languages


def test_subtitle_wishes_become_a_layout_and_ask_for_word_times() -> None:
    wishes = {"max_line_width": "37", "max_lines": "2", "max_cue_seconds": "6", "min_gap": "0.08", "karaoke": "true"}
    form = TranscriptionForm.parse({"model": "m", "response_format": "vtt", **wishes})
    assert form.to_layout() == Layout(37, 2, 6.0, 0.08, True)
    assert form.to_options() == TranscribeOptions(word_timestamps=True)
    plain = TranscriptionForm.parse({"model": "m", "response_format": "vtt", "min_gap": "0.08"})
    assert plain.to_options() == TranscribeOptions()


def test_channel_labels() -> None:
    form = TranscriptionForm.parse(
        {
            "model": "m",
            "channels": "split",
            "channel_labels": [" Anna  B. ", "Kunde"],
            "response_format": "diarized_json",
        }
    )
    assert form.channel_labels == ("Anna B.", "Kunde")


def test_chunking_strategy_as_json_text() -> None:
    asked = options(chunking_strategy='{"type": "server_vad", "prefix_padding_ms": 300}')
    assert asked.vad == VadOptions(padding=0.3)
    assert options(chunking_strategy='{"type": "auto"}').vad == VadOptions()


@pytest.mark.parametrize("said", ["auto", {"type": "auto"}, "server_vad", {"type": "server_vad"}, "", None])
def test_chunking_strategy_by_its_name(said: Any) -> None:
    assert options(chunking_strategy=said).vad == VadOptions()


def test_null_is_absent_and_unknown_fields_are_ignored() -> None:
    assert options(language=None, temperature=None, chunking_strategy=None, colour="red") == TranscribeOptions()


def test_granularities() -> None:
    def wants(*names: str) -> tuple[bool, bool]:
        form = TranscriptionForm.parse(
            {"model": "m", "response_format": "verbose_json", "timestamp_granularities": list(names)}
        )
        return form.wants_segments, form.wants_words

    assert wants() == (True, False)
    assert wants("word") == (False, True)
    assert wants("segment") == (True, False)
    assert wants("word", "segment") == (True, True)
    assert wants('["word"]') == (False, True)
    assert wants('["word", "segment"]') == (True, True)
    assert wants("word, segment") == (True, True)


@pytest.mark.parametrize("format", ["json", "text", "srt", "vtt", "tsv", "lrc"])
def test_granularities_without_verbose_json(format: str) -> None:
    asked = {"response_format": format, "timestamp_granularities": ["segment"]}
    segments = TranscriptionForm.parse(asked)
    segments.check_words()
    words = TranscriptionForm.parse(asked | {"timestamp_granularities": ["word", "segment"]})
    assert (segments.ignored, words.ignored) == ((), ("timestamp_granularities",))
    assert not words.to_options().word_timestamps
    with pytest.raises(InvalidRequest) as caught:
        words.check_words()
    assert caught.value.param == "timestamp_granularities"


def test_unknown_values_of_include_have_no_effect() -> None:
    form = TranscriptionForm.parse({"include": ["logprobs", "item.input_audio_transcription.logprobs"]})
    assert (form.wants_logprobs, form.ignored) == (True, ("include",))
    assert TranscriptionForm.parse({"include": "logprobs,evidence", "response_format": "verbose_json"}).ignored == ()
    assert TranscriptionForm.parse({"include": ["speakers"], "response_format": "srt"}).ignored == ("include",)


def test_times_without_words_are_in_verbose_json_only() -> None:
    form = TranscriptionForm.parse({"include": ["plain_times"], "response_format": "verbose_json"})
    assert form.to_view().plain_times
    assert form.ignored == ()
    with pytest.raises(InvalidRequest, match="plain_times"):
        TranscriptionForm.parse({"include": ["plain_times"], "response_format": "json"})


def test_a_model_that_is_left_out() -> None:
    for fields in ({}, {"model": None}, {"model": ""}):
        assert TranscriptionForm.parse(fields).model == "auto"
        assert SpeechBody.parse({"input": "Hello."} | fields).model == "auto"


@pytest.mark.parametrize(
    ("said", "task"), [("true", "translate"), (True, "translate"), ("1", "translate"), ("false", "transcribe")]
)
def test_translate_as_a_field(said: Any, task: str) -> None:
    assert options(translate=said).task == task
    assert TranslationForm.parse({"translate": said}).to_options().task == "translate"


def test_a_part_of_the_recording() -> None:
    assert options(start="90.5", duration="30").clip == Clip(90.5, 30)
    assert options(duration=30).clip == Clip(0, 30)
    assert options(start="").clip == Clip()
    assert (Clip(5).seconds_of(20), Clip(5, 3).seconds_of(20), Clip(5, 30).seconds_of(20)) == (15, 3, 15)
    assert Clip(25).seconds_of(20) == 0


BAD = [
    *(({"start": value}, "start") for value in ("-1", "nan", "inf", "1e300", "0:30")),
    *(({"duration": value}, "duration") for value in ("0", "-1", "nan", "inf", "1e300")),
    ({"model": ["a", "b"]}, "model"),
    ({"language": "xx"}, "language"),
    ({"languages": ["en", "xx"]}, "languages"),
    ({"temperature": "warm"}, "temperature"),
    ({"temperature": "1.1"}, "temperature"),
    ({"temperature": "-0.1"}, "temperature"),
    ({"temperature": "nan"}, "temperature"),
    ({"response_format": "xml"}, "response_format"),
    ({"timestamp_granularities": "word,char"}, "timestamp_granularities"),
    ({"timestamp_granularities": "[" * 2001}, "timestamp_granularities"),
    ({"timestamp_granularities": "[" * 2000}, "timestamp_granularities"),
    ({"timestamp_granularities": "[1]"}, "timestamp_granularities"),
    ({"languages": '["en", "xx"]'}, "languages"),
    ({"timestamp_granularities": ["char"], "response_format": "verbose_json"}, "timestamp_granularities"),
    ({"include": [1]}, "include"),
    ({"include": ["logprobs"], "response_format": "srt"}, "include"),
    ({"chunking_strategy": "manual"}, "chunking_strategy"),
    ({"chunking_strategy": "[1]"}, "chunking_strategy"),
    ({"chunking_strategy": "[" * 100_000}, "chunking_strategy"),
    ({"chunking_strategy": {"type": "server_vad", "threshold": 2}}, "chunking_strategy"),
    ({"chunking_strategy": {"type": "client_vad"}}, "chunking_strategy"),
    ({"chunking_strategy": {"threshold": 0.5}}, "chunking_strategy"),
    ({"chunking_strategy": {"type": "server_vad", "prefix_padding_ms": -1}}, "chunking_strategy"),
    ({"stream": "perhaps"}, "stream"),
    ({"language_floor": "0.5"}, "language_floor"),
    ({"language_floor": "0.5", "language": "en"}, "language_floor"),
    ({"language_floor": "1.5", "language": "multi"}, "language_floor"),
    ({"language_floor": "nan", "language": "multi"}, "language_floor"),
    ({"languages": ["multi"]}, "languages"),
    ({"channels": "stereo"}, "channels"),
    ({"audio_track": True}, "audio_track"),
    ({"audio_track": ["0", "1"]}, "audio_track"),
    ({"audio_track": "x" * 65}, "audio_track"),
    ({"channels": ["split", "split"]}, "channels"),
    ({"channel_labels": ["a"]}, "channel_labels"),
    ({"channels": "split", "channel_labels": ["a", ""]}, "channel_labels"),
    ({"channels": "split", "channel_labels": ["a", " a "]}, "channel_labels"),
    ({"channels": "split", "channel_labels": ["a" * 65]}, "channel_labels"),
    ({"channels": "split", "channel_labels": ["a\x00b"]}, "channel_labels"),
    ({"response_format": "diarized_json", "channels": "split", "include": ["logprobs"]}, "include"),
    *(
        ({"response_format": "srt", name: value}, name)
        for name, values in {
            "max_line_width": ("9", "201", "wide", "20.5"),
            "max_lines": ("0", "11", "-1"),
            "max_cue_seconds": ("0.4", "61", "nan", "inf"),
            "min_gap": ("-0.1", "5.1", "nan"),
            "karaoke": ("perhaps", "true"),
        }.items()
        for value in values
    ),
    ({"max_lines": "2"}, "max_lines"),
    ({"karaoke": "true", "response_format": "verbose_json"}, "karaoke"),
]


def test_an_empty_field_counts_as_absent() -> None:
    """A browser sends every field of a form, also those that nobody filled in."""
    empty = {"language": "", "url": "", "prompt": "", "timestamp_granularities": [""], "languages": "", "stream": ""}
    assert TranscriptionForm.parse({"model": "m", **empty}) == TranscriptionForm.parse({"model": "m"})


@pytest.mark.parametrize("form", [TranscriptionForm, TranslationForm])
@pytest.mark.parametrize(("fields", "param"), BAD)
def test_a_bad_value_is_named(form: type[AudioForm], fields: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        form.parse({"model": "m", **fields})
    assert caught.value.param == param
    assert param in caught.value.message or "language" in caught.value.message


REFERENCE = "data:audio/wav;base64,AAAA"


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({}, None),
        ({"response_format": "diarized_json"}, SpeakerOptions()),
        ({"response_format": "minutes"}, SpeakerOptions()),
        ({"response_format": "diarized_json", "channels": "split"}, None),
        ({"response_format": "diarized_json", "channels": "split", "speakers": "true"}, SpeakerOptions()),
        ({"response_format": "srt", "num_speakers": "3"}, SpeakerOptions(3)),
        ({"response_format": "vtt", "min_speakers": "2", "max_speakers": "4"}, SpeakerOptions(None, 2, 4)),
        ({"response_format": "verbose_json", "known_speaker_names": "Anna"}, SpeakerOptions()),
        ({"response_format": "text", "num_speakers": "0"}, None),
        ({"speakers": "true", "num_speakers": "2"}, None),
    ],
    ids=str,
)
def test_speakers_are_told_apart_where_the_answer_shows_them(fields: dict[str, Any], wanted: object) -> None:
    made = options(**fields)
    assert made.speakers == wanted
    assert made.word_timestamps == (wanted is not None)
    assert made.can_go_on == (wanted is None and made.channels == "mixed")


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"known_speaker_references": [REFERENCE]}, "known_speaker_references"),
        (
            {"known_speaker_names": list("abcde"), "known_speaker_references": [REFERENCE] * 5},
            "known_speaker_references",
        ),
        ({"known_speaker_names": ["Anna"], "known_speaker_references": ["AAAA"]}, "known_speaker_references"),
        ({"known_speaker_names": [str(n) for n in range(11)]}, "known_speaker_names"),
        ({"known_speaker_names": ["Anna", " Anna"]}, "known_speaker_names"),
        ({"num_speakers": 11}, "num_speakers"),
        ({"min_speakers": 3, "max_speakers": 2}, "min_speakers"),
        ({"num_speakers": 2, "min_speakers": 2}, "num_speakers"),
    ],
    ids=str,
)
@pytest.mark.parametrize("form", [TranscriptionForm, DiarizationForm])
def test_contradictions_about_speakers(form: type[RecordingForm], fields: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        form.parse(fields)
    assert caught.value.param == param


def test_a_diarization_has_the_options_of_its_recording() -> None:
    form = DiarizationForm.parse(
        {"num_speakers": "2", "start": "3", "duration": "4", "audio_track": "German", "chunking_strategy": "server_vad"}
    )
    assert form.to_options() == TranscribeOptions(
        task="diarize", speakers=SpeakerOptions(2), clip=Clip(3, 4), audio_track="de"
    )
    assert form.format.name == "json"
    assert DiarizationForm.parse({"response_format": "rttm"}).format.suffix == ".rttm"


@pytest.mark.parametrize(
    "schema", [TranscriptionForm, TranslationForm, DiarizationForm, ServerVad, ModelObject, ModelList, ErrorEnvelope]
)
def test_every_field_has_its_sentence(schema: Any) -> None:
    assert schema.__doc__
    assert all(field.description and field.description.endswith(".") for field in schema.model_fields.values())


@pytest.mark.parametrize("value", ["auto", "AUTO", "und"])
def test_language_auto_means_detection(value: str) -> None:
    form = TranscriptionForm.parse({"model": "auto", "url": "data:,", "language": value})
    assert form.to_options().language is None
