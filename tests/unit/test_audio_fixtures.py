"""The audio fixtures agree with their manifests."""

from __future__ import annotations

import io
import itertools
import json
import wave
from pathlib import Path
from typing import Any

import av
import av.error
import pytest
import soundfile

FOLDER = Path(__file__).resolve().parents[2] / "audio_fixtures"
MANIFEST: list[dict[str, Any]] = json.loads((FOLDER / "manifest.json").read_text("utf-8"))
BROKEN: list[dict[str, Any]] = json.loads((FOLDER / "broken" / "manifest.json").read_text("utf-8"))
NOT_AUDIO = {".py", ".md", ".json", ".pyc"}
ACCEPTED = {"flac", "mp3", "mp4", "mpeg", "mpga", "m4a", "ogg", "oga", "opus", "wav", "webm"}
ACCEPTED |= {"aac", "aiff", "amr", "wma"}
DEMUXERS = "aac,aiff,amr,asf,caf,flac,matroska,mov,mp3,mpeg,ogg,wav,webm"


def decoded_seconds(data: bytes) -> float:
    """Seconds of the first audio track that decode before the end or the first error."""
    seconds = 0.0
    options = {"format_whitelist": DEMUXERS, "protocol_whitelist": ""}
    try:
        with av.open(io.BytesIO(data), "r", options=options) as container:
            if not container.streams.audio:
                return 0.0
            for frame in container.decode(audio=0):
                seconds += frame.samples / frame.sample_rate
    except (av.error.FFmpegError, ValueError, OverflowError):
        pass
    return seconds


def plain_tokens(text: str) -> list[str]:
    """The words of a text without the punctuation around them."""
    return [token.strip(".,?!¿¡") for token in text.split()]


def spoken() -> list[dict[str, Any]]:
    """The rows with speech."""
    return [row for row in MANIFEST if row["language"] is not None]


def test_the_manifest_lists_exactly_the_audio_files() -> None:
    listed = [row["file"] for row in MANIFEST]
    found = {
        path.relative_to(FOLDER).as_posix()
        for path in FOLDER.rglob("*")
        if path.is_file() and path.suffix not in NOT_AUDIO and path.parent.name != "broken"
    }
    assert len(listed) == len(set(listed))
    assert set(listed) == found


def test_the_broken_manifest_lists_exactly_the_broken_files() -> None:
    found = {path.name for path in (FOLDER / "broken").iterdir()} - {"manifest.json"}
    assert {row["file"] for row in BROKEN} == found
    assert len(found) >= 40


def test_the_first_entry_is_a_short_clean_english_clip_with_word_times() -> None:
    first = MANIFEST[0]
    assert first["language"] == "en"
    assert first["tags"] == ["clean"]
    assert first["duration"] < 5
    assert first["words"]
    with wave.open(str(FOLDER / first["file"])) as clip:
        assert (clip.getframerate(), clip.getnchannels(), clip.getsampwidth()) == (16000, 1, 2)


@pytest.mark.parametrize("row", MANIFEST, ids=lambda row: row["file"])
def test_an_entry_decodes_to_its_duration(row: dict[str, Any]) -> None:
    seconds = decoded_seconds((FOLDER / row["file"]).read_bytes())
    assert seconds == pytest.approx(row["duration"], abs=0.2)


@pytest.mark.parametrize("row", spoken(), ids=lambda row: row["file"])
def test_words_are_the_text_in_order_inside_the_recording(row: dict[str, Any]) -> None:
    assert [word["word"] for word in row["words"]] == plain_tokens(row["text"])
    words = iter(row["words"])
    for turn in row.get("turns", [{"text": row["text"], "start": 0.0, "end": row["duration"]}]):
        clock = turn["start"]
        for token in plain_tokens(turn["text"]):
            word = next(words)
            assert word["word"] == token
            assert clock <= word["start"] < word["end"] <= turn["end"] <= row["duration"]
            clock = word["end"]


