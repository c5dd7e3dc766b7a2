"""Calls of two channels, recordings in which languages mix, and subtitles, through the real SDKs and the real model."""

import asyncio
import io
import itertools
import json
from collections.abc import Iterator
from typing import Any

import av
import numpy as np
import pytest
import soundfile
import srt
import webvtt
from groq import Groq
from openai import AsyncOpenAI, BadRequestError, InternalServerError, OpenAI

from tests.conftest import FIXTURES, Fixture, fixtures
from tests.support.generated_audio import encode, interleaved, tone, wav
from tests.support.wer import normalised

MODEL = "whisper-pocket"
CALL = FIXTURES / "channels" / "call.opus"


@pytest.fixture(scope="module")
def openai(server: str) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{server}/v1", api_key="unused", max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def turns() -> list[dict[str, Any]]:
    """The truth about the call."""
    (row,) = [row for row in json.loads((FIXTURES / "manifest.json").read_text()) if "call" in row["tags"]]
    return list(row["turns"])


def assert_are_the_turns(segments: list[Any], turns: list[dict[str, Any]], names: tuple[str, str]) -> None:
    assert [segment.speaker for segment in segments] == [names[turn["channel"] - 1] for turn in turns]
    assert [normalised(segment.text) for segment in segments] == [normalised(turn["text"]) for turn in turns]
    for segment, turn in zip(segments, turns, strict=True):
        assert segment.start == pytest.approx(turn["start"], abs=0.15)
        assert segment.end == pytest.approx(turn["end"], abs=0.15)


def test_a_call_as_diarized_json(openai: OpenAI, turns: list[dict[str, Any]]) -> None:
    """People who interrupt each other, each on a channel."""
    answer = openai.audio.transcriptions.create(
        model=MODEL, file=CALL, response_format="diarized_json", extra_body={"channels": "split"}
    )
    assert type(answer).__name__ == "TranscriptionDiarized"
    assert_are_the_turns(answer.segments, turns, ("channel_1", "channel_2"))
    assert len({segment.id for segment in answer.segments}) == len(turns)
    assert normalised(answer.text) == normalised(" ".join(turn["text"] for turn in turns))
    assert answer.usage is not None
    assert answer.usage.seconds == pytest.approx(2 * answer.duration, abs=1)


def test_a_call_as_a_stream(openai: OpenAI, turns: list[dict[str, Any]]) -> None:
    stream = openai.audio.transcriptions.create(
        model=MODEL,
        file=CALL,
        response_format="diarized_json",
        stream=True,
        extra_body={"channels": "split", "channel_labels": ["agent", "caller"]},
    )
    *events, done = list(stream)
    segments = [event for event in events if event.type == "transcript.text.segment"]
    deltas = [event for event in events if event.type == "transcript.text.delta"]
    assert_are_the_turns(segments, turns, ("agent", "caller"))
    assert "".join(delta.delta for delta in deltas) == done.text
    assert [delta.segment_id for delta in deltas] == [segment.id for segment in segments]


def test_a_call_says_its_channels_in_groqs_answer(server: str, turns: list[dict[str, Any]]) -> None:
    with Groq(base_url=server, api_key="unused", max_retries=0) as groq:
        answer = groq.audio.transcriptions.create(
            model=MODEL,
            file=CALL,
            response_format="verbose_json",
            timestamp_granularities=["word", "segment"],
            extra_body={"channels": "split"},
        ).model_dump()
    assert [segment["channel"] for segment in answer["segments"]] == [f"channel_{turn['channel']}" for turn in turns]
    for channel in ("channel_1", "channel_2"):
        words = [word for word in answer["words"] if word["channel"] == channel]
        assert all(one["end"] <= two["start"] for one, two in itertools.pairwise(words))


