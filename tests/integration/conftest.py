"""The real thing: `speechd serve` as a process on loopback, with the embedded models."""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

LISTENS = r"listens on (http://\S+)"
THIS_SPEECHD = (sys.executable, "-m", "speechd")

ON_CLUSTER = {"SPEECHD_CLUSTER": os.environ["TEST_CLUSTER"]} if "TEST_CLUSTER" in os.environ else {}
"""Where tests/integration/test_cluster.py runs other suites: the Ray cluster that runs the models."""

RUNNING_SERVER = os.environ.get("TEST_SERVER")
"""Where tests/integration/test_two_servers.py runs other suites: the address of the balancer before its servers."""


@dataclass
class Program:
    """A process of speechd."""

    process: subprocess.Popen[str]
    found: str
    """What its first word of being ready says: a server's address."""
    log: list[str]

    def wait_for(self, pattern: str) -> None:
        """Until the log says so."""
        for _ in range(1200):
            if re.search(pattern, "".join(self.log)):
                return
            time.sleep(0.1)
        raise AssertionError(f"no {pattern!r} in the log:\n" + "".join(self.log))


@contextmanager
def started(
    data_dir: Path, command: str, ready: str, program: Sequence[str | Path] = THIS_SPEECHD, **variables: str
) -> Iterator[Program]:
    """A process of speechd, from when its log says that it is ready; it ends with the block, if it has not before."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SPEECHD_")}
    environment |= {
        "SPEECHD_DATA_DIR": str(data_dir),
        "SPEECHD_PORT": "0",
        "SPEECHD_DRAIN_SECONDS": "0",
        "SPEECHD_SHUTDOWN_SECONDS": "10",
        "PYTHONUNBUFFERED": "1",
    } | (ON_CLUSTER | variables)
    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    process = subprocess.Popen([*program, command], env=environment, text=True, **pipes)
    assert process.stderr is not None
    log: list[str] = []
    try:
        for line in process.stderr:
            log.append(line)
            if found := re.search(ready, line):
                break
        else:
            raise AssertionError(f"speechd {command} did not start:\n" + "".join(log))
        reader = threading.Thread(target=lambda: log.extend(process.stderr or ()), daemon=True)
        reader.start()
        yield Program(process, found[found.lastindex or 0], log)
    finally:
        process.terminate()
        process.wait(timeout=30)
        process.stderr.close()


@contextmanager
def serving(data_dir: Path, **variables: str) -> Iterator[str]:
    """A server process on a free port; its address. It ends with the block, and must end well."""
    with started(data_dir, "serve", LISTENS, **variables) as server:
        yield server.found
    log = "".join(server.log)
    assert server.process.returncode in (0, -signal.SIGTERM), log  # uvicorn ends in order, then as the signal asks
    assert "Traceback" not in log, log


def server_pid(url: str) -> int:
    """The process that `serving` started at this address (Linux)."""
    port = int(url.rpartition(":")[2])
    (inode,) = [
        columns[9]
        for columns in map(str.split, Path("/proc/net/tcp").read_text().splitlines()[1:])
        if columns[1].endswith(f":{port:04X}") and columns[3] == "0A"  # LISTEN
    ]
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if any(str(link.readlink()) == f"socket:[{inode}]" for link in (process / "fd").iterdir()):
                return int(process.name)
    raise LookupError(url)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One server for all tests that need nothing special of it."""
    if RUNNING_SERVER:
        yield RUNNING_SERVER
        return
    with serving(tmp_path_factory.mktemp("data")) as url:
        yield url


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own with room for a few megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip("a file system of one's own needs root: " + mounted.stderr.decode().strip())
    yield folder
    subprocess.run(["umount", folder], check=True)


def fill(folder: Path) -> Path:
    """Leaves no room on the disk that the folder is on."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    assert not shutil.disk_usage(folder).free
    return ballast
