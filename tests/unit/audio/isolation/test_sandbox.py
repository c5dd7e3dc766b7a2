"""What a decoding may still do: everything that FFmpeg needs, and nothing that an attacker wants."""

import json
import platform
import subprocess
import sys

import pytest

from speechd.audio.isolation.seccomp import ARCHITECTURES

ATTEMPTS = {
    "open": "os.open('/etc/hostname', os.O_RDONLY)",
    "create": "os.open('/tmp/made', os.O_CREAT | os.O_WRONLY)",
    "stat": "os.stat('/etc/hostname')",
    "list": "os.listdir('/')",
    "connect": "socket.socket()",
    "fork": "os.fork()",
    "thread": "threading.Thread(target=print).start()",
    "run": "os.execv('/bin/true', ['true'])",
    "signal another": "os.kill(os.getppid(), 0)",
    "raise a limit": "resource.setrlimit(resource.RLIMIT_AS, (-1, -1))",
    "executable memory": "mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC)",
    "memory": "bytearray(600 << 20)",
}
SCRIPT = f"""
import json, mmap, os, resource, socket, sys, threading
from speechd.audio.isolation import sandbox
kept, dropped = os.pipe()
os.dup2(dropped, 700)
got = sandbox.enter(kept)
said = {{"sandbox": [got.no_new_privileges, got.system_calls]}}
for name, attempt in {ATTEMPTS!r}.items():
    try:
        eval(attempt)
        said[name] = "done"
    except (OSError, RuntimeError, MemoryError, ValueError) as error:
        said[name] = type(error).__name__
try:
    os.write(dropped, b"x")
    said["old descriptor"] = "done"
except OSError as error:
    said["old descriptor"] = type(error).__name__
said["small"] = len(bytearray(100 << 20))
os.write(1, json.dumps(said).encode())
os._exit(0)
"""

linux = pytest.mark.skipif(
    not sys.platform.startswith("linux") or platform.machine() not in ARCHITECTURES, reason="has no filter for this"
)


@linux
def test_the_kernel_refuses_everything_but_memory_and_what_is_open() -> None:
    ran = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    said = json.loads(ran.stdout)
    if not said["sandbox"][1]:
        pytest.skip("this kernel filters no system calls")
    assert said.pop("sandbox") == [True, True]
    assert said.pop("small") == 100 << 20
    assert said.pop("thread") == "RuntimeError"
    assert said.pop("memory") == "MemoryError"
    assert set(said.values()) <= {"PermissionError", "OSError", "ValueError"}, said


@linux
def test_a_call_of_the_other_architecture_is_refused() -> None:
    """A 64-bit process may also make 32-bit calls, whose numbers mean something else."""
    from speechd.audio.isolation.seccomp import REFUSE, instructions

    machine = ARCHITECTURES[platform.machine()]
    code = instructions(machine)
    first, second, third = (code[at : at + 8] for at in (0, 8, 16))
    assert first[4:] == (4).to_bytes(4, sys.byteorder)
    assert second[4:] == machine.audit.to_bytes(4, sys.byteorder)
    assert third[4:] == REFUSE.to_bytes(4, sys.byteorder)
    assert len(code) // 8 < 4096  # BPF_MAXINSNS