def test_the_call_is_two_people_who_interrupt_each_other() -> None:
    (row,) = [row for row in MANIFEST if "call" in row["tags"]]
    turns = row["turns"]
    assert {turn["channel"] for turn in turns} == {1, 2}
    assert [turn["start"] for turn in turns] == sorted(turn["start"] for turn in turns)
    assert sum(one["end"] > two["start"] for one, two in itertools.pairwise(turns)) >= 3
    assert (FOLDER / row["file"]).stat().st_size < 150_000


def test_what_is_not_speech_says_nothing() -> None:
    silent = [row for row in MANIFEST if row["language"] is None]
    assert len(silent) >= 4
    for row in silent:
        assert row["text"] == ""
        assert row["words"] == []


def test_there_are_four_languages_and_true_translations() -> None:
    count = dict.fromkeys(("en", "es", "de", "fr"), 0)
    for row in MANIFEST:
        if "clean" in row["tags"]:
            count[row["language"]] += 1
            assert ("english" in row) == (row["language"] != "en")
    assert count["en"] >= 8
    assert count["es"] >= 4
    assert count["de"] >= 4
    assert count["fr"] >= 4


def test_every_accepted_container_is_there() -> None:
    files = [row["file"] for row in MANIFEST if "container" in row["tags"]]
    assert {Path(file).suffix[1:] for file in files} == ACCEPTED
    assert len({row["text"] for row in MANIFEST if "container" in row["tags"]}) == 1


@pytest.mark.parametrize(
    ("file", "rate", "channels", "subtype"),
    [
        ("rate_8000.wav", 8000, 1, "PCM_16"),
        ("rate_22050.wav", 22050, 1, "PCM_16"),
        ("rate_44100.flac", 44100, 1, "PCM_16"),
        ("rate_48000.flac", 48000, 1, "PCM_16"),
        ("stereo.wav", 16000, 2, "PCM_16"),
        ("surround_5_1.flac", 48000, 6, "PCM_16"),
        ("pcm_24_bit.wav", 16000, 1, "PCM_24"),
        ("pcm_float.wav", 16000, 1, "FLOAT"),
        ("pcm_8_bit.wav", 16000, 1, "PCM_U8"),
        ("mu_law.wav", 8000, 1, "ULAW"),
    ],
)
def test_sample_formats_are_what_their_names_say(file: str, rate: int, channels: int, subtype: str) -> None:
    info = soundfile.info(FOLDER / "formats" / file)
    assert (info.samplerate, info.channels, info.subtype) == (rate, channels, subtype)


def test_one_speaker_a_channel() -> None:
    samples, _ = soundfile.read(FOLDER / "channels" / "left_only.flac")
    assert abs(samples[:, 0]).max() > 0.4
    assert abs(samples[:, 1]).max() == 0
    samples, _ = soundfile.read(FOLDER / "channels" / "two_speakers.flac")
    assert (abs(samples) > 0.01).any(axis=0).all()
    assert not (abs(samples) > 0).all(axis=1).any()


def test_the_long_recording_is_three_minutes_of_many_sentences() -> None:
    (row,) = [row for row in MANIFEST if row["file"].endswith("three_minutes.opus")]
    assert row["duration"] == pytest.approx(180, abs=10)
    assert row["text"].count(".") + row["text"].count("?") >= 60


@pytest.mark.parametrize("row", BROKEN, ids=lambda row: row["file"])
def test_a_broken_file_holds_audio_only_if_its_row_says_so(row: dict[str, Any]) -> None:
    assert row["why"]
    assert row["expect"] in {"error", "truncated", "ok"}
    seconds = decoded_seconds((FOLDER / "broken" / row["file"]).read_bytes())
    assert (seconds == 0) == (row["expect"] == "error")


def test_the_folder_stays_small() -> None:
    sizes = [path.stat().st_size for path in FOLDER.rglob("*") if path.suffix != ".pyc"]
    assert sum(sizes) < 6_000_000
