"""Addresses of storage, such as `s3://bucket/recordings`."""

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://")


@dataclass(frozen=True, slots=True)
class StorageAddress:
    """A folder, or one recording, in storage that is not of this machine."""

    url: str

    def __str__(self) -> str:
        return self.url

    @property
    def parent(self) -> "StorageAddress":
        """The folder that it is in."""
        return StorageAddress(self.url.rstrip("/").rpartition("/")[0])

    @property
    def name(self) -> str:
        return PurePosixPath(self.url).name

    def is_dir(self) -> bool:
        """Whether it is a folder, as far as its name tells: what has no suffix is one."""
        return not PurePosixPath(self.name).suffix or self.parent.url.endswith(":/")


Location = Path | StorageAddress


def parse_location(text: str) -> Location:
    """`s3://bucket/in` is an address; `file:///in` and all else is a path."""
    if not _ADDRESS.match(text):
        return Path(text)
    if text.startswith("file://"):
        return Path(unquote(urlsplit(text).path))
    return StorageAddress(text)
