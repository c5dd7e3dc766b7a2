"""Finds the recordings of a folder, and names their outputs."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePath, PurePosixPath
from typing import BinaryIO

from speechd.errors import InvalidRequest
from speechd.folders.storage.address import Location, StorageAddress
from speechd.folders.storage.remote_folder import RemoteFolder
from speechd.folders.storage.version import FileVersion, version_of

MEDIA_SUFFIXES = frozenset(
    f".{name}"
    for name in (
        *("aac", "ac3", "aif", "aifc", "aiff", "amr", "asf", "au", "caf", "dts", "eac3", "ec3", "flac", "m4a", "m4b"),
        *("m4r", "mka", "mp2", "mp3", "mpga", "oga", "ogg", "opus", "snd", "spx", "w64", "wav", "wave", "weba", "wma"),
        *("3g2", "3gp", "avi", "flv", "m2ts", "m4v", "mkv", "mov", "mp4", "mpeg", "mpg", "mts", "ogv", "ts", "vob"),
        *("webm", "wmv"),
    )
)
"""Suffixes of recordings in a folder. A file that is named itself is tried with any suffix."""


@dataclass(frozen=True, slots=True)
class FoundRecording:
    """One file to transcribe."""

    path: Path
    name: PurePath
    """Its path below the named folder, which its outputs keep."""
    label: str = ""
    """Its name in messages, instead of its path."""

    def __str__(self) -> str:
        return self.label or display_name(self.path)

    @property
    def root(self) -> Location:
        """The named folder, or the folder of the named file."""
        return self.path.parents[len(self.name.parts) - 1]

    @property
    def source(self) -> Path:
        """The absolute path, which identifies it in all runs. Links are not resolved."""
        return Path(os.path.abspath(self.path))  # noqa: PTH100 - resolve() would follow links

    @property
    def is_near(self) -> bool:
        """Whether its header can be read without fetching all of it."""
        return True

    def open(self) -> tuple[BinaryIO, FileVersion]:
        """Opens it, and says which version that is.

        Raises:
            OSError, InvalidAudio: it cannot be read.
        """
        file = self.path.open("rb")
        return file, version_of(os.fstat(file.fileno()))

    def version(self) -> FileVersion:
        """Its present version.

        Raises:
            OSError, InvalidAudio: it cannot be read.
        """
        return version_of(self.path.stat())

    def seen(self) -> FileVersion:
        """Its version as it was found; as `version`."""
        return self.version()


@dataclass(frozen=True, slots=True)
class RemoteFile(FoundRecording):
    """One file in remote storage. `path` is its address, of which a path keeps one slash after the colon."""

    folder: RemoteFolder | None = None
    key: str = ""
    """Its path below the folder."""
    listed: FileVersion | None = None
    """Its version when the folder was listed."""

    @property
    def root(self) -> Location:
        return self._folder.address if self.key else self._folder.address.parent

    @property
    def source(self) -> Path:
        return self.path

    @property
    def is_near(self) -> bool:
        return False

    def open(self) -> tuple[BinaryIO, FileVersion]:
        version = self._folder.version(self.key)
        return self._folder.read(self.key, version.size), version

    def version(self) -> FileVersion:
        return self._folder.version(self.key)

    def seen(self) -> FileVersion:
        return self.listed or self.version()

    @property
    def _folder(self) -> RemoteFolder:
        assert self.folder is not None  # noqa: S101 - find_recordings gives one
        return self.folder


def display_name(path: PurePath) -> str:
    """A path for messages and JSON. Bytes that are not UTF-8 are replaced."""
    return os.fsencode(path).decode(errors="replace")


@dataclass(frozen=True, slots=True)
class Selection:
    """Which files of a folder are wanted.

    A pattern without a slash is compared with the name of the file and of each folder above it. One with a slash is
    compared with the whole path below the named folder. `*` also stands for slashes; case does not count.
    """

    include: tuple[str, ...] = ()
    """Where there are any, a file must match one. One with a suffix of its own (`*.bin`) also selects files that are
    not known as media."""
    exclude: tuple[str, ...] = ()

    def takes(self, name: PurePath) -> bool:
        """Whether the file at this path below a folder is selected."""
        if any(_matches(name, pattern) for pattern in self.exclude):
            return False
        suffix = name.suffix.lower()
        if not self.include:
            return suffix in MEDIA_SUFFIXES
        matching = [pattern for pattern in self.include if _matches(name, pattern)]
        return any(suffix in MEDIA_SUFFIXES or PurePath(pattern.lower()).suffix == suffix for pattern in matching)


def _matches(name: PurePath, pattern: str) -> bool:
    pattern = pattern.lower().strip("/") if "/" in pattern.strip("/") else pattern.lower().rstrip("/")
    candidates = (name.as_posix(),) if "/" in pattern else name.parts
    return any(fnmatchcase(candidate.lower(), pattern) for candidate in candidates)


EVERYTHING = Selection()


def find_recordings(paths: Iterable[Location], selection: Selection = EVERYTHING) -> list[FoundRecording]:
    """The named files, and the selected files below named folders, sorted in each folder. Each file comes once.

    Hidden files and folders are skipped. Links to folders are not followed, which prevents cycles.

    Raises:
        InvalidRequest: a path does not exist.
        FeatureNotInstalled: an address needs another package.
    """
    found: dict[Path, FoundRecording] = {}
    for path in paths:
        recordings: Sequence[FoundRecording]
        if isinstance(path, StorageAddress):
            recordings = _files_at_address(path, selection)
        elif path.is_dir():
            recordings = [FoundRecording(path / name, name) for name in sorted(_files_below(path, selection))]
        elif path.exists():
            recordings = [FoundRecording(path, PurePath(path.name))]
        else:
            raise InvalidRequest(f"There is no file or folder {path}.", param="paths")
        for recording in recordings:
            found.setdefault(recording.source, recording)
    return list(found.values())


def _files_at_address(address: StorageAddress, selection: Selection) -> list[RemoteFile]:
    folder = RemoteFolder.open(address)
    files = folder.files()
    if not files:
        raise InvalidRequest(f"There is no file or folder {address}.", param="paths")
    if list(files) == [""]:
        return [_remote_file(folder, "", files[""], address.url, PurePosixPath(address.name))]
    base = address.url.rstrip("/")
    return [
        _remote_file(folder, key, version, f"{base}/{key}", PurePosixPath(key))
        for key, version in sorted(files.items())
        if selection.takes(PurePosixPath(key)) and not any(part.startswith(".") for part in PurePosixPath(key).parts)
    ]


def _remote_file(folder: RemoteFolder, key: str, version: FileVersion, url: str, name: PurePath) -> RemoteFile:
    return RemoteFile(Path(url), name, url, folder, key, version)


def _files_below(folder: Path, selection: Selection) -> Iterator[PurePath]:
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for file in files:
            name = PurePath(parent, file).relative_to(folder)
            if not file.startswith(".") and selection.takes(name) and Path(parent, file).is_file():
                yield name


NOTHING_KNOWN: Mapping[Path, PurePath] = {}


def output_names(
    recordings: Sequence[FoundRecording], known: Mapping[Path, PurePath] = NOTHING_KNOWN
) -> list[PurePath]:
    """The output of each recording, without the format's suffix: `a/f.flac` -> `a/f`.

    Where two recordings would share it (`f.flac` and `f.mp3`), both keep their own suffix: `f.flac`, `f.mp3`; where
    even that is shared (the same name below two folders), later ones get a number.

    Args:
        recordings: the recordings of the run.
        known: names of earlier runs, by source. They stay, and no other recording gets them.
    """
    stems = Counter(recording.name.with_suffix("") for recording in recordings)
    names, taken = [], set(known.values())
    for recording in recordings:
        stem = recording.name.with_suffix("")
        name = known.get(recording.source)
        if name is None:
            name = _free(recording.name, stem if stems[stem] == 1 else recording.name, taken)
        taken.add(name)
        names.append(name)
    return names


def _free(own: PurePath, wanted: PurePath, taken: set[PurePath]) -> PurePath:
    candidates = [wanted, own]
    number = 2
    while candidates[0] in taken:
        candidates.pop(0)
        if not candidates:
            candidates.append(own.with_name(f"{own.name}.{number}"))
            number += 1
    return candidates[0]
