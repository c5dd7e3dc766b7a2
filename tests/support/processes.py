"""Processes that tests start."""

import signal
import subprocess
from collections.abc import Sequence
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
