"""How much memory there is for models: the system's, or what a container's limit leaves of it."""

from pathlib import Path

import pytest

from speechd.registry.memory import available_memory, fits

SYSTEM = "MemTotal:       24105000 kB\nMemAvailable:    4000000 kB\n"
NO_CONTAINER = Path("/nonexistent")


@pytest.fixture
def system(tmp_path: Path) -> Path:
    path = tmp_path / "meminfo"
    path.write_text(SYSTEM)
    return path


def container(folder: Path, **files: str) -> Path:
    for name, content in files.items():
        (folder / f"memory.{name}").write_text(content)
    return folder


def test_the_system_tells_what_is_available(system: Path) -> None:
    assert available_memory(system, NO_CONTAINER) == 4_000_000 * 1024


def test_a_container_has_what_its_limit_leaves(system: Path, tmp_path: Path) -> None:
    """The kernel gives the inactive page cache back, which `memory.current` counts."""
    files = {"max": "2000000000\n", "current": "900000000\n", "stat": "anon 400000000\ninactive_file 300000000\n"}
    assert available_memory(system, container(tmp_path, **files)) == 1_400_000_000


def test_a_container_without_a_limit_has_what_the_system_has(system: Path, tmp_path: Path) -> None:
    folder = container(tmp_path, max="max\n", current="900000000\n")
    assert available_memory(system, folder) == 4_000_000 * 1024


def test_where_nothing_tells_there_is_no_bound(tmp_path: Path) -> None:
    assert available_memory(tmp_path / "none", NO_CONTAINER) == float("inf")


def test_a_model_needs_more_than_its_files() -> None:
    assert fits(1_000, 1_300)
    assert not fits(1_000, 1_299)
