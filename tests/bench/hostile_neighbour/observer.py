"""A process that asks /healthz again and again and looks at the memory of the server's processes."""

import contextlib
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import httpx2

PROBE_SECONDS = 0.05
MEMORY_SECONDS = 0.2
TIMEOUT = 60.0
PAGE = 4096


@dataclass(frozen=True)
class Sample:
    """One measurement at a moment of the monotonic clock."""

    at: float
    value: float
    """Seconds until the answer, infinite where there was none; or MB."""


@dataclass(frozen=True)
class LoopTime:
    """What the thread of the event loop had until a moment, in seconds."""

    at: float
    running: float
    """On a CPU."""
    waiting: float
    """Ready to run, without a CPU: others have them."""


@dataclass
class Seen:
    """Everything that was measured; complete when the block of `observing` ends."""

    probes: list[Sample]
    memory: list[Sample]
    loop: list[LoopTime]


@contextmanager
def observing(url: str, pid: int) -> Iterator[Seen]:
    """Measures while the block runs."""
    context = get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_observe, args=(url, pid, there), daemon=True)
    process.start()
    seen = Seen([], [], [])
    here.recv()  # it has begun
    try:
        yield seen
    finally:
        here.send("end")
        seen.probes, seen.memory, seen.loop = here.recv()
        process.join()


def _observe(url: str, pid: int, pipe: Connection) -> None:
    probes: list[Sample] = []
    memory: list[Sample] = []
    loop: list[LoopTime] = []
    over = threading.Event()
    threads = [
        threading.Thread(target=_probe, args=(url, probes, over)),
        threading.Thread(target=_look, args=(pid, memory, loop, over)),
    ]
    for thread in threads:
        thread.start()
    pipe.send("begun")
    pipe.recv()
    over.set()
    for thread in threads:
        thread.join()
    pipe.send((probes, memory, loop))


def _probe(url: str, samples: list[Sample], over: threading.Event) -> None:
    """Each probe is a new connection, as those of an orchestrator are."""
    while not over.wait(PROBE_SECONDS):
        began = time.monotonic()
        try:
            with httpx2.Client(timeout=TIMEOUT, trust_env=False, verify=False) as client:
                alive = client.get(f"{url}/healthz").status_code == 200
        except httpx2.HTTPError:
            alive = False
        samples.append(Sample(began, time.monotonic() - began if alive else float("inf")))


def _look(pid: int, memory: list[Sample], loop: list[LoopTime], over: threading.Event) -> None:
    while not over.wait(MEMORY_SECONDS):
        memory.append(Sample(time.monotonic(), tree_megabytes(pid)))
        loop.append(loop_time(pid))


def loop_time(pid: int) -> LoopTime:
    """Of the main thread (Documentation/scheduler/sched-stats.rst)."""
    running, waiting, _ = Path(f"/proc/{pid}/task/{pid}/schedstat").read_text().split()
    return LoopTime(time.monotonic(), int(running) / 1e9, int(waiting) / 1e9)


def tree_megabytes(pid: int) -> float:
    """Resident MB of a process and all below it; what they share is counted for each of them."""
    children: defaultdict[int, list[int]] = defaultdict(list)
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            children[parent].append(int(path.name))
    total, found = 0, [pid]
    while found:
        process = found.pop()
        found += children[process]
        with contextlib.suppress(OSError):
            total += int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return total * PAGE / 1e6
