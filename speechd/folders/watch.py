"""Follows folders: existing files, then new ones, each when it is no longer being written."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from watchfiles import Change, awatch

from speechd.errors import CannotGoOn, InvalidRequest
from speechd.folders.discover import FoundRecording, Selection, find_recordings
from speechd.folders.storage.address import Location, StorageAddress

SETTLE_SECONDS = 2.0
"""Seconds without a change after which a file counts as complete."""
TICK_MILLISECONDS = 500
"""Seconds between two checks of changing files."""
RESCAN_SECONDS = 600.0
"""Seconds between two scans of all folders, for changes that a network share did not report."""

INSTEAD = "Where the system allows too few watches, WATCHFILES_FORCE_POLLING=true polls the files instead."

Stamp = tuple[int, int]
"""Size in bytes, and nanoseconds since 1970 of the last change."""


@dataclass(slots=True)
class PendingFiles:
    """New and changed recordings, until they stop changing."""

    settle: float = SETTLE_SECONDS
    clock: Callable[[], float] = time.monotonic
    _pending: dict[Path, tuple[FoundRecording, Stamp, float]] = field(default_factory=dict)
    _given: dict[Path, Stamp] = field(default_factory=dict)

    def note(self, recordings: Iterable[FoundRecording]) -> None:
        """Adds recordings that may be new or changed."""
        for recording in recordings:
            stamp = _stamp(recording.path)
            if stamp is not None and self._given.get(recording.source) != stamp:
                self._pending.setdefault(recording.source, (recording, stamp, self._since(stamp)))

    def ready(self, busy: Collection[Path]) -> list[FoundRecording]:
        """Removes and returns recordings that no longer change and are not running."""
        now, found = self.clock(), []
        for source, (recording, before, since) in list(self._pending.items()):
            stamp = _stamp(recording.path)
            if stamp is None:
                del self._pending[source]
            elif stamp != before:
                self._pending[source] = (recording, stamp, now)
            elif now - since >= self.settle and source not in busy:
                del self._pending[source]
                self._given[source] = stamp
                found.append(recording)
        return found

    def _since(self, stamp: Stamp) -> float:
        """Whether a file is old enough to be complete. A wrong clock only adds waiting."""
        age = time.time() - stamp[1] / 1e9
        return self.clock() - max(0.0, age)


def _stamp(path: Path) -> Stamp | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_size, stat.st_mtime_ns


async def follow(
    folders: Sequence[Location], selection: Selection, busy: Collection[Path]
) -> AsyncIterator[list[FoundRecording]]:
    """Yields recordings when they are complete, without end, and sometimes an empty list.

    Args:
        folders: to be followed, with all below them.
        selection: which files.
        busy: sources that are running. When they change, they come again afterwards.

    Raises:
        InvalidRequest: one of them is no folder, or disappears.
        CannotGoOn: the system cannot watch them.
    """
    roots = {}
    for folder in folders:
        if isinstance(folder, StorageAddress) or not folder.is_dir():
            raise InvalidRequest(f"--watch follows folders. {folder} is not a folder of this machine.", param="paths")
        roots[folder.absolute()] = folder
    waiting, scanned = PendingFiles(), float("-inf")
    events = awatch(*roots, watch_filter=None, yield_on_timeout=True, rust_timeout=TICK_MILLISECONDS, debounce=200)
    try:
        async for changes in events:
            if (
                time.monotonic() - scanned > RESCAN_SECONDS
            ):  # the first scan is after the watch has begun, so no file is missed
                scanned = time.monotonic()
                found = await asyncio.to_thread(find_recordings, folders, selection)
            else:
                paths = [Path(path) for change, path in changes if change != Change.deleted]
                found = await asyncio.to_thread(_among, paths, roots, selection)
            waiting.note(found)
            yield waiting.ready(busy)
    except OSError as error:
        raise CannotGoOn(f"The folders cannot be followed: {error}. {INSTEAD}") from error


def _among(paths: Iterable[Path], roots: dict[Path, Path], selection: Selection) -> list[FoundRecording]:
    """The recordings at these paths, and below those that are folders (which may have been moved here whole)."""
    found = []
    for path in paths:
        root = next((root for root in roots if root == path or root in path.parents), None)
        if root is None:
            continue
        for file in _files_at(path):
            name = PurePath(file.relative_to(root))
            if selection.takes(name) and not any(part.startswith(".") for part in name.parts):
                found.append(FoundRecording(roots[root] / name, name))
    return found


def _files_at(path: Path) -> list[Path]:
    return [file for file in (path.rglob("*") if path.is_dir() else (path,)) if file.is_file()]
