"""What a run leaves for the next one, and that two runs never share a folder."""

import subprocess
import sys
from pathlib import Path, PurePath

import pytest

from speechd.errors import InvalidRequest
from speechd.folders.journal import FILE_NAME, Checkpoint, FileFingerprint, Journal
from speechd.types import Segment, TokenLogprob, Word

SOURCE, NAME = Path("/recordings/a/f.flac"), PurePath("a/f")
PRINT = FileFingerprint(100, 1_000, b"content")
SEGMENT = Segment(
    1.5,
    2.5,
    " Grüße",
    tokens=(1, 2),
    seek=150,
    language="de",
    words=(Word("Grüße", 1.5, 2.5, 0.75),),
    logprobs=(TokenLogprob(" Gr", -0.5, (32, 71, 114)),),
)


def test_what_was_kept_of_a_recording_comes_back_in_order(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path)
    assert journal.begin(SOURCE, NAME, PRINT, "p") is None
    journal.keep(SOURCE, Checkpoint(60.0, "de", "m", (SEGMENT,)))
    journal.keep(SOURCE, Checkpoint(120.0, "de", "m", (SEGMENT.shifted(60),)))
    journal.close()
    journal = Journal.open(tmp_path)
    assert journal.begin(SOURCE, NAME, PRINT, "p") == Checkpoint(120.0, "de", "m", (SEGMENT, SEGMENT.shifted(60)))
    journal.close()


@pytest.mark.parametrize("other", [(FileFingerprint(100, 1_000, b"other"), "p"), (PRINT, "q")])
def test_another_content_or_other_parameters_begin_anew(tmp_path: Path, other: tuple[FileFingerprint, str]) -> None:
    journal = Journal.open(tmp_path)
    journal.begin(SOURCE, NAME, PRINT, "p")
    journal.keep(SOURCE, Checkpoint(60.0, "de", "m", (SEGMENT,)))
    assert journal.begin(SOURCE, NAME, *other) is None
    assert journal.begin(SOURCE, NAME, PRINT, "p") is None, "what was kept of the other is gone"
    journal.close()


def test_a_finished_recording_keeps_no_segments(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path)
    journal.begin(SOURCE, NAME, PRINT, "p")
    journal.keep(SOURCE, Checkpoint(60.0, "de", "m", (SEGMENT,)))
    journal.writing(SOURCE)
    assert journal.half_written() == [NAME]
    journal.done(SOURCE, 90.0)
    entry = journal.entry(SOURCE)
    assert entry is not None
    assert (entry.state, entry.seconds, entry.print, entry.written) == ("done", 90.0, PRINT, True)
    assert journal.half_written() == []
    assert journal.begin(SOURCE, NAME, PRINT, "p") is None
    journal.close()


def test_a_failure_is_remembered_with_its_reason_whatever_its_letters(tmp_path: Path) -> None:
    source = Path("/recordings/\udce4.wav")  # a name that is not UTF-8
    journal = Journal.open(tmp_path)
    journal.begin(source, PurePath("\udce4"), PRINT, "p")
    journal.failed(source, "cannot read \udce4.wav")
    assert journal.names() == {source: PurePath("\udce4")}
    entry = journal.entry(source)
    assert entry is not None
    assert (entry.state, entry.reason) == ("failed", r"cannot read \udce4.wav")
    journal.close()


def test_a_moved_recording_takes_its_history_along(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path)
    journal.begin(SOURCE, NAME, PRINT, "p")
    journal.keep(SOURCE, Checkpoint(60.0, "de", "m", (SEGMENT,)))
    moved = Path("/elsewhere/a/f.flac")
    journal.adopt(moved, NAME)
    assert journal.entry(SOURCE) is None
    entry = journal.entry(moved)
    assert entry is not None
    assert entry.print.digest == PRINT.digest
    assert entry.print.modified != PRINT.modified, "its content has to be looked at"
    kept = journal.begin(moved, NAME, PRINT, "p")
    assert kept is not None
    assert kept.start == 60.0
    journal.close()


def test_the_speed_is_that_of_runs_with_the_same_parameters(tmp_path: Path) -> None:
    for audio, took in ((100.0, 1.0), (500.0, 3.0)):
        journal = Journal.open(tmp_path)
        journal.measure("p", audio / 2, took / 2)
        journal.measure("p", audio, took)
        journal.close()
    journal = Journal.look(tmp_path)
    assert journal.speed("p") == pytest.approx(150)
    assert journal.speed("q") is None
    journal.close()


def test_looking_makes_no_file(tmp_path: Path) -> None:
    journal = Journal.look(tmp_path / "out")
    assert journal.names() == {}
    journal.close()
    assert list(tmp_path.iterdir()) == []


def test_one_file_is_left_behind(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path)
    journal.begin(SOURCE, NAME, PRINT, "p")
    journal.close()
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


def test_a_second_run_is_refused_until_the_first_has_ended_even_by_a_crash(tmp_path: Path) -> None:
    program = "import sys; from pathlib import Path; from speechd.folders.journal import Journal\n"
    program += "journal = Journal.open(Path(sys.argv[1])); print('open', flush=True); sys.stdin.read()"
    command = [sys.executable, "-W", "ignore", "-c", program, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "open\n"
        with pytest.raises(InvalidRequest, match="Another run uses"):
            Journal.open(tmp_path)
        first.kill()
    Journal.open(tmp_path).close()


def test_a_file_that_is_no_journal_is_named(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text("notes " * 100)
    with pytest.raises(InvalidRequest, match=r"speechd-journal\.db is not a journal"):
        Journal.open(tmp_path)


def test_a_journal_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    import sqlite3

    Journal.open(tmp_path).close()
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(InvalidRequest, match="later version of speechd"):
        Journal.open(tmp_path)


def test_an_output_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InvalidRequest, match="cannot be written"):
        Journal.open(tmp_path / "file" / "out")
