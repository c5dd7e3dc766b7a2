"""Which workers are alive: each holds a lock on a file of its own. The system releases it when the process dies."""

import fcntl
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from speechd.ids import new_id
from speechd.store.errors import storage_errors


class WorkerLock:
    """One worker's lock file in the data folder, for as long as the context lasts."""

    def __init__(self, folder: Path) -> None:
        self.name = new_id("worker")
        self._folder = folder
        self._lock: TextIO | None = None

    def __enter__(self) -> Self:
        """
        Raises:
            StorageUnavailable: no file can be written to the folder.
        """
        with storage_errors():
            self._folder.mkdir(parents=True, exist_ok=True)
            draft = self._folder / f"{self.name}.new"
            self._lock = draft.open("w")
            fcntl.flock(self._lock, fcntl.LOCK_EX)
            draft.rename(self._folder / self.name)  # renamed after it is locked, so that it is never visible unlocked
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove_lock(self.name)
        if self._lock is not None:
            self._lock.close()

    def dead(self) -> set[str]:
        """Names of dead workers. They are removed when their work is released."""
        return {path.name for path in self._folder.glob("worker_*") if path.name != self.name and _is_free(path)}

    def remove_lock(self, name: str) -> None:
        """Removes the file of a dead worker."""
        with suppress(OSError):  # a file that stays is found again, without harm
            (self._folder / name).unlink(missing_ok=True)


def _is_free(path: Path) -> bool:
    if path.suffix == ".new":
        return False
    try:
        with path.open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # it is locked or deleted
        return False
    return True