@pytest.mark.parametrize("container", ["wav", "opus"])
def test_one_voice_on_both_channels_is_written_once(openai: OpenAI, english: Fixture, container: str) -> None:
    voice = np.repeat(soundfile.read(english.path, dtype="float32")[0], 3)
    data = encode(voice, 48_000, container, {"wav": "pcm_s16le", "opus": "libopus"}[container], channels=2)
    answer = openai.audio.transcriptions.create(
        model=MODEL, file=("both", data), response_format="diarized_json", extra_body={"channels": "split"}
    )
    assert normalised(answer.text) == normalised(english.text)
    assert {segment.speaker for segment in answer.segments} == {"channel_1"}
    assert answer.usage is not None
    assert answer.usage.seconds == pytest.approx(answer.duration, abs=1)


@pytest.mark.parametrize(("file", "speaker"), [("channels/left_only.flac", "channel_1"), ("en_shirt.flac", "me")])
def test_silent_channels_and_mono(openai: OpenAI, file: str, speaker: str) -> None:
    labels = {} if speaker.startswith("channel") else {"channel_labels": [speaker]}
    answer = openai.audio.transcriptions.create(
        model=MODEL,
        file=FIXTURES / file,
        response_format="diarized_json",
        extra_body={"channels": "split"} | labels,
    )
    assert [segment.speaker for segment in answer.segments] == [speaker]


def test_too_many_channels_are_refused(openai: OpenAI) -> None:
    data = wav(interleaved([tone(1, 16_000)] * 9), channels=9)
    with pytest.raises(BadRequestError, match="at most 8") as refusal:
        openai.audio.transcriptions.create(model=MODEL, file=("nine.wav", data), extra_body={"channels": "split"})
    assert refusal.value.param == "channels"


def test_diarization_without_channels_needs_a_model(openai: OpenAI) -> None:
    with pytest.raises(InternalServerError, match="speechd models pull campplus") as refusal:
        openai.audio.transcriptions.create(model=MODEL, file=CALL, response_format="diarized_json")
    assert (refusal.value.status_code, refusal.value.code) == (503, "model_not_installed")


# Languages


MIXED = ("en_television.flac", "es_casa_blanca.flac", "de_haus.flac", "en_shirt.flac", "es_playa.flac", "de_zug.flac")
NAMES = {"en": "english", "es": "spanish", "de": "german"}


@pytest.fixture(scope="module")
def mixed() -> tuple[bytes, list[Fixture]]:
    """Sentences in three languages; the pauses between them are the 0.2 s at each end of a clip."""
    parts = [next(f for f in fixtures("clean") if f.path.name == name) for name in MIXED]
    samples = [soundfile.read(part.path, dtype="float32")[0] for part in parts]
    buffer = io.BytesIO()
    soundfile.write(buffer, np.concatenate(samples), 16_000, format="FLAC")
    return buffer.getvalue(), parts


def verbose(client: OpenAI, data: bytes, **extra: Any) -> dict[str, Any]:
    return client.audio.transcriptions.create(
        model=MODEL, file=("mixed.flac", data), response_format="verbose_json", extra_body=extra
    ).model_dump()


def test_each_segment_is_in_its_language(openai: OpenAI, mixed: tuple[bytes, list[Fixture]]) -> None:
    data, parts = mixed
    answer = verbose(openai, data, language="multi")
    assert [segment["language"] for segment in answer["segments"]] == [NAMES[part.language or ""] for part in parts]
    texts = [normalised(segment["text"]) for segment in answer["segments"]]
    assert texts == [normalised(part.text) for part in parts]
    assert answer["language"] == "english"


def test_languages_are_chosen_among_those_allowed(openai: OpenAI, mixed: tuple[bytes, list[Fixture]]) -> None:
    answer = verbose(openai, mixed[0], language="multi", languages=["en", "es"])
    languages = [segment["language"] for segment in answer["segments"]]
    assert languages[0] == languages[3] == "english"
    assert languages[1] == languages[4] == "spanish"
    assert set(languages) == {"english", "spanish"}


def test_no_language_is_sure_enough_for_the_highest_floor(openai: OpenAI, mixed: tuple[bytes, list[Fixture]]) -> None:
    answer = verbose(openai, mixed[0], language="multi", language_floor=1.0)
    assert {segment["language"] for segment in answer["segments"]} == {"english"}


