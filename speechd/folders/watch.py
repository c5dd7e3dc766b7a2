"""Follows folders: what is there, then what comes, each file when nobody writes to it any more."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from watchfiles import Change, awatch

from speechd.errors import CannotGoOn, InvalidRequest
from speechd.folders.discover import FoundRecording, Selection, find_recordings

SETTLE_SECONDS = 2.0
"""A file that has not changed for so long is taken for complete."""
TICK_MILLISECONDS = 500
"""Between two looks at the files that are waited for."""
RESCAN_SECONDS = 600.0
"""Between two looks at everything, for what a network share did not report."""

INSTEAD = "Where the system allows too few watches, WATCHFILES_FORCE_POLLING=true looks at the files instead."

Stamp = tuple[int, int]
"""Size in bytes, and nanoseconds since 1970 of the last change."""


@dataclass(slots=True)
class PendingFiles:
    """Recordings that have come or changed, until they are still; pure bookkeeping."""

    settle: float = SETTLE_SECONDS
    clock: Callable[[], float] = time.monotonic
    _pending: dict[Path, tuple[FoundRecording, Stamp, float]] = field(default_factory=dict)
    _given: dict[Path, Stamp] = field(default_factory=dict)

    def note(self, recordings: Iterable[FoundRecording]) -> None:
        """These may be new, or other than before."""
        for recording in recordings:
            stamp = _stamp(recording.path)
            if stamp is not None and self._given.get(recording.source) != stamp:
                self._pending.setdefault(recording.source, (recording, stamp, self._since(stamp)))

    def ready(self, busy: Collection[Path]) -> list[FoundRecording]:
        """Takes out those that have been still for long enough, but for those that are in work."""
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
        """What was last written to long ago need not be waited for; a clock that is wrong makes us wait."""
        age = time.time() - stamp[1] / 1e9
        return self.clock() - max(0.0, age)


def _stamp(path: Path) -> Stamp | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_size, stat.st_mtime_ns


async def follow(
    folders: Sequence[Path], selection: Selection, busy: Collection[Path]
) -> AsyncIterator[list[FoundRecording]]:
    """Yields recordings as they are complete, for ever; now and then an empty list.

    Args:
        folders: to be followed, with all below them.
        selection: which files.
        busy: sources that are in work: when they change, they come again afterwards.

    Raises:
        InvalidRequest: one of them is no folder, or goes away.
        CannotGoOn: the system cannot watch them.
    """
    for folder in folders:
        if not folder.is_dir():
            raise InvalidRequest(f"--watch follows folders, and {folder} is none.", param="paths")
    waiting, scanned = PendingFiles(), float("-inf")
    roots = {folder.absolute(): folder for folder in folders}
    events = awatch(*roots, watch_filter=None, yield_on_timeout=True, rust_timeout=TICK_MILLISECONDS, debounce=200)
    try:
        async for changes in events:
            if (
                time.monotonic() - scanned > RESCAN_SECONDS
            ):  # the first time when the watch has begun: nothing is missed
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
