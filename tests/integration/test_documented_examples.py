"""The examples of the README and of docs/ run as they stand, but for the port."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import soundfile
import srt

from tests.conftest import ROOT, Fixture, fixtures
from tests.support.processes import start
from tests.support.wer import word_errors

PAGES = [
    ROOT / "README.md",
    # the pages of clients need these installed: tests/integration/clients/test_pages.py
    *sorted(page for page in (ROOT / "docs").rglob("*.md") if page.parent.name != "clients"),
]
ADDRESS = "http://127.0.0.1:8000"


def blocks(kind: str) -> list[str]:
    """The blocks of all pages, each once: the README repeats some."""
    found = (re.findall(rf"^```{kind}\n(.*?)^```", page.read_text(), flags=re.MULTILINE | re.DOTALL) for page in PAGES)
    return list(dict.fromkeys(block for page in found for block in page))


def shell_lines(start: str) -> list[str]:
    """The lines that begin so, each once; a line that ends in a backslash goes on."""
    whole = (block.replace("\\\n", "") for block in blocks("sh"))
    return list(dict.fromkeys(line for block in whole for line in block.splitlines() if line.startswith(start)))


def run(command: list[str], folder: Path = ROOT) -> str:
    done = started(command, folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


def started(command: list[str], folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """With this environment's commands first."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = os.environ | {"PATH": path}
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment, timeout=300)


def said(name: str) -> Fixture:
    return next(fixture for fixture in fixtures() if fixture.path.name == name)


def examples(speaking: bool) -> list[str]:
    return [code for code in blocks("python") if ("audio.speech" in code) == speaking]


@pytest.mark.parametrize("code", examples(speaking=False), ids=lambda code: "openai" if "openai" in code else "groq")
def test_python_examples(server: str, code: str) -> None:
    printed = run([sys.executable, "-W", "ignore", "-c", code.replace(ADDRESS, server)])
    assert printed.strip()
    (name,) = re.findall(r"audio_fixtures/([\w.]+)", code)
    fixture = said(name)
    wanted = fixture.english if "translations" in code else fixture.text
    assert word_errors(wanted or "", printed.splitlines()[0])[0] == 0


@pytest.mark.parametrize("code", examples(speaking=True))
def test_python_examples_that_speak(server: str, code: str, tmp_path: Path) -> None:
    run([sys.executable, "-W", "ignore", "-c", code.replace(ADDRESS, server)], tmp_path)
    (spoken,) = tmp_path.glob("*.mp3")
    assert soundfile.info(spoken).duration > 1
    (said,) = re.findall(r'input="(.*?)"', code)
    assert said in spoken.with_suffix(".srt").read_text()


@pytest.mark.parametrize("line", [line for line in shell_lines("curl") if "audio/speech" in line])
def test_curl_examples_that_speak(server: str, line: str, tmp_path: Path) -> None:
    spoken = tmp_path / "spoken.mp3"
    words = [str(spoken) if word.endswith(".mp3") else word for word in shlex.split(line.replace(ADDRESS, server))]
    run(words)
    assert soundfile.info(spoken).duration > 1


@pytest.mark.parametrize("line", [line for line in shell_lines("curl") if "transcriptions -F" in line])
def test_curl_examples(server: str, line: str) -> None:
    printed = run(shlex.split(line.replace(ADDRESS, server)))
    text = said(Path(line.split()[-1]).name).text
    assert text in printed if "start=" not in line else 10 < len(printed) < len(text) and printed in text


PRINTED = [line for line in shell_lines("speechd tran") if "audio_fixtures/" in line and " --" not in line]


@pytest.mark.parametrize("line", PRINTED)
def test_command_line_examples(line: str) -> None:
    fixture = said(Path(line.split()[-1]).name)
    wanted = fixture.english if "translate" in line.split() else fixture.text
    assert word_errors(wanted or "", run(shlex.split(line)))[0] == 0


@pytest.mark.parametrize("line", shell_lines("speechd speak"))
def test_command_lines_that_speak(line: str, tmp_path: Path) -> None:
    run(shlex.split(line), tmp_path)
    assert soundfile.info(tmp_path / "tea.flac").duration > 1
    assert list(srt.parse((tmp_path / "tea.srt").read_text()))


def test_the_call_example_prints_what_is_shown() -> None:
    (line,) = [line for line in shell_lines("speechd tran") if "--channels" in line]
    assert run(shlex.split(line)) in blocks("text")


def test_the_subtitle_example() -> None:
    (line,) = [line for line in shell_lines("speechd tran") if "--format srt" in line]
    cues = list(srt.parse(run(shlex.split(line))))
    assert " ".join(cue.content for cue in cues).split() == said("pauses_25s.flac").text.split()
    assert all(len(text) <= 24 for cue in cues for text in cue.content.split("\n"))


@pytest.mark.slow
def test_the_folder_example(tmp_path: Path) -> None:
    (line,) = [line for line in shell_lines("speechd tran") if "audio_fixtures " in line]
    words = [str(tmp_path) if word == "out" else word for word in shlex.split(line)]
    done = started(words)
    assert done.returncode == 0, done.stderr
    assert "failed" not in done.stderr
    for fixture in fixtures("clean"):
        stem = tmp_path / fixture.path.with_suffix("").name
        assert {path.suffix for path in tmp_path.glob(f"{stem.name}.*")} == {".json", ".srt", ".vtt", ".txt"}
    assert (tmp_path / "containers" / "sentence.flac.json").exists(), "same stem: the suffix is kept"
    assert not list(tmp_path.rglob(".*")), "no temporary file stays"


FOLDER_LINES = [*shell_lines("speechd transcribe recordings"), *shell_lines("cat talk.mp3")]


@pytest.mark.parametrize("line", [line for line in FOLDER_LINES if not {"--watch", "--cluster"} & {*line.split()}])
def test_the_lines_about_folders(server: str, line: str, tmp_path: Path) -> None:
    sentence = said("sentence.mp3")
    shutil.copy(sentence.path, tmp_path / "talk.mp3")
    for name in ("a/talk.flac", "drafts/talk.mp3"):
        (tmp_path / "recordings" / name).parent.mkdir(parents=True)
        shutil.copy(sentence.path.with_suffix(Path(name).suffix), tmp_path / "recordings" / name)
    shutil.copy(sentence.path, tmp_path / "recordings" / "talk.mp3")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    command = ["bash", "-c", line.replace(ADDRESS, server)]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=300, env=os.environ | {"PATH": path}
    )
    assert done.returncode == 0, done.stderr
    written = sorted(tmp_path.rglob("*.srt")) + sorted(tmp_path.rglob("*.txt"))
    assert bool(written) != ("--dry-run" in line)
    assert all("market" in file.read_text() for file in written)


def test_the_line_that_follows_a_folder(tmp_path: Path) -> None:
    (line,) = [line for line in FOLDER_LINES if "--watch" in line]
    (tmp_path / "recordings").mkdir()
    shutil.copy(said("sentence.mp3").path, tmp_path / "recordings" / "talk.mp3")
    command = [sys.executable, "-m", *shlex.split(line)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with start(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, env=environment) as process:
        while not (tmp_path / "out" / "talk.txt").exists():
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        message = process.communicate(timeout=60)[1]
    assert process.returncode == 0, message
    assert "1 of 1 recordings written to out" in message
