"""The rights that a decoding gives up before it reads the first byte of a recording."""

import ctypes
import os
import resource
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from speechd.audio.isolation import seccomp

MAX_MEMORY: Final = 512 << 20
"""Bytes of address space that a decoding may take beyond what the process begins with. The largest index of an MP4 that
`ffmpeg.mp4_index` lets pass takes 300 MB."""
MAX_FILES: Final = 8
"""Descriptors: three standard ones, the socket and the recording."""
MANY_FILES: Final = 1024
"""More than the process was forked with."""
MAX_CPU: Final = 9_000
"""CPU seconds, whatever the decoding's own budget: a fifth of 12 hours, and some more."""

PR_SET_PDEATHSIG: Final = 1
PR_SET_NO_NEW_PRIVS: Final = 38


@dataclass(frozen=True, slots=True)
class Sandbox:
    """What the kernel holds a decoding to."""

    no_new_privileges: bool
    system_calls: bool
    """They are filtered."""


def enter(keep: int) -> Sandbox:
    """Give up every right but to use memory, CPU and these descriptors: the standard ones and `keep`.

    The process ends with its parent. To be called in a process with one thread.
    """
    os.closerange(3, keep)
    os.closerange(keep + 1, MANY_FILES)
    lower_limit(resource.RLIMIT_AS, address_space() + MAX_MEMORY)
    lower_limit(resource.RLIMIT_CPU, MAX_CPU)
    lower_limit(resource.RLIMIT_NOFILE, max(MAX_FILES, keep + 2))
    for nothing in (resource.RLIMIT_FSIZE, resource.RLIMIT_CORE, resource.RLIMIT_NPROC):
        lower_limit(nothing, 0)
    if not sys.platform.startswith("linux"):
        return Sandbox(no_new_privileges=False, system_calls=False)
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    no_new_privileges = libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    return Sandbox(no_new_privileges, no_new_privileges and seccomp.install(libc))


def address_space() -> int:
    """Bytes of address space that this process has."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except OSError:
        return 0


def lower_limit(kind: int, maximum: int) -> None:
    """Lower a limit for good; one that is lower already stays."""
    hard = resource.getrlimit(kind)[1]
    value = maximum if hard == resource.RLIM_INFINITY else min(maximum, hard)
    resource.setrlimit(kind, (value, value))
