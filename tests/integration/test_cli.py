"""The command line as a person meets it."""

import json
import re
from pathlib import Path

import pytest

from tests.conftest import FIXTURES, Fixture, fixtures
from tests.support.command_line import speechd, speechd_in_process
from tests.support.wer import normalised, word_errors


@pytest.mark.parametrize("command", [(), ("serve",), ("transcribe",), ("translate",)])
def test_help_tells_what_a_command_does(command: tuple[str, ...]) -> None:
    done = speechd_in_process(*command, "--help")
    assert done.returncode == 0
    assert "Usage" in done.stdout
    assert "SPEECHD_" in done.stdout or command


def test_one_recording_is_printed(english: Fixture) -> None:
    done = speechd("transcribe", english.path)
    assert (done.returncode, normalised(done.stdout)) == (0, normalised(english.text))


VOICES_AT_ONCE = FIXTURES / "channels" / "call.opus"
"""Mixed to one channel, more than the embedded model understands."""


@pytest.mark.slow
def test_what_the_embedded_model_doubts_names_the_remedy(server: str, tmp_path: Path, english: Fixture) -> None:
    remedy, here = "speechd models pull whisper-base", ("transcribe", "-m", "whisper-pocket")
    assert remedy in speechd(*here, VOICES_AT_ONCE).stderr
    assert remedy in speechd(*here, VOICES_AT_ONCE, "--url", server).stderr
    assert remedy in speechd(*here, VOICES_AT_ONCE, english.path, "-o", tmp_path).stderr
    assert speechd(*here, english.path).stderr == ""


def test_several_formats_are_written_beside_each_other(tmp_path: Path, english: Fixture) -> None:
    done = speechd("transcribe", english.path, "-f", "json,srt,vtt,txt,tsv", "-o", tmp_path / "a" / "b")
    assert done.returncode == 0, done.stderr
    stem = tmp_path / "a" / "b" / english.path.stem
    answer = json.loads(stem.with_suffix(".json").read_text())
    assert [normalised(word["word"])[0] for word in answer["words"]] == normalised(english.text)
    assert stem.with_suffix(".srt").read_text().startswith("1\n00:00:00,")
    assert stem.with_suffix(".vtt").read_text().startswith("WEBVTT\n")
    assert normalised(stem.with_suffix(".txt").read_text()) == normalised(english.text)


def test_a_call_is_written_by_channel(tmp_path: Path) -> None:
    words = ("--channels", "split", "--channel-labels", "agent,caller", "-f", "diarized_json,json,vtt", "--karaoke")
    done = speechd("transcribe", FIXTURES / "channels" / "call.opus", *words, "-o", tmp_path)
    assert done.returncode == 0, done.stderr
    diarized = json.loads((tmp_path / "call.diarized.json").read_text())
    assert [segment["speaker"] for segment in diarized["segments"][:3]] == ["agent", "caller", "agent"]
    verbose = json.loads((tmp_path / "call.json").read_text())
    assert [segment["channel"] for segment in verbose["segments"][:3]] == ["agent", "caller", "agent"]
    assert re.search(r"\n<v agent>The <\d\d:\d\d:\d\d\.\d{3}>train ", (tmp_path / "call.vtt").read_text())


def test_a_service_elsewhere_is_asked_for_the_same(server: str, tmp_path: Path) -> None:
    words = ("--channels", "split", "-f", "json,srt", "--max-line-width", "20", "-m", "whisper-pocket")
    for place, more in ((tmp_path / "here", ()), (tmp_path / "there", ("--url", server))):
        done = speechd("transcribe", FIXTURES / "channels" / "call.opus", *words, *more, "-o", place)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "here" / "call.srt").read_text() == (tmp_path / "there" / "call.srt").read_text()
    here, there = (json.loads((tmp_path / place / "call.json").read_text()) for place in ("here", "there"))
    assert there["segments"] == here["segments"]
    assert there["words"] == here["words"]


def test_translate_writes_english() -> None:
    spanish = next(fixture for fixture in fixtures("clean") if fixture.path.name == "es_playa.flac")
    done = speechd("translate", spanish.path, "--language", "Spanish")
    wrong, words = word_errors(spanish.english or "", done.stdout)
    assert wrong <= 1 < words, "whisper-pocket takes one word for another of its kind in about one sentence of five"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("transcribe", "/nowhere/at/all.wav"), "no file or folder"),
        (("transcribe", "{audio}", "--language", "klingonese"), "Unknown language 'klingonese'"),
        (("transcribe", "{audio}", "--channels", "left"), "`channels`"),
        (("transcribe", "{audio}", "--channel-labels", "a,b"), "`channel_labels` needs `channels` to be `split`"),
        (("transcribe", "{audio}", "--languages", "en,xx"), "Unknown language 'xx'"),
        (("transcribe", "{audio}", "--language-floor", "0.5"), "`language_floor` needs `language` to be `multi`"),
        (("transcribe", "{audio}", "--format", "diarized_json"), "speechd models pull campplus"),
        (("transcribe", "{audio}", "--speakers"), "speechd models pull campplus"),
        (("speakers", "remove", "Nobody"), "No speaker is enrolled as Nobody"),
        (("speakers", "enrol", "Anna", "{audio}"), "speechd models pull campplus"),
        (("speakers", "enrol", "Anna", "{audio}", "--key", "nobody"), "There is no key named nobody"),
        (("transcribe", "{audio}", "--max-lines", "2"), "need --format srt or vtt"),
        (("transcribe", "{audio}", "--karaoke", "--format", "srt"), "--karaoke needs --format vtt"),
        (
            ("transcribe", "{audio}", "--format", "docx"),
            "--format takes txt, json, srt, vtt, tsv, lrc, diarized_json, minutes, rttm, not docx",
        ),
        (("transcribe", "{audio}", "--task", "sing"), "transcribe or translate, not sing"),
        (("transcribe", "{audio}", "--model", "whisper-large-v3"), "not installed"),
        (("transcribe", "{audio}", "--model", "gpt-9"), "does not exist"),
        (("serve", "--host", "0.0.0.0"), "SPEECHD_API_KEY"),
    ],
)
def test_a_mistake_is_one_clear_line(words: tuple[str, ...], message: str, english: Fixture) -> None:
    done = speechd_in_process(*(word.format(audio=english.path) for word in words))
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_bad_setting_is_named() -> None:
    done = speechd("serve", SPEECHD_MAX_UPLOAD_BYTES="many")
    assert done.returncode == 1
    assert "SPEECHD_MAX_UPLOAD_BYTES" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_in_use_is_said_before_anything_is_loaded() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = speechd("serve", "--port", taken.getsockname()[1])
    assert done.returncode == 1
    assert "--port" in done.stderr
