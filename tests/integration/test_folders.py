"""`speechd transcribe DIR` as people use it: killed, stopped, started twice, followed, asked what it would do."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import soundfile

from tests.bench.recordings import long_recording
from tests.conftest import Fixture, fixtures
from tests.integration.conftest import serving
from tests.support.audio_folders import make_folder
from tests.support.command_line import speechd, speechd_in_process
from tests.support.processes import start
from tests.support.wer import normalised, word_errors

SUFFIXES = (".json", ".srt", ".vtt", ".txt", ".tsv")
FORMATS = ("--format", "json,srt", "--format", "vtt", "-f", "txt", "-f", "tsv")
POCKET = ("--model", "whisper-pocket")
JOURNAL = "speechd-journal.db"

Event = dict[str, Any]


class Run:
    """A run under way, and the events that it tells."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.events: list[Event] = []

    def until(self, wanted: Callable[[Event], bool]) -> Event:
        """Waits for an event."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.events.append(json.loads(line))
            if wanted(self.events[-1]):
                return self.events[-1]
        raise AssertionError(f"the run ended without it: {self.events[-3:]}")

    def until_done(self, count: int) -> None:
        """Waits until so many recordings are done."""
        for _ in range(count):
            self.until(lambda event: event["event"] == "done")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def finish(self) -> Event:
        """The last event, of a run that ends by itself."""
        end = self.until(lambda event: event["event"] == "end")
        assert self.process.wait(timeout=60) == end["exit"]
        return end


@contextmanager
def running(*words: object, **variables: str) -> Iterator[Run]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SPEECHD_")}
    command = [sys.executable, "-m", "speechd", "transcribe", *map(str, words), "--json-progress"]
    with start(command, stderr=subprocess.PIPE, text=True, env=environment | variables) as process:
        try:
            yield Run(process)
        finally:
            process.kill()
            process.wait()


def check(folder: Path, output: Path, said: dict[Path, Fixture]) -> None:
    """Each output is there once, right and complete, and nothing else is."""
    wanted = {(output / path.relative_to(folder)).with_suffix(suffix): path for path in said for suffix in SUFFIXES}
    assert {path for path in output.rglob("*") if path.is_file()} == {*wanted, output / JOURNAL}
    errors = words = 0
    for path, fixture in said.items():
        stem = (output / path.relative_to(folder)).with_suffix("")
        answer = json.loads(stem.with_suffix(".json").read_text())
        text, duration = str(answer["text"]), float(answer["duration"])
        wrong, count = word_errors(fixture.text, text)
        assert wrong <= count / 2, f"{path}: {text!r} is not {fixture.text!r}"
        errors, words = errors + wrong, words + count
        assert fixture.duration - 0.1 <= duration <= fixture.duration + 0.3
        assert normalised(stem.with_suffix(".txt").read_text()) == normalised(text)
        assert normalised(" ".join(word["word"] for word in answer["words"])) == normalised(text)
        spoken = len(answer["segments"])
        assert stem.with_suffix(".srt").read_text().count(" --> ") == spoken
        assert stem.with_suffix(".vtt").read_text().startswith("WEBVTT\n")
        assert len(stem.with_suffix(".tsv").read_text().splitlines()) == spoken + 1
    assert errors / words < 0.05


@pytest.mark.parametrize("count", [24, pytest.param(500, marks=pytest.mark.extra)])
@pytest.mark.slow
def test_a_run_that_is_killed_twice_is_finished_by_the_third(tmp_path: Path, count: int) -> None:
    folder, output = tmp_path / "in", tmp_path / "out"
    said = make_folder(folder, count)
    words = (folder, "-o", output, *FORMATS, *POCKET)
    for _ in range(2):
        with running(*words) as run:
            run.until_done(count // 4)
            run.kill()
    with running(*words) as run:
        start = run.until(lambda event: event["event"] == "start")
        end = run.finish()
    assert start["finished_before"] >= 2 * (count // 4)
    assert start["files"] + start["finished_before"] == count
    assert (end["exit"], end["files_done"], end["failures"]) == (0, start["files"], 0)
    check(folder, output, said)
    with running(*words) as run:
        end = run.finish()
    assert (end["files_done"], end["files_finished_before"]) == (0, count)


@pytest.mark.slow
def test_a_long_recording_goes_on_where_it_was_killed(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    long = long_recording(6)
    (folder / "long.ogg").write_bytes(long.data)
    words = (folder, "--language", "en", "--format", "json", *POCKET)
    with running(*words, "-o", tmp_path / "out") as run:
        kept = run.until(lambda event: event["event"] == "kept")
        run.kill()
    with running(*words, "-o", tmp_path / "out") as run:
        begun = run.until(lambda event: event["event"] == "begin")
        assert run.finish()["exit"] == 0
    assert begun["start"] >= kept["seconds"] >= 60
    assert speechd("transcribe", *words, "-o", tmp_path / "once").returncode == 0
    resumed, once = (json.loads((tmp_path / name / "long.json").read_text()) for name in ("out", "once"))
    for part, text in (("segments", "text"), ("words", "word")):
        assert [each[text] for each in resumed[part]] == [each[text] for each in once[part]]
        for edge in ("start", "end"):  # what shares a batch differs, and with it the last digits
            times = [each[edge] for each in once[part]]
            assert [each[edge] for each in resumed[part]] == pytest.approx(times, abs=0.1)
    assert resumed["duration"] == once["duration"] == pytest.approx(long.seconds, abs=0.5)


@pytest.mark.slow
def test_ctrl_c_stops_in_order_and_says_how_to_go_on(tmp_path: Path) -> None:
    folder, output = tmp_path / "in", tmp_path / "out"
    said = make_folder(folder, 24)
    (folder / "long.ogg").write_bytes(long_recording(6).data)
    words = [sys.executable, "-m", "speechd", "transcribe", folder, "-o", output, *FORMATS, *POCKET]
    with start(words, stderr=subprocess.PIPE, text=True) as process:
        while not list(output.rglob("*.tsv")):
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        message = process.communicate(timeout=120)[1]
    assert process.returncode == 130, message
    assert "The same command resumes here" in message
    assert "Traceback" not in message
    assert not list(output.rglob("*.partial"))
    (folder / "long.ogg").unlink()
    assert speechd("transcribe", folder, "-o", output, *FORMATS, *POCKET).returncode == 0
    check(folder, output, said)


@pytest.mark.slow
def test_two_runs_in_one_output_folder_do_not_meet(tmp_path: Path, english: Fixture) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "long.ogg").write_bytes(long_recording(3).data)
    with running(tmp_path / "in", "-o", tmp_path / "out", *POCKET) as run:
        run.until(lambda event: event["event"] == "begin")
        run.process.send_signal(signal.SIGSTOP)  # it stays at work until it is killed
        second = speechd("transcribe", english.path, "-o", tmp_path / "out")
        with running(english.path, "-o", tmp_path / "out") as third:
            told = third.until(lambda event: event["event"] == "error")
        assert run.process.poll() is None
        run.kill()
    assert "Another run uses" in told["message"]
    assert second.returncode == 1
    assert "Another run uses" in second.stderr
    assert speechd("transcribe", english.path, "-o", tmp_path / "out").returncode == 0


@pytest.mark.slow
def test_a_followed_folder_is_done_as_it_fills(tmp_path: Path, english: Fixture) -> None:
    folder, content = tmp_path / "in", english.path.read_bytes()
    folder.mkdir()
    (folder / "first.wav").write_bytes(content)
    with running(folder, "--watch", *POCKET) as run:
        run.until_done(1)
        with (folder / "second.wav").open("wb") as file:
            file.write(content[:1000])
            file.flush()
            file.write(content[1000:])
        done = run.until(lambda event: event["event"] == "done")
        assert done["path"] == str(folder / "second.wav")
        run.process.send_signal(signal.SIGINT)
        assert run.finish()["exit"] == 0
    for name in ("first", "second"):
        assert normalised((folder / f"{name}.txt").read_text()) == normalised(english.text)


def test_a_folder_alone_is_written_beside_its_recordings(tmp_path: Path, english: Fixture) -> None:
    (tmp_path / "in" / "a").mkdir(parents=True)
    (tmp_path / "in" / "a" / "f.wav").write_bytes(english.path.read_bytes())
    done = speechd("transcribe", tmp_path / "in", "--format", "txt,srt", *POCKET)
    assert done.returncode == 0, done.stderr
    files = sorted(str(path.relative_to(tmp_path / "in")) for path in (tmp_path / "in").rglob("*") if path.is_file())
    assert files == ["a/f.srt", "a/f.txt", "a/f.wav", JOURNAL]


@pytest.mark.slow
def test_a_dry_run_says_what_and_how_long_and_writes_nothing(tmp_path: Path) -> None:
    folder, output = tmp_path / "in", tmp_path / "out"
    make_folder(folder, 3)
    done = speechd("transcribe", folder, "-o", output, "--dry-run", *POCKET)
    assert done.returncode == 0, done.stderr
    assert f"->  {output}/0/" in done.stdout
    assert "3 recordings to transcribe" in done.stdout
    assert "measured now" in done.stdout
    assert not output.exists()
    speechd("transcribe", folder, "-o", output, "--include", "0", *POCKET)
    done = speechd("transcribe", folder, "-o", output, "--dry-run", *POCKET)
    assert "2 recordings to transcribe" in done.stdout
    assert "1 finished before" in done.stdout
    assert "measured in earlier runs" in done.stdout


@pytest.mark.slow
def test_standard_input_and_output(english: Fixture, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "speechd", "transcribe", "-", *POCKET]
    with english.path.open("rb") as audio:
        done = subprocess.run(command, stdin=audio, capture_output=True, text=True, timeout=120)
    assert normalised(done.stdout) == normalised(english.text)
    done = speechd("transcribe", english.path.parent / "noise", "-o", "-", "--include", "speech*", *POCKET)
    assert normalised(done.stdout) == normalised("The train leaves at eight forty-five.")
    with english.path.open("rb") as audio:
        subprocess.run([*command, "-o", str(tmp_path)], stdin=audio, timeout=120, check=True)
    assert normalised((tmp_path / "stdin.txt").read_text()) == normalised(english.text)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("{audio}", "--watch"), "--watch, --dry-run and --retry-failed need a folder to write to"),
        (("{audio}", "--watch", "-o", "{out}"), "--watch follows folders"),
        (("-", "{audio}"), "- is standard input and must be the only path"),
        (("{folder}", "--include", "*.nothing"), "paths have no recordings"),
        (("{audio}", "--url", "gpu:8000"), "--url must be an address"),
    ],
)
def test_a_mistake_is_one_clear_line(words: tuple[str, ...], message: str, english: Fixture, tmp_path: Path) -> None:
    places = {"audio": english.path, "folder": english.path.parent, "out": tmp_path / "out"}
    done = speechd_in_process("transcribe", *(word.format(**places) for word in words))
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_running_service_gives_the_same_outputs(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    said = make_folder(folder, 12)
    with serving(tmp_path / "data", SPEECHD_API_KEY="secret") as url:
        words = (folder, *FORMATS, *POCKET, "--url", url)
        refused = speechd("transcribe", *words, "-o", tmp_path / "refused", "--api-key", "wrong")
        done = speechd("transcribe", *words, "-o", tmp_path / "out", SPEECHD_API_KEY="secret")
    assert refused.returncode == 1
    assert "API key" in refused.stderr
    assert done.returncode == 0, done.stderr
    check(folder, tmp_path / "out", said)
    assert speechd("transcribe", folder, *FORMATS, *POCKET, "-o", tmp_path / "local").returncode == 0
    check(folder, tmp_path / "local", said)
    for path in (tmp_path / "local").rglob("*.txt"):
        assert (tmp_path / "out" / path.relative_to(tmp_path / "local")).read_text() == path.read_text()


@pytest.mark.slow
def test_a_service_that_went_away_holds_nothing_against_the_recordings(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    make_folder(folder, 2)
    with serving(tmp_path / "data") as url:
        pass
    with running(folder, "-o", tmp_path / "out", *POCKET, "--url", url) as run:
        assert run.until(lambda event: event["event"] == "waiting")["reason"].startswith("ConnectError")
        run.kill()
    assert speechd("transcribe", folder, "-o", tmp_path / "out", *POCKET).returncode == 0


def test_the_generated_recordings_are_what_they_say(tmp_path: Path) -> None:
    said = make_folder(tmp_path, 24)
    assert len({path.suffix for path in said}) == 12
    assert len(said) == 24
    contents = [path.read_bytes() for path in said]
    assert len(set(contents)) == 23, "one is a copy"
    assert soundfile.info(next(path for path in said if path.suffix == ".flac")).samplerate == 16_000
    assert fixtures("clean")
