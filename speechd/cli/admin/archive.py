"""A backup as one file: a tar archive whose first member lists the others with their sizes and SHA-256."""

import hashlib
import io
import json
import os
import shutil
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

from speechd import __version__
from speechd.cli.admin.snapshot import KEYS, Snapshot
from speechd.errors import InvalidRequest
from speechd.store.store import SQLITE_NAME

FORMAT = 1
MANIFEST = "manifest.json"
MAX_MANIFEST_BYTES = 200_000_000
"""About a million files."""
PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Member:
    """One file of a backup."""

    path: str
    """Relative, with slashes."""
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds."""

    speechd: str
    """Version that made it."""
    created: int
    """Unix seconds."""
    migration: str
    """Newest migration of the database; "" where the database is not in it."""
    files: tuple[Member, ...]

    @property
    def bytes(self) -> int:
        return sum(member.bytes for member in self.files)


def write_archive(snapshot: Snapshot, file: Path) -> Manifest:
    """Writes a backup, whole or not at all, that only its owner can read.

    Raises:
        InvalidRequest: it cannot be written.
    """
    manifest = Manifest(
        __version__,
        int(time.time()),
        snapshot.migration,
        tuple(_member(snapshot.folder, name) for name in snapshot.files()),
    )
    draft = file.with_name(f"{file.name}.partial")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
            with tarfile.open(fileobj=out, mode="w:gz" if file.suffix in (".gz", ".tgz") else "w") as archive:
                content = json.dumps({"format": FORMAT, **asdict(manifest)}).encode()
                archive.addfile(_info(MANIFEST, len(content), manifest.created), io.BytesIO(content))
                for member in manifest.files:
                    with (snapshot.folder / member.path).open("rb") as source:
                        archive.addfile(_info(member.path, member.bytes, manifest.created), source)
            out.flush()
            os.fsync(out.fileno())
        draft.replace(file)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise InvalidRequest(f"{file} cannot be written: {error.strerror}.") from None
    return manifest


@contextmanager
def unpacked(file: Path, near: Path) -> Iterator[tuple[Manifest, Path]]:
    """The files of a backup in a folder that is removed at the end; each is checked.

    Args:
        near: folder on whose disk they are.

    Raises:
        InvalidRequest: it is no backup, is damaged or not whole, or there is no room for it.
    """
    near.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(file) as archive, tempfile.TemporaryDirectory(prefix=".restore-", dir=near) as staging:
            manifest = _manifest(archive)
            if manifest.bytes > (free := shutil.disk_usage(near).free):
                raise InvalidRequest(f"It needs {manifest.bytes / 1e6:.0f} MB, and {free / 1e6:.0f} MB are free.")
            folder = Path(staging)
            _unpack(archive, manifest, folder)
            yield manifest, folder
    except (tarfile.TarError, EOFError, UnicodeDecodeError) as error:
        reason = (str(error).splitlines() or ["it ends too early"])[0].rstrip(":")
        raise InvalidRequest(f"{file} is not a whole backup: {reason}.") from None
    except OSError as error:
        raise InvalidRequest(f"{file} cannot be read or unpacked: {error.strerror or error}.") from None


def place(folder: Path, data: Path, keys: Path, database: Path) -> None:
    """Moves the files of a backup to where a server looks for them, the database last."""
    for path in sorted(folder.iterdir(), key=lambda path: path.name == SQLITE_NAME):
        target = {SQLITE_NAME: database, KEYS: keys}.get(path.name, data / path.name)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(path, target)


def _member(folder: Path, name: str) -> Member:
    """A content has its SHA-256 as its name."""
    path = folder / name
    is_content = name.startswith("files/") and len(path.name) == 64
    return Member(name, path.stat().st_size, path.name if is_content else _digest(path))


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _info(name: str, size: int, created: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.mode = size, created, 0o600
    return info


def _manifest(archive: tarfile.TarFile) -> Manifest:
    first = archive.next()
    if first is None or first.name != MANIFEST or first.size > MAX_MANIFEST_BYTES:
        raise InvalidRequest("It is no backup of speechd: it does not begin with a manifest.")
    file = archive.extractfile(first)
    try:
        found = json.loads(file.read() if file else b"")
        if found["format"] != FORMAT:
            raise InvalidRequest(f"It is a backup of format {found['format']}, made by speechd {found['speechd']}.")
        files = tuple(Member(str(row["path"]), int(row["bytes"]), str(row["sha256"])) for row in found["files"])
        return Manifest(str(found["speechd"]), int(found["created"]), str(found["migration"]), files)
    except (ValueError, KeyError, TypeError):
        raise InvalidRequest("It is no backup of speechd: its manifest cannot be read.") from None


def _unpack(archive: tarfile.TarFile, manifest: Manifest, folder: Path) -> None:
    for member in manifest.files:
        info = archive.next()
        file = archive.extractfile(info) if info is not None and info.isfile() else None
        if info is None or file is None or (info.name, info.size) != (member.path, member.bytes):
            raise InvalidRequest(f"The backup is damaged: {member.path} is not where the manifest says.")
        if not _is_below(member.path):
            raise InvalidRequest(f"The backup has the path {member.path!r}, which does not belong into a data folder.")
        target = folder / member.path
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if _copied(file.read, target) != member.sha256:
            raise InvalidRequest(f"The backup is damaged: {member.path} has another content.")


def _is_below(path: str) -> bool:
    parts = PurePosixPath(path)
    return not parts.is_absolute() and ".." not in parts.parts and path == str(parts) and "\\" not in path


def _copied(read: Callable[[int], bytes], target: Path) -> str:
    """Writes a file that only its owner can read, and returns its SHA-256."""
    digest = hashlib.sha256()
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        while piece := read(PIECE):
            digest.update(piece)
            out.write(piece)
    return digest.hexdigest()
