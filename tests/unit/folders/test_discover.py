"""Which files a folder gives, and what their outputs are called."""

from pathlib import Path, PurePath

import pytest

from speechd.errors import InvalidRequest
from speechd.folders.discover import FoundRecording, Selection, find_recordings, output_names


def touch(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_a_folder_gives_its_media_files_in_order(tmp_path: Path) -> None:
    touch(tmp_path, "b.WAV", "a/c.flac", "a/notes.txt", ".hidden.mp3", ".git/x.mp3", "a/.b/y.mp3", "manifest.json")
    assert [str(r.name) for r in find_recordings([tmp_path])] == ["a/c.flac", "b.WAV"]


def test_a_file_named_by_itself_is_taken_whatever_it_is_called(tmp_path: Path) -> None:
    touch(tmp_path, "recording.bin")
    (recording,) = find_recordings([tmp_path / "recording.bin"])
    assert recording == FoundRecording(tmp_path / "recording.bin", PurePath("recording.bin"))


def test_a_path_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="no file or folder"):
        find_recordings([tmp_path / "gone.wav"])


def test_a_circle_of_links_ends(tmp_path: Path) -> None:
    touch(tmp_path, "a/b.wav")
    (tmp_path / "a/up").symlink_to(tmp_path)
    assert [str(r.name) for r in find_recordings([tmp_path])] == ["a/b.wav"]


@pytest.mark.parametrize(
    ("include", "exclude", "taken"),
    [
        ((), (), ["a/c.flac", "b.WAV", "drafts/d.mp3"]),
        (("*.wav",), (), ["b.WAV"]),
        (("*.wav", "a/*"), (), ["a/c.flac", "b.WAV"]),
        ((), ("drafts",), ["a/c.flac", "b.WAV"]),
        ((), ("drafts/",), ["a/c.flac", "b.WAV"]),
        ((), ("*/*.mp3", "B.*"), ["a/c.flac"]),
        (("a",), (), ["a/c.flac"]),
        (("*.bin",), (), ["x.bin"]),
    ],
)
def test_globs_choose(tmp_path: Path, include: tuple[str, ...], exclude: tuple[str, ...], taken: list[str]) -> None:
    touch(tmp_path, "b.WAV", "a/c.flac", "a/notes.txt", "drafts/d.mp3", "x.bin")
    assert [str(r.name) for r in find_recordings([tmp_path], Selection(include, exclude))] == taken


def test_a_file_named_twice_is_taken_once(tmp_path: Path) -> None:
    touch(tmp_path, "a/b.wav")
    found = find_recordings([tmp_path, tmp_path / "a", tmp_path / "a" / "b.wav"])
    assert [str(r.name) for r in found] == ["a/b.wav"]
    assert found[0].root == tmp_path


def names(*files: str) -> list[str]:
    return [str(name) for name in output_names([FoundRecording(Path("/x") / f, PurePath(f)) for f in files])]


def test_outputs_mirror_the_folder() -> None:
    assert names("a/f.flac", "b/f.flac", "g.v2.mp3") == ["a/f", "b/f", "g.v2"]


def test_recordings_that_differ_only_in_suffix_keep_it() -> None:
    assert names("f.flac", "f.mp3", "g.mp3") == ["f.flac", "f.mp3", "g"]


def test_no_two_recordings_share_an_output() -> None:
    assert names("f.wav", "f.wav", "f.wav") == ["f.wav", "f.wav.2", "f.wav.3"]


def test_a_name_once_given_stays_when_others_come(tmp_path: Path) -> None:
    recordings = [FoundRecording(tmp_path / name, PurePath(name)) for name in ("f.flac", "f.mp3", "g.mp3")]
    known = {tmp_path / "f.flac": PurePath("f"), tmp_path / "x.wav": PurePath("g")}
    assert [str(name) for name in output_names(recordings, known)] == ["f", "f.mp3", "g.mp3"]
