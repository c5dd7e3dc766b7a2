"""Outputs appear whole, together, or not at all."""

from pathlib import Path

import pytest

from speechd.folders.storage.write import output_paths, remove_partials, write_outputs
from speechd.formats.transcript import TRANSCRIPT_FORMATS, View
from speechd.types import Segment, Transcript

TRANSCRIPT = Transcript("transcribe", "en", 2.0, (Segment(0.5, 1.5, " Hello."),))
TXT, SRT = TRANSCRIPT_FORMATS["txt"], TRANSCRIPT_FORMATS["srt"]


def test_each_format_is_beside_the_others(tmp_path: Path) -> None:
    written = write_outputs(tmp_path / "a" / "talk.v2", (TXT, SRT), TRANSCRIPT, View())
    assert written == output_paths(tmp_path / "a" / "talk.v2", (TXT, SRT))
    assert [path.name for path in written] == ["talk.v2.txt", "talk.v2.srt"]
    assert written[0].read_text() == "Hello.\n"
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["talk.v2.srt", "talk.v2.txt"]


def test_a_name_of_any_length_can_be_written(tmp_path: Path) -> None:
    write_outputs(tmp_path / ("ä" * 125), (TXT,), TRANSCRIPT, View())
    assert (tmp_path / f"{'ä' * 125}.txt").exists()


def test_when_one_cannot_be_written_the_others_stay_as_they_were(tmp_path: Path) -> None:
    (tmp_path / "f.txt").write_text("before")
    (tmp_path / "f.srt").mkdir()
    with pytest.raises(OSError, match=r"f\.srt"):
        write_outputs(tmp_path / "f", (SRT, TXT), TRANSCRIPT, View())
    assert (tmp_path / "f.txt").read_text() == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["f.srt", "f.txt"]


def test_what_a_killed_run_left_is_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", killed)
    monkeypatch.setattr("speechd.folders.storage.write.remove_partials", lambda stem: None)
    with pytest.raises(KeyboardInterrupt):
        write_outputs(tmp_path / "f", (SRT, TXT), TRANSCRIPT, View())
    assert len(list(tmp_path.iterdir())) == 2
    remove_partials(tmp_path / "f")
    assert list(tmp_path.iterdir()) == []
