"""A filter of system calls for a decoding: it may read, write to what is open, and ask for memory; nothing else.

No file, connection, process or executable memory comes into being; such calls fail with EPERM. The filter is classic
BPF over `struct seccomp_data` (Linux, include/uapi/linux/seccomp.h and filter.h).
"""

import ctypes
import errno
import platform
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

PR_SET_SECCOMP: Final = 22
SECCOMP_MODE_FILTER: Final = 2
ALLOW: Final = 0x7FFF_0000
REFUSE: Final = 0x0005_0000 | errno.EPERM
PROT_EXEC: Final = 4

_LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
_EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_ANY_BIT: Final = 0x45  # BPF_JMP | BPF_JSET | BPF_K
_RETURN: Final = 0x06  # BPF_RET | BPF_K
_NUMBER, _ARCHITECTURE, _THIRD_ARGUMENT = 0, 4, 32
"""Offsets in `struct seccomp_data`; of an argument the low half on little-endian machines."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """A machine's numbers."""

    audit: int
    """AUDIT_ARCH_* of include/uapi/linux/audit.h."""
    calls: Mapping[str, int]
    """System calls that pass, the most frequent ones first."""
    memory: Mapping[str, int]
    """Those that pass unless their third argument has PROT_EXEC."""


ARCHITECTURES: Final = {
    "x86_64": Architecture(
        0xC000_003E,
        {
            **{"pread64": 17, "sendto": 44, "recvfrom": 45, "lseek": 8, "setitimer": 38, "read": 0, "write": 1},
            **{"brk": 12, "munmap": 11, "mremap": 25, "madvise": 28, "futex": 202, "clock_gettime": 228},
            **{"recvmsg": 47, "close": 3, "getrandom": 318, "rt_sigreturn": 15, "rt_sigaction": 13},
            **{"rt_sigprocmask": 14, "getpid": 39, "gettid": 186, "sched_yield": 24, "sched_getaffinity": 204},
            **{"exit": 60, "exit_group": 231},
        },
        {"mmap": 9, "mprotect": 10},
    ),
    "aarch64": Architecture(
        0xC000_00B7,
        {
            **{"pread64": 67, "sendto": 206, "recvfrom": 207, "lseek": 62, "setitimer": 103, "read": 63, "write": 64},
            **{"brk": 214, "munmap": 215, "mremap": 216, "madvise": 233, "futex": 98, "clock_gettime": 113},
            **{"recvmsg": 212, "close": 57, "getrandom": 278, "rt_sigreturn": 139, "rt_sigaction": 134},
            **{"rt_sigprocmask": 135, "getpid": 172, "gettid": 178, "sched_yield": 124, "sched_getaffinity": 123},
            **{"exit": 93, "exit_group": 94},
        },
        {"mmap": 222, "mprotect": 226},
    ),
}
"""By `platform.machine()`."""


class _Program(ctypes.Structure):
    """`struct sock_fprog`."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def instructions(machine: Architecture) -> bytes:
    """The filter, as an array of `struct sock_filter`."""
    rows = [(_LOAD, 0, 0, _ARCHITECTURE), (_EQUAL, 1, 0, machine.audit), (_RETURN, 0, 0, REFUSE)]
    rows.append((_LOAD, 0, 0, _NUMBER))
    for number in machine.calls.values():
        rows += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, ALLOW)]
    for number in machine.memory.values():
        rows += [(_EQUAL, 0, 4, number), (_LOAD, 0, 0, _THIRD_ARGUMENT), (_ANY_BIT, 1, 0, PROT_EXEC)]
        rows += [(_RETURN, 0, 0, ALLOW), (_RETURN, 0, 0, REFUSE)]
    rows.append((_RETURN, 0, 0, REFUSE))
    return b"".join(struct.pack("=HBBI", *row) for row in rows)


def install(libc: ctypes.CDLL) -> bool:
    """Filter this process from here on; needs no_new_privs. False where the kernel or the machine does not allow it."""
    machine = ARCHITECTURES.get(platform.machine())
    if machine is None:
        return False
    code = instructions(machine)
    program = _Program(len(code) // 8, code)
    return bool(libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0) == 0)
