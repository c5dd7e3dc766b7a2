"""How much the files kept here may take, and one owner of it; those that are still being written are included."""

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from speechd.errors import QuotaExceeded, StorageFull

RETRY_AFTER = 60.0
"""Seconds after which there may be room on the disk again."""


@dataclass(frozen=True, slots=True)
class StorageLimits:
    """What the files of one data folder may take."""

    quota: int = 0
    """Bytes of all contents and drafts together; 0 sets no bound."""
    min_free: int = 0
    """Bytes that stay free on the disk; 0 sets no floor."""
    share: Callable[[], float] = lambda: 1.0
    """The part of the quota that one owner may take, at this moment."""


class StorageQuota:
    """What kept contents and drafts take together; drafts are written in threads."""

    def __init__(self, folder: Path, limits: StorageLimits) -> None:
        """
        Args:
            folder: of the contents, each in a folder of its own letters; drafts are in `drafts`.
        """
        self._folder = folder
        self._limits = limits
        self._lock = Lock()
        self._stored: int | None = None
        self._stored_of: dict[str, int] = {}
        """By owner, as the database said last."""
        self._growing: Counter[str] = Counter()
        """Bytes of drafts, by owner."""

    def reserve(self, size: int, owner: str, replaced: int = 0) -> None:
        """Before so many bytes are written to a draft of `owner`.

        Args:
            replaced: bytes that are written too, and which count already where they come from.

        Raises:
            QuotaExceeded: they are more than the settings allow, for all or for this owner.
            StorageFull: the disk would have less room than must stay free.
            OSError: the disk cannot be asked.
        """
        with self._lock:
            if self._limits.quota and self._kept() + self._growing.total() + size > self._limits.quota:
                raise self.exceeded()
            if not self.allows_owner(owner, self._stored_of.get(owner, 0) + self._growing[owner] + size):
                raise self.share_exceeded()
            if self._limits.min_free and self._free() - size - replaced < self._limits.min_free:
                raise StorageFull(retry_after=RETRY_AFTER)
            self._growing[owner] += size

    def release(self, size: int, owner: str) -> None:
        """So many bytes of the owner's drafts are gone, or are contents now."""
        with self._lock:
            self._growing[owner] -= size
            if not self._growing[owner]:
                del self._growing[owner]

    def know(self, stored: int) -> None:
        """All contents take so many bytes."""
        with self._lock:
            self._stored = stored

    def know_owner(self, owner: str, stored: int) -> None:
        """The contents of an owner take so many bytes."""
        with self._lock:
            self._stored_of[owner] = stored

    def forget(self, size: int) -> None:
        """A content of so many bytes is gone, whoever's it was."""
        with self._lock:
            self._stored_of.clear()
            if self._stored is not None:
                self._stored = max(0, self._stored - size)

    def exceeded(self) -> QuotaExceeded:
        return QuotaExceeded(
            f"The files kept here would take more than {self._limits.quota} bytes: delete some first.", param="file"
        )

    def share_exceeded(self) -> QuotaExceeded:
        share = int(self._limits.quota * self._limits.share())
        return QuotaExceeded(
            f"The files of your key would take more than {share} bytes, its share of the space for files"
            " (SPEECHD_KEY_SHARE): delete some first.",
            param="file",
        )

    def allows(self, stored: int) -> bool:
        """Contents may take so many bytes."""
        return not self._limits.quota or stored <= self._limits.quota

    def allows_owner(self, owner: str, stored: int) -> bool:
        """The contents of an owner may take so many bytes. Nobody owns what was stored without keys."""
        return not self._limits.quota or not owner or stored <= self._limits.quota * self._limits.share()

    def _kept(self) -> int:
        """Bytes of all contents; counted once, where nobody has said it yet."""
        if self._stored is None:
            paths = self._folder.glob("[0-9a-f][0-9a-f]/*")
            self._stored = sum(path.stat().st_size for path in paths)
        return self._stored

    def _free(self) -> int:
        disk = os.statvfs(self._folder)
        return disk.f_bavail * disk.f_frsize
