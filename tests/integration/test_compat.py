"""The calls of other servers on a real one: the lines of the guide, and what Bazarr sends."""

import json
import re
import shlex
import subprocess
from collections.abc import Iterator

import httpx2
import numpy as np
import pytest
import srt

from speechd.audio.decode import open_audio
from tests.conftest import ROOT, Fixture, fixtures
from tests.integration.conftest import serving
from tests.support.generated_audio import pcm16
from tests.support.wer import word_errors

pytestmark = pytest.mark.extra

GUIDE = (ROOT / "docs/guides/compatibility.md").read_text()
CURL_LINES = re.findall(r"^curl .*$", GUIDE, re.MULTILINE)


@pytest.fixture(scope="module")
def compat_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("data"), SPEECHD_COMPAT="asr,inference") as url:
        yield url


def said(name: str) -> Fixture:
    return next(fixture for fixture in fixtures() if fixture.path.name == name)


def spoken(subtitles: str) -> str:
    return " ".join(cue.content for cue in srt.parse(subtitles))


@pytest.mark.parametrize("line", CURL_LINES)
def test_the_lines_of_the_guide(compat_server: str, line: str) -> None:
    command = ["curl", "--silent", "--fail", *shlex.split(line.replace("http://127.0.0.1:8000", compat_server))[1:]]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120).stdout
    (name,) = re.findall(r"audio_fixtures/(?:\w+/)?([\w.]+)", line)
    fixture = said(name)
    if "detect-language" in line:
        assert json.loads(answer)["language_code"] == fixture.language
    elif "output=srt" in line:
        assert word_errors(fixture.text, spoken(answer))[0] == 0
    else:
        segments = json.loads(answer)["segments"]
        assert word_errors(fixture.text, "".join(segment["text"] for segment in segments))[0] == 0
        assert all(word["start"] <= word["end"] for segment in segments for word in segment["words"])


def test_the_guide_has_a_line_for_each_call() -> None:
    assert {line.split("8000")[1].split('"')[0].split()[0].split("?")[0] for line in CURL_LINES} == {
        "/asr",
        "/detect-language",
        "/inference",
    }


def test_what_bazarr_sends(compat_server: str) -> None:
    """`ffmpeg -f s16le -ac 1 -ar 16000`: first the language is detected, then subtitles are made in it."""
    fixture = said("de_fenster.flac")
    with fixture.path.open("rb") as file, open_audio(file) as stream:
        bare = pcm16(np.concatenate(list(stream)))
    files = {"audio_file": ("audio_file", bare)}
    detect = {"encode": "false", "video_file": "/films/a.mkv"}
    found = httpx2.post(f"{compat_server}/detect-language", params=detect, files=files, timeout=60).json()
    assert (found["detected_language"], found["language_code"]) == ("german", "de")
    assert 0 < found["confidence"] <= 1
    asked = {"task": "transcribe", "language": found["language_code"], "output": "srt", "encode": "false"}
    reply = httpx2.post(f"{compat_server}/asr", params=asked, files=files, timeout=60)
    assert "truncated-audio" not in reply.headers.get("x-speechd-warning", "")
    assert word_errors(fixture.text, spoken(reply.text))[0] == 0
