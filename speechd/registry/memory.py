"""The memory that a model needs, and the memory that this process can use: of the system or its container."""

from pathlib import Path

MODEL_MEMORY = 1.3
"""Memory of a model at most, as a multiple of the size of its files (measured on Whisper: 1.1 to 1.3)."""
SYSTEM = Path("/proc/meminfo")
CONTAINER = Path("/sys/fs/cgroup")
"""Path of a container's own control group (Linux, "Control Group v2", Memory)."""


def fits(model_bytes: int, memory: float) -> bool:
    """Whether a model with so many bytes of files fits into so many bytes of memory."""
    return model_bytes * MODEL_MEMORY <= memory


def available_memory(system: Path = SYSTEM, container: Path = CONTAINER) -> float:
    """Bytes that this process can use now; infinite where they cannot be read (not Linux)."""
    return min(_of_system(system), _of_container(container))


def _of_system(path: Path) -> float:
    return _numbers(path).get("MemAvailable:", float("inf")) * 1024


def _of_container(folder: Path) -> float:
    """What the limit leaves. The page cache counts as used, and the kernel can free its inactive part."""
    limit, used = (_number(folder / f"memory.{name}") for name in ("max", "current"))
    if limit is None or used is None:
        return float("inf")
    return limit - used + _numbers(folder / "memory.stat").get("inactive_file", 0)


def _number(path: Path) -> float | None:
    """The number in a file; None where it is not there or says `max`."""
    text = _read(path).strip()
    return float(text) if text.isdigit() else None


def _numbers(path: Path) -> dict[str, float]:
    """The lines of a file that are a name and a number."""
    lines = [line.split() for line in _read(path).splitlines()]
    return {line[0]: float(line[1]) for line in lines if len(line) > 1 and line[1].isdigit()}


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
