"""What all tests share: the recordings of audio_fixtures, and settings that read nothing of the machine."""

import json
import os
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from speechd.settings import Settings

if "PYTEST_XDIST_WORKER" in os.environ:  # the workers share the cores, and threads that wait for a core spin
    os.environ.setdefault("OMP_NUM_THREADS", "1")

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # each process that a test starts would compile speechd anew

ROOT = Path(__file__).parent.parent
FIXTURES = ROOT / "audio_fixtures"


@dataclass(frozen=True)
class Fixture:
    """One entry of audio_fixtures/manifest.json."""

    path: Path
    language: str | None
    text: str
    words: tuple[dict[str, Any], ...]
    english: str | None
    duration: float
    tags: tuple[str, ...]


def fixtures(*tags: str) -> list[Fixture]:
    """The entries that have all of the tags."""
    entries = json.loads((FIXTURES / "manifest.json").read_text())
    found = [
        Fixture(
            FIXTURES / entry["file"],
            entry["language"],
            entry["text"],
            tuple(entry["words"]),
            entry.get("english"),
            entry["duration"],
            tuple(entry.get("tags", ())),
        )
        for entry in entries
    ]
    return [fixture for fixture in found if set(tags) <= set(fixture.tags)]


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Workers of `pytest -n auto`: one more than there are cores, because some tests wait for processes and retries."""
    return len(os.sched_getaffinity(0)) + 1 if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1) + 1


@pytest.fixture(scope="session", autouse=True)
def _certificates_are_read_once() -> Iterator[None]:
    """Each HTTP client would read the machine's certificates anew, which takes 30 ms; no test changes a context."""
    with mock.patch("ssl.create_default_context", cache(ssl.create_default_context)):
        yield


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A developer's own SPEECHD_* variables and keys must not decide a test."""
    for name in [name for name in os.environ if name.startswith("SPEECHD_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", port=0)


@pytest.fixture
def english() -> Fixture:
    """A short clean English clip."""
    return fixtures()[0]
