"""How much the files kept here may take, those that are still being written included."""

import os
from pathlib import Path
from threading import Lock

from speechd.errors import QuotaExceeded, StorageFull

RETRY_AFTER = 60.0
"""Seconds after which there may be room on the disk again."""


class StorageQuota:
    """What kept contents and drafts take together; drafts are written in threads."""

    def __init__(self, folder: Path, maximum: int = 0, min_free: int = 0) -> None:
        """
        Args:
            folder: of the contents, each in a folder of its own letters; drafts are in `drafts`.
            most: bytes of all together; 0 sets no bound.
            min_free: bytes that stay free on the disk; 0 sets no floor.
        """
        self._folder = folder
        self._maximum = maximum
        self._min_free = min_free
        self._lock = Lock()
        self._stored: int | None = None
        self._growing = 0

    def reserve(self, size: int) -> None:
        """Before so many bytes are written to a draft.

        Raises:
            QuotaExceeded: they are more than the settings allow.
            StorageFull: the disk would have less room than must stay free.
            OSError: the disk cannot be asked.
        """
        with self._lock:
            if self._maximum and self._kept() + self._growing + size > self._maximum:
                raise self.exceeded()
            if self._min_free and self._free() - size < self._min_free:
                raise StorageFull(retry_after=RETRY_AFTER)
            self._growing += size

    def release(self, size: int) -> None:
        """So many bytes of drafts are gone, or are contents now."""
        with self._lock:
            self._growing -= size

    def know(self, stored: int) -> None:
        """All contents take so many bytes."""
        with self._lock:
            self._stored = stored

    def forget(self, size: int) -> None:
        """A content of so many bytes is gone."""
        with self._lock:
            if self._stored is not None:
                self._stored = max(0, self._stored - size)

    def exceeded(self) -> QuotaExceeded:
        return QuotaExceeded(
            f"The files kept here would take more than {self._maximum} bytes: delete some first.", param="file"
        )

    def allows(self, stored: int) -> bool:
        """Contents may take so many bytes."""
        return not self._maximum or stored <= self._maximum

    def _kept(self) -> int:
        """Bytes of all contents; counted once, where nobody has said it yet."""
        if self._stored is None:
            paths = self._folder.glob("[0-9a-f][0-9a-f]/*")
            self._stored = sum(path.stat().st_size for path in paths)
        return self._stored

    def _free(self) -> int:
        disk = os.statvfs(self._folder)
        return disk.f_bavail * disk.f_frsize
