"""A hostile caller beside an honest one: what the honest one sees of it."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from tests.integration.conftest import LISTENS, Program, started

PATIENCE = 2.0
"""Seconds that a probe may wait: generous for a machine that tests share, and far below what each attack cost."""


@contextmanager
def probing(url: str) -> Iterator[list[float]]:
    """Asks /healthz again and again, each time on a new connection; gives the seconds that each answer took."""
    assert httpx2.get(f"{url}/healthz", timeout=60).status_code == 200  # a server may say that it listens, and start
    waits: list[float] = []
    over = threading.Event()

    def probe() -> None:
        while not over.is_set():
            began = time.monotonic()
            try:
                alive = httpx2.get(f"{url}/healthz", timeout=60).status_code == 200
            except httpx2.HTTPError:
                alive = False
            waits.append(time.monotonic() - began if alive else float("inf"))
            over.wait(0.05)

    thread = threading.Thread(target=probe)
    thread.start()
    try:
        yield waits
    finally:
        over.set()
        thread.join()


@contextmanager
def serving_with(data: Path, descriptors: int, **variables: str) -> Iterator[Program]:
    """A server that may have so many files open."""
    script = f'ulimit -n {descriptors}; exec "{sys.executable}" -m speechd "$@"'
    with started(data, "serve", LISTENS, program=("sh", "-c", script, "speechd"), **variables) as server:
        assert httpx2.get(f"{server.found}/healthz", timeout=60).status_code == 200  # the log speaks earlier
        yield server
