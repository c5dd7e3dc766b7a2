"""Which files of a folder are recordings, and where what is written about each goes."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from speechd.errors import InvalidRequest

MEDIA_SUFFIXES = frozenset(
    f".{name}"
    for name in (
        *("aac", "aif", "aifc", "aiff", "amr", "asf", "au", "caf", "flac", "m4a", "m4b", "mka", "mp2", "mp3", "mpga"),
        *("oga", "ogg", "opus", "snd", "w64", "wav", "wave", "wma"),
        *("3gp", "m4v", "mkv", "mov", "mp4", "mpeg", "mpg", "webm", "wmv"),
    )
)
"""Files taken from a folder. A file named by itself is tried whatever it is called."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One file to transcribe."""

    path: Path
    name: PurePath
    """Its place below the folder that was named, which its outputs keep."""


def find_recordings(paths: Iterable[Path]) -> list[Recording]:
    """The files named, and all media files below the folders named, sorted within each folder.

    Hidden files and folders are passed over; links to folders are not followed, so that no circle is walked.

    Raises:
        InvalidRequest: a path does not exist.
    """
    found: list[Recording] = []
    for path in paths:
        if path.is_dir():
            found += [Recording(path / name, name) for name in sorted(_media_below(path))]
        elif path.exists():
            found.append(Recording(path, PurePath(path.name)))
        else:
            raise InvalidRequest(f"There is no file or folder {path}.", param="paths")
    return found


def _media_below(folder: Path) -> Iterable[PurePath]:
    for path in folder.rglob("*"):
        name = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in name.parts)
        if path.suffix.lower() in MEDIA_SUFFIXES and not hidden and path.is_file():
            yield name


def output_names(recordings: Sequence[Recording]) -> list[PurePath]:
    """The output of each recording, without the format's suffix: `a/f.flac` -> `a/f`.

    Where two recordings would share it (`f.flac` and `f.mp3`), both keep their own suffix: `f.flac`, `f.mp3`; where
    even that is shared (the same name below two folders), later ones get a number.
    """
    stems = Counter(recording.name.with_suffix("") for recording in recordings)
    names, taken = [], set[PurePath]()
    for recording in recordings:
        stem = recording.name.with_suffix("")
        name = stem if stems[stem] == 1 else recording.name
        number = 1
        while name in taken:
            number += 1
            name = recording.name.with_name(f"{recording.name.name}.{number}")
        taken.add(name)
        names.append(name)
    return names
