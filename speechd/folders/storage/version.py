"""Which version of a file it is, without reading it."""

import os
from typing import NamedTuple


class FileVersion(NamedTuple):
    """Changes with the content of a file, as far as the storage tells."""

    size: int
    """Bytes."""
    modified: int
    """Nanoseconds since 1970, or a hash of what another storage tells instead."""


def version_of(stat: os.stat_result) -> FileVersion:
    """Of a file of this machine."""
    return FileVersion(stat.st_size, stat.st_mtime_ns)
