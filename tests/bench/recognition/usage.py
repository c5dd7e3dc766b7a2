"""What a process and those that it started have used: CPU seconds, and the peak of its memory (Linux, proc(5))."""

import contextlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class _Stat:
    parent: int
    ticks: int
    """Of the process and of those of its children that have ended and were waited for."""


def cpu_seconds(pid: int) -> float:
    """CPU seconds of a process, of its descendants, and of those that have ended."""
    table = dict(_stats())
    family, found = {pid}, 1
    while found:
        more = {child for child, stat in table.items() if stat.parent in family} - family
        family, found = family | more, len(more)
    return sum(table[each].ticks for each in family if each in table) / TICK


def reset_peak(pid: int) -> None:
    """Lets the peak begin anew at what the process has now."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def peak_megabytes(pid: int) -> float:
    """The most physical memory that the process itself had, without its children (VmHWM)."""
    return status_megabytes(pid, "VmHWM")


def status_megabytes(pid: int, field: str) -> float:
    """A line of /proc/PID/status in MB: VmRSS is what it has now, VmHWM the most that it had."""
    (kilobytes,) = re.findall(rf"{field}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(kilobytes) * 1024 / 1e6


def _stats() -> list[tuple[int, _Stat]]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            found.append((int(path.parent.name), _Stat(int(fields[1]), sum(map(int, fields[11:15])))))
    return found
