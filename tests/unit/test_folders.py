"""Which files a folder gives, and what their outputs are called."""

from pathlib import Path, PurePath

import pytest

from speechd.errors import InvalidRequest
from speechd.folders import Recording, find_recordings, output_names


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
    assert recording == Recording(tmp_path / "recording.bin", PurePath("recording.bin"))


def test_a_path_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="no file or folder"):
        find_recordings([tmp_path / "gone.wav"])


def test_a_circle_of_links_ends(tmp_path: Path) -> None:
    touch(tmp_path, "a/b.wav")
    (tmp_path / "a/up").symlink_to(tmp_path)
    assert [str(r.name) for r in find_recordings([tmp_path])] == ["a/b.wav"]


def names(*files: str) -> list[str]:
    return [str(name) for name in output_names([Recording(Path("/x") / f, PurePath(f)) for f in files])]


def test_outputs_mirror_the_folder() -> None:
    assert names("a/f.flac", "b/f.flac", "g.v2.mp3") == ["a/f", "b/f", "g.v2"]


def test_recordings_that_differ_only_in_suffix_keep_it() -> None:
    assert names("f.flac", "f.mp3", "g.mp3") == ["f.flac", "f.mp3", "g"]


def test_no_two_recordings_share_an_output() -> None:
    assert names("f.wav", "f.wav", "f.wav") == ["f.wav", "f.wav.2", "f.wav.3"]
