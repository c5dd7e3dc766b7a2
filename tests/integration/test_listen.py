"""`speechd listen` as a user starts it, with the embedded models."""

import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import soundfile

from tests.conftest import FIXTURES, fixtures
from tests.support.command_line import speechd
from tests.support.processes import start
from tests.support.wer import word_errors

RECORDING = FIXTURES / "en_television.flac"


def understood(text: str) -> bool:
    truth = next(fixture.text for fixture in fixtures() if fixture.path == RECORDING)
    errors, words = word_errors(truth, text)
    return errors <= 0.2 * words


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    samples, rate = soundfile.read(RECORDING)
    soundfile.write(tmp_path / "a.wav", samples, rate, subtype="PCM_16")
    return tmp_path / "a.wav"


def listening(*words: object, **options: object) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "speechd", "listen", *words]
    return start(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


def test_a_recording_becomes_lines(tmp_path: Path) -> None:
    done = speechd("listen", RECORDING, "--speed", "10", SPEECHD_DATA_DIR=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert understood(done.stdout)


def test_a_wav_on_standard_input_becomes_subtitles(wav: Path) -> None:
    output = wav.with_suffix(".srt")
    with wav.open("rb") as file, listening("-", "--format", "srt", "--output", output, stdin=file) as process:
        lines, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert re.match(r"1\n00:00:0\d,\d{3} --> 00:00:0\d,\d{3}\n", output.read_text())
    assert understood(" ".join(output.read_text().splitlines()[2:]))
    assert understood(lines)


@pytest.mark.parametrize("asked", [("--speakers",), ("--format", "minutes"), ("--format", "rttm")])
def test_without_the_model_for_speakers_the_command_is_named(tmp_path: Path, asked: tuple[str, ...]) -> None:
    done = speechd("listen", RECORDING, *asked, SPEECHD_DATA_DIR=str(tmp_path), SPEECHD_OFFLINE="true")
    assert done.returncode != 0
    assert "speechd models pull campplus" in done.stderr


@pytest.mark.parametrize("format", ["json", "vtt"])
def test_a_server_listens(server: str, format: str) -> None:
    done = speechd("listen", RECORDING, "--speed", "10", "--server", server, "--format", format)
    assert done.returncode == 0, done.stderr
    assert ('"text": ' if format == "json" else "WEBVTT") in done.stdout
    assert understood(done.stderr)  # the live words, beside the document


def test_an_interrupt_ends_the_audio_and_keeps_the_text(wav: Path) -> None:
    """Its input never ends: it is a microphone that another program records."""
    header, samples = wav.read_bytes()[:44], wav.read_bytes()[44:]
    endless = header[:40] + (2**31 - 1).to_bytes(4, "little") + samples + bytes(64_000)
    with listening("-", "--format", "json", stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        threading.Thread(target=_write, args=(process.stdin.buffer, endless), daemon=True).start()
        said = process.stderr.readline()
        process.send_signal(signal.SIGINT)
        document = process.stdout.read() if process.stdout else ""
        assert process.wait(timeout=60) == 0
        process.stdin.close()
    assert understood(said)
    assert '"text": ' in document


def _write(pipe: object, data: bytes) -> None:
    pipe.write(data)  # type: ignore[attr-defined]
    pipe.flush()  # type: ignore[attr-defined]
