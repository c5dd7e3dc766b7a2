"""A film in two languages: the track that is asked for is transcribed, over HTTP and on the command line."""

import base64
import io
import json
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import httpx2
import numpy as np
import pytest
from av.stream import Disposition

from speechd.audio.decode import open_audio
from speechd.types import Samples
from tests.conftest import Fixture, fixtures
from tests.support.wer import word_errors

TRANSCRIPTIONS = "audio/transcriptions"


def clip(name: str) -> Fixture:
    return next(fixture for fixture in fixtures("clean") if fixture.path.name == name)


ENGLISH, GERMAN = clip("en_piece_of_cake.flac"), clip("de_haus.flac")


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Matroska whose second track, the English one, is the default."""
    path = tmp_path_factory.mktemp("film") / "film.mkv"
    with av.open(str(path), "w", format="matroska") as out:
        tracks = [out.add_stream("flac", rate=16_000, layout="mono") for _ in range(2)]
        for track, language, flags in zip(tracks, ("ger", "eng"), (Disposition(0), Disposition.default), strict=True):
            track.metadata["language"], track.disposition = language, flags
        for track, fixture in zip(tracks, (GERMAN, ENGLISH), strict=True):
            with fixture.path.open("rb") as file, open_audio(file) as stream:
                samples: Samples = np.concatenate(list(stream))
            frame = av.AudioFrame.from_ndarray((samples * 32767).astype(np.int16)[None], "s16", "mono")
            frame.sample_rate, frame.pts, frame.time_base = 16_000, 0, Fraction(1, 16_000)
            out.mux(track.encode(frame))
            out.mux(track.encode(None))
    return path


def assert_says(text: str, fixture: Fixture) -> None:
    wrong, words = word_errors(fixture.text, text)
    assert wrong <= 1 < words, text


def posted(server: str, film: Path, prefix: str = "/v1", path: str = TRANSCRIPTIONS, **fields: Any) -> httpx2.Response:
    files = {"file": ("film.mkv", film.read_bytes())}
    return httpx2.post(f"{server}{prefix}/{path}", files=files, data={"model": "whisper-pocket"} | fields, timeout=60)


@pytest.mark.parametrize(
    ("audio_track", "fixture"), [(None, ENGLISH), ("0", GERMAN), ("1", ENGLISH), ("de", GERMAN), ("German", GERMAN)]
)
@pytest.mark.parametrize("prefix", ["/v1", "/openai/v1"])
def test_a_track_over_http(server: str, film: Path, prefix: str, audio_track: str | None, fixture: Fixture) -> None:
    fields = {} if audio_track is None else {"audio_track": audio_track}
    assert_says(posted(server, film, prefix, **fields).json()["text"], fixture)


def test_the_same_file_is_not_remembered_across_tracks(server: str, film: Path) -> None:
    replies = [posted(server, film, audio_track=track, prompt="Once more.") for track in ("0", "1", "0", "de")]
    assert [reply.headers["x-speechd-cache"] for reply in replies][:3] == ["miss", "miss", "hit"]
    assert replies[0].json()["text"] == replies[2].json()["text"] == replies[3].json()["text"]


def test_json_bodies_have_it_too(server: str, film: Path) -> None:
    url = "data:video/x-matroska;base64," + base64.b64encode(film.read_bytes()).decode()
    body = {"model": "whisper-pocket", "url": url, "audio_track": 0}
    assert_says(httpx2.post(f"{server}/v1/{TRANSCRIPTIONS}", json=body, timeout=60).json()["text"], GERMAN)


@pytest.mark.parametrize("path", [TRANSCRIPTIONS, "audio/translations"])
@pytest.mark.parametrize("more", [{}, {"stream": "true"}])
def test_a_track_that_is_not_there_is_refused(server: str, film: Path, path: str, more: dict[str, str]) -> None:
    reply = posted(server, film, path=path, audio_track="fr", **(more if path == TRANSCRIPTIONS else {}))
    assert reply.status_code == 400, reply.text
    error = reply.json()["error"]
    assert error["param"] == "audio_track"
    assert "0 (German, flac, 1 channel), 1 (English, flac, 1 channel)" in error["message"]


def speechd(*words: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "speechd", "transcribe", "-m", "whisper-pocket", *map(str, words)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SPEECHD_")}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.slow
def test_the_command_line(server: str, film: Path, tmp_path: Path) -> None:
    for number, more in enumerate(((), ("--url", server))):
        done = speechd(film, "--audio-track", "de", "-f", "json", "-o", tmp_path / str(number), *more)
        assert done.returncode == 0, done.stderr
        assert_says(json.loads((tmp_path / str(number) / "film.json").read_text())["text"], GERMAN)
    done = speechd(film, "--audio-track", "7")
    assert done.returncode == 1
    assert "1 (English, flac, 1 channel)" in done.stderr


def test_wavs_one_behind_the_other_and_what_is_left_behind(server: str) -> None:
    soundfile = pytest.importorskip("soundfile")
    samples, rate = soundfile.read(ENGLISH.path)
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format="WAV", subtype="PCM_16")
    whole = buffer.getvalue()
    for data, warning in ((whole, None), (whole + whole, None), (whole + whole[44:], "trailing-data")):
        files = {"file": ("a.wav", data)}
        form = {"model": "whisper-pocket", "response_format": "verbose_json"}
        reply = httpx2.post(f"{server}/v1/{TRANSCRIPTIONS}", files=files, data=form, timeout=60)
        assert reply.headers.get("x-speechd-warning") == warning
        times = 2 if data == whole + whole else 1
        assert reply.json()["duration"] == pytest.approx(times * len(samples) / rate, abs=0.02)
