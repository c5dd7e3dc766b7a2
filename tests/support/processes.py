"""Processes that tests start."""

import contextlib
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any


def start(command: Sequence[object], **options: Any) -> "subprocess.Popen[Any]":
    """Popen, for a process that Ctrl-C can stop.

    A shell starts what runs in its background with SIGINT ignored, and children inherit that; a signal for which the
    parent has a handler is back at its default in the child (execve(2)).
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen([str(word) for word in command], **options)
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def own_sigterm() -> Iterator[None]:
    """SIGTERM means afterwards what it has meant before. Each machine that Ray starts sets a handler that ends all
    machines and raises SystemExit, which pytest takes for the failure of one test: the next ones run without a
    cluster."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def children(process: int | None) -> set[int]:
    """The running processes that a process has started."""
    found = set()
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, parent, *_ = status.read_text().rpartition(")")[2].split()
            if int(parent) == process and state != "Z":
                found.add(int(status.parent.name))
    return found


def eventually(holds: Callable[[], bool], seconds: float = 20) -> bool:
    """Whether something comes true before it is clear that it will not."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True
