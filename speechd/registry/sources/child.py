"""A package manager's client as a child process, which is ended when no bytes arrive."""

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from speechd.errors import SourceFailed
from speechd.registry.sources import base

START_PATIENCE = 60.0
"""Seconds until the first line of output of a client. Before it no server has been contacted."""
LOOK_EVERY = 0.1
"""Seconds between two checks of the bytes that arrived."""
MAX_OUTPUT = 1 << 20
"""Bytes of a client's output that are read, from its end."""


def run_client(
    command: Sequence[str], folder: Path, report: Callable[[int], None], environment: dict[str, str]
) -> tuple[int, str]:
    """Runs a client that downloads into a folder, until it ends.

    Args:
        command: the client and its arguments. Its standard input is empty, so it cannot ask questions.
        folder: where it works and puts temporary files. Growth of this folder shows that it is alive.
        report: called with the bytes that arrived in that folder.
        environment: on top of this process's own.

    Returns:
        Its exit status and its output.

    Raises:
        SourceFailed: no byte came for SILENCE.
    """
    variables = os.environ | {"TMPDIR": str(folder)} | environment
    with tempfile.TemporaryFile() as output:
        child = subprocess.Popen(  # noqa: S603  (our own arguments, no shell)
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=variables, cwd=folder
        )
        try:
            _watch(child, folder, output, report)
        finally:
            child.kill()
            status = child.wait()
        return status, _tail(output)


def _watch(child: subprocess.Popen[bytes], folder: Path, output: IO[bytes], report: Callable[[int], None]) -> None:
    here, started, alive = 0, False, time.monotonic()
    before = bytes_below(folder)  # files that the client is given, such as a list of hashes, do not count
    while child.poll() is None:
        time.sleep(LOOK_EVERY)
        grown = bytes_below(folder) - before
        if grown > here or (not started and os.fstat(output.fileno()).st_size):
            started, here, alive = True, max(here, grown), time.monotonic()
            report(here)
        elif time.monotonic() - alive > (base.MAX_SILENCE if started else START_PATIENCE):
            raise SourceFailed(f"no byte came for {base.MAX_SILENCE if started else START_PATIENCE:g} s")


def bytes_below(folder: Path) -> int:
    """Size of all files below a folder, while they come and go."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.stat(os.path.join(place, name)).st_size  # noqa: PTH116, PTH118  (ten times a second)
            except FileNotFoundError:
                continue
    return total


def _tail(output: IO[bytes]) -> str:
    size = output.seek(0, os.SEEK_END)
    output.seek(max(0, size - MAX_OUTPUT))
    return output.read().decode(errors="replace")
