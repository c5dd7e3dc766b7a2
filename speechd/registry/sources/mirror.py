"""The operator's own mirror: files by their SHA-256, in a folder or below an address.

The layout is flat: `<mirror>/<sha256>` holds the file with that hash, 64 hexadecimal digits in lower case. It serves
every model whose files are pinned, and any static web server can serve it.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from speechd.errors import SourceFailed
from speechd.registry.sources.base import (
    CHUNK,
    ModelFile,
    Source,
    Staging,
    byte_count,
    sha256,
    total_bytes,
    without_password,
)


def mirror_at(place: str) -> Source:
    """The mirror of SPEECHD_MODEL_MIRROR: an http(s) address, or the path of a folder."""
    return HttpMirror(place) if place.startswith(("http://", "https://")) else FolderMirror(Path(place).expanduser())


@dataclass(frozen=True, slots=True)
class HttpMirror:
    """A mirror behind a web server."""

    base: str

    @property
    def name(self) -> str:
        return f"mirror {without_password(self.base)}"

    @property
    def needs_network(self) -> bool:
        return True

    def fetch(self, files: tuple[ModelFile, ...], staging: Staging) -> None:
        """See Source.fetch."""
        from speechd.registry.sources import http

        http.fetch_below(self.base, lambda file: file.sha256, files, staging)


@dataclass(frozen=True, slots=True)
class FolderMirror:
    """A mirror on this machine or on a share."""

    folder: Path

    @property
    def name(self) -> str:
        return f"mirror {self.folder}"

    @property
    def needs_network(self) -> bool:
        return False

    def fetch(self, files: tuple[ModelFile, ...], staging: Staging) -> None:
        """See Source.fetch."""
        if not self.folder.is_dir():
            raise SourceFailed(f"{self.folder} is not a folder")
        done, total = 0, total_bytes(files)
        for file in files:
            if not staging.has(file):
                self._copy(file, staging, done, total)
                staging.accept(file)
            done += file.size
            staging.report(done, total)

    def _copy(self, file: ModelFile, staging: Staging, before: int, total: int) -> None:
        """Copies one file, at most its pinned size and a byte."""
        origin, part = self.folder / file.sha256, staging.part(file)
        if not origin.is_file():
            raise SourceFailed(f"it does not have `{file.path}` ({file.sha256})")
        if byte_count(origin) != file.size:
            raise SourceFailed(f"its `{file.path}` has {byte_count(origin)} bytes instead of {file.size}")
        with origin.open("rb") as stream, part.open("wb") as output:
            while chunk := stream.read(min(CHUNK, file.size + 1 - output.tell())):
                output.write(chunk)
                staging.report(before + output.tell(), total)


def add_to_mirror(origin: Path, file: ModelFile, mirror: Path) -> bool:
    """Copies a file into a folder mirror; False where it is there already.

    Raises:
        SourceFailed: the file is not the pinned one.
    """
    target = mirror / file.sha256
    if byte_count(target) == file.size and sha256(target) == file.sha256:
        return False
    if sha256(origin) != file.sha256:
        raise SourceFailed(f"{origin} is not the pinned file; remove the model and pull it again")
    draft = mirror / f".{file.sha256}.part"
    shutil.copyfile(origin, draft)
    draft.rename(target)
    return True
