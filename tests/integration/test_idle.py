"""A server that nobody asks leaves the processor alone."""

import re
import sys
import time
from pathlib import Path

import httpx2
import pytest

from tests.conftest import Fixture
from tests.integration.conftest import server_pid, serving
from tests.support.processes import children

pytestmark = [pytest.mark.extra, pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc is of Linux")]
SECONDS = 10.0
"""That are watched."""


def family(pid: int) -> list[int]:
    return [pid, *(each for child in children(pid) for each in family(child))]


def waits(pid: int) -> int:
    """How often all threads of a process and of its children have gone to sleep so far."""
    found = 0
    for process in family(pid):
        for status in Path(f"/proc/{process}/task").glob("*/status"):
            found += int(re.findall(r"^voluntary_ctxt_switches:\s+(\d+)", status.read_text(), re.MULTILINE)[0])
    return found


def test_an_idle_server_does_not_wake_up(tmp_path: Path, english: Fixture) -> None:
    with serving(tmp_path) as url:
        files, data = {"file": english.path.read_bytes()}, {"model": "whisper-pocket"}
        httpx2.post(f"{url}/v1/audio/transcriptions", files=files, data=data, timeout=120).raise_for_status()
        pid, end = server_pid(url), time.monotonic() + 60
        while time.monotonic() < end:
            before = waits(pid)
            time.sleep(SECONDS)
            if waits(pid) - before < SECONDS / 2:
                return
    pytest.fail("it woke up more often than every other second, for a minute")
