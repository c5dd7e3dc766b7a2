"""Tells when files are written to, by whichever process, without polling (Linux, inotify(7))."""

import asyncio
import contextlib
import ctypes
import os
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

IN_MODIFY, IN_MOVED_TO, IN_CREATE = 0x2, 0x80, 0x100
IN_NONBLOCK, IN_CLOEXEC = os.O_NONBLOCK, 0o2000000
EVENT = struct.Struct("iIII")
"""Watch, mask, cookie, and the length of the name that follows."""


class FileChanges:
    """The files of one folder whose names begin alike; belongs to one event loop."""

    def __init__(self, folder: Path, prefix: str) -> None:
        self._folder = folder
        self._prefix = os.fsencode(prefix)
        self.happened = asyncio.Event()
        """Set when one was written to. Who waits for it clears it."""

    @contextlib.contextmanager
    def watching(self) -> Iterator[bool]:
        """Watches during the context. Gives False where the system cannot: then `happened` is never set."""
        with contextlib.ExitStack() as leaving:
            descriptor = _watch(self._folder)
            if descriptor is not None:
                loop = asyncio.get_running_loop()
                loop.add_reader(descriptor, self._read, descriptor)
                leaving.callback(os.close, descriptor)
                leaving.callback(loop.remove_reader, descriptor)
            yield descriptor is not None

    def _read(self, descriptor: int) -> None:
        with contextlib.suppress(BlockingIOError):
            if any(name.startswith(self._prefix) for name in _names(os.read(descriptor, 1 << 16))):
                self.happened.set()


def _watch(folder: Path) -> int | None:
    """The descriptor of a watch on a folder; None where the system has no inotify, or no watch left."""
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)
    descriptor: int = libc.inotify_init1(IN_NONBLOCK | IN_CLOEXEC)
    if descriptor < 0:
        return None
    if libc.inotify_add_watch(descriptor, os.fsencode(folder), IN_MODIFY | IN_MOVED_TO | IN_CREATE) < 0:
        os.close(descriptor)
        return None
    return descriptor


def _names(events: bytes) -> Iterator[bytes]:
    """The file of each event, without the zeros that fill it up."""
    at = 0
    while at < len(events):
        *_, length = EVENT.unpack_from(events, at)
        at += EVENT.size + length
        yield events[at - length : at]