async def test_mixed_recordings_share_batches_with_others(server: str, mixed: tuple[bytes, list[Fixture]]) -> None:
    """Windows of many requests are decoded together, in the languages that each of them asks for."""
    data, parts = mixed
    async with AsyncOpenAI(base_url=f"{server}/v1", api_key="unused", max_retries=0) as client:

        async def ask(content: bytes, **parameters: Any) -> str:
            reply = await client.audio.transcriptions.create(model=MODEL, file=("a.flac", content), **parameters)
            return normalised(reply.text)

        others = [fixture for fixture in fixtures("clean") if "hard" not in fixture.tags][:12]
        several, *single = await asyncio.gather(
            ask(data + b"\0", extra_body={"language": "multi"}),
            *(ask(other.path.read_bytes() + b"\0", language=other.language) for other in others),
        )
    assert several == normalised(" ".join(part.text for part in parts))
    assert single == [normalised(other.text) for other in others]


def test_a_model_of_one_language_refuses_several(openai: OpenAI, english: Fixture) -> None:
    from openai import UnprocessableEntityError

    pytest.importorskip("pocketsphinx")
    with pytest.raises(UnprocessableEntityError) as refusal:
        openai.audio.transcriptions.create(
            model="pocketsphinx-en-us", file=english.path, extra_body={"language": "multi"}
        )
    assert refusal.value.param == "language"


# Subtitles


def subtitles(client: OpenAI, response_format: str, **extra: Any) -> str:
    (fixture,) = [fixture for fixture in fixtures("long") if fixture.duration < 100]
    return str(
        client.audio.transcriptions.create(
            model=MODEL, file=fixture.path, response_format=response_format, extra_body=extra
        )
    )


WISHES = {"max_line_width": 24, "max_lines": 1, "max_cue_seconds": 2.5, "min_gap": 0.1}


def test_subtitles_keep_to_what_was_wished(openai: OpenAI) -> None:
    plain = list(srt.parse(subtitles(openai, "srt")))
    made = list(srt.parse(subtitles(openai, "srt", **WISHES)))
    assert len(made) > len(plain)
    assert " ".join(cue.content.replace("\n", " ") for cue in made) == " ".join(cue.content for cue in plain)
    for cue in made:
        assert len(cue.content) <= 24
        assert "\n" not in cue.content
        assert (cue.end - cue.start).total_seconds() <= 2.5
    for one, two in itertools.pairwise(made):
        assert (two.start - one.end).total_seconds() >= 0.1 - 1e-9


def test_every_cue_starts_with_speech(openai: OpenAI) -> None:
    (fixture,) = [fixture for fixture in fixtures("long") if fixture.duration < 100]
    words, errors = iter(fixture.words), []
    for cue in srt.parse(subtitles(openai, "srt", **WISHES)):
        first, *_ = [next(words) for _ in cue.content.split()]
        errors.append(abs(cue.start.total_seconds() - first["start"]))
    assert np.median(errors) < 0.1


@pytest.mark.parametrize("extra", [{}, WISHES, {"karaoke": "true"}, WISHES | {"karaoke": "true"}])
def test_ffmpeg_and_webvtt_read_the_subtitles(openai: OpenAI, extra: dict[str, Any]) -> None:
    text = subtitles(openai, "vtt", **extra)
    assert ("<00:00:" in text) == ("karaoke" in extra)
    captions = list(webvtt.from_buffer(io.StringIO(text)).captions)
    with av.open(io.BytesIO(text.encode()), format="webvtt") as container:
        packets = [packet for packet in container.demux() if packet.size]
    assert [bytes(packet).decode() for packet in packets] == [caption.raw_text for caption in captions]
    assert len(captions) >= 9


def test_a_recording_without_speech_has_valid_subtitles(openai: OpenAI) -> None:
    silence = next(fixture for fixture in fixtures() if not fixture.text)

    def answered(response_format: str) -> str:
        return str(
            openai.audio.transcriptions.create(
                model=MODEL, file=silence.path, response_format=response_format, extra_body={"max_lines": 1}
            )
        )

    assert answered("srt").strip() == ""
    assert list(webvtt.from_buffer(io.StringIO(answered("vtt"))).captions) == []
