"""A folder in storage that fsspec opens: S3 with the extra `s3`, and all that has a package for fsspec."""

import contextlib
import hashlib
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any, BinaryIO, Self, cast

from speechd.errors import CannotGoOn, FeatureNotInstalled, InvalidAudio, InvalidRequest
from speechd.folders.storage.address import StorageAddress
from speechd.folders.storage.version import FileVersion

MAX_IN_MEMORY = 4_000_000
"""Bytes of a file that are kept in memory while it is open; a larger one is copied to a temporary file."""
EXTRAS = {"s3": "speechd[s3]", "s3a": "speechd[s3]"}
"""What to install, by protocol. The message of fsspec names the package for others."""
FOREIGN = {
    "botocore.exceptions": "BotoCoreError",
    "aiohttp": "ClientError",
    "google.auth.exceptions": "GoogleAuthError",
}
"""Errors of libraries under fsspec that are no OSError, by module."""
TAGS = ("ETag", "etag", "LastModified", "last_modified", "mtime", "updated", "created")
"""Facts of a file that change with its content, the best first; storages name them differently."""


@dataclass(frozen=True, slots=True)
class RemoteFolder:
    """A folder; its methods wait for the network, so they are for threads."""

    address: StorageAddress
    _fs: Any
    """An fsspec.AbstractFileSystem."""
    _root: str

    @classmethod
    def open(cls, address: StorageAddress) -> Self:
        """
        Raises:
            FeatureNotInstalled: the package for this kind of storage is missing.
            InvalidRequest: there is no such kind of storage.
        """
        import fsspec  # a quarter of a second

        protocol = address.url.partition("://")[0]
        try:
            fs, root = fsspec.url_to_fs(address.url, use_listings_cache=False)
        except ImportError as error:
            install = f"Install it: pip install '{EXTRAS[protocol]}'" if protocol in EXTRAS else str(error)
            raise FeatureNotInstalled(f"{address} needs another package. {install}") from error
        except (ValueError, TypeError) as error:
            raise InvalidRequest(f"{address} cannot be opened: {error}.", param="paths") from error
        return cls(address, fs, root.rstrip("/"))

    def files(self) -> dict[str, FileVersion]:
        """All files below it, by their path from here. An address of a file has that file alone, as "".

        Raises:
            InvalidRequest: it cannot be listed.
        """
        try:
            with _translated():
                found: dict[str, Any] = self._fs.find(self._root, detail=True)
        except OSError as error:
            raise InvalidRequest(f"{self.address} cannot be read: {_reason(error)}.", param="paths") from error
        names = {path.removeprefix(self._root).lstrip("/"): info for path, info in found.items()}
        return {name: _version(info) for name, info in names.items() if info.get("type", "file") == "file"}

    def version(self, name: str) -> FileVersion:
        """
        Raises:
            InvalidAudio: it is not there any more, or cannot be read.
        """
        with _for_one_file(), _translated():
            return _version(self._fs.info(self._path(name)))

    def read(self, name: str, size: int) -> BinaryIO:
        """A copy of a file, seekable.

        Raises:
            InvalidAudio: it is not there any more, or cannot be read.
        """
        with _for_one_file(), _translated():
            if size <= MAX_IN_MEMORY:
                return BytesIO(self._fs.cat_file(self._path(name)))
            copy = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115 - the caller closes it
            with self._fs.open(self._path(name), "rb", cache_type="none") as file:
                shutil.copyfileobj(file, copy, MAX_IN_MEMORY)
            copy.seek(0)
            return copy

    def content(self, name: str) -> bytes | None:
        """The bytes of a small file; None where there is none.

        Raises:
            CannotGoOn: it cannot be read.
        """
        with self._for_the_run("read"), contextlib.suppress(FileNotFoundError), _translated():
            return bytes(self._fs.cat_file(self._path(name)))
        return None

    def names(self, prefix: str) -> list[str]:
        """Names of the files directly in it that begin so.

        Raises:
            CannotGoOn: it cannot be listed.
        """
        found: list[str] = []
        with self._for_the_run("read"), contextlib.suppress(FileNotFoundError), _translated():
            found = self._fs.glob(f"{self._root}/{prefix}*")
        return [path.rpartition("/")[2] for path in found]

    def write(self, name: str, content: bytes) -> None:
        """Writes a file, which appears complete.

        Raises:
            CannotGoOn: it cannot be written.
        """
        path = self._path(name)
        with self._for_the_run("written"), _translated():
            self._fs.makedirs(path.rpartition("/")[0], exist_ok=True)
            self._fs.pipe_file(path, content)

    def create(self, name: str, content: bytes) -> bool:
        """Writes a file unless there is one of that name. Returns whether it did; of two at once only one does.

        Raises:
            CannotGoOn: it cannot be written.
        """
        path = self._path(name)
        with self._for_the_run("written"), _translated():
            try:
                self._fs.makedirs(self._root, exist_ok=True)
                self._fs.pipe_file(path, content, mode="create")
            except PermissionError:
                raise
            except OSError:
                if not self._fs.exists(path):
                    raise
                return False
        return True

    def remove(self, name: str) -> None:
        """Deletes a file, where there is one."""
        with self._for_the_run("written"), contextlib.suppress(FileNotFoundError), _translated():
            self._fs.rm_file(self._path(name))

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}" if name else self._root

    @contextlib.contextmanager
    def _for_the_run(self, verb: str) -> Iterator[None]:
        """What concerns the folder, and with it all recordings."""
        try:
            yield
        except FileNotFoundError:
            raise
        except OSError as error:
            raise CannotGoOn(f"{self.address} cannot be {verb}: {_reason(error)}.") from error


@contextlib.contextmanager
def _for_one_file() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise InvalidAudio("The file is not there any more.") from error
    except OSError as error:
        raise InvalidAudio(f"The file cannot be read: {_reason(error)}.") from error


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Errors of libraries under fsspec as OSError."""
    modules = {module: sys.modules[module] for module in FOREIGN if module in sys.modules}
    try:
        yield
    except tuple(getattr(module, FOREIGN[name]) for name, module in modules.items()) as error:
        raise OSError(None, str(error)) from error


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).rstrip(".")


def _version(info: Mapping[str, Any]) -> FileVersion:
    tag = next((info[name] for name in TAGS if info.get(name)), "")
    digest = hashlib.sha256(str(tag).encode()).digest()
    return FileVersion(int(info.get("size") or 0), int.from_bytes(digest[:7]))
