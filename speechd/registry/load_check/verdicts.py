"""What came of the checks of models, in a file: known by the content of their files, whatever they are called."""

import contextlib
import hashlib
import json
import logging
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from speechd import __version__
from speechd.registry.files import MANIFEST, manifest_in
from speechd.registry.sources.base import sha256

METHOD = 1
"""Part of a stored verdict's name. Raise it when a check tries more."""

log = logging.getLogger("speechd.models")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one check."""

    broken: str
    """Why the model is not used; "" where it passed."""
    until: float | None = None
    """Unix seconds after which it is checked again; None: only when its files change."""

    @property
    def holds(self) -> bool:
        return self.until is None or time.time() < self.until


class Verdicts:
    """The verdicts of a data folder. Several processes may share it: the last writer wins, and others check again."""

    def __init__(self, path: Path, device: str) -> None:
        """
        Args:
            path: the file.
            device: where models run and in which number format. A verdict holds for that, and for this version.
        """
        self._path = path
        self._suffix = f"{METHOD}/{__version__}/{device}"
        self._lock = threading.Lock()
        self._unsaved: dict[str, Any] = {}
        """Verdicts of this process; the only ones where the folder cannot be written."""

    def known(self, folder: Path) -> Verdict | None:
        """The verdict on files that were checked and are unchanged by size and time; reads none of them."""
        return self._of(self._name(listing_hash(folder)))

    def same_content(self, folder: Path) -> Verdict | None:
        """The verdict on files with this content, wherever they were; may read them whole."""
        verdict = self._of(self._name(content_hash(folder)))
        if verdict is not None:
            self._save({self._name(listing_hash(folder)): verdict})
        return verdict

    def add(self, folder: Path, verdict: Verdict) -> None:
        """Remembers a verdict."""
        self._save({self._name(key): verdict for key in (listing_hash(folder), content_hash(folder))})

    def _name(self, key: str) -> str:
        return f"{key}/{self._suffix}"

    def _of(self, name: str) -> Verdict | None:
        found = (self._read() | self._unsaved).get(name)
        if not isinstance(found, dict) or not found.keys() <= {"broken", "until"}:
            return None
        verdict = Verdict(**found)
        return verdict if verdict.holds else None

    def _read(self) -> dict[str, Any]:
        try:
            content = json.loads(self._path.read_text())
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def _save(self, verdicts: Mapping[str, Verdict]) -> None:
        with self._lock:
            self._unsaved |= {name: asdict(verdict) for name, verdict in verdicts.items()}
            beside = self._path.with_name(f".{self._path.name}.{os.getpid()}")
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                beside.write_text(json.dumps(self._read() | self._unsaved, indent=1) + "\n")
                beside.replace(self._path)
            except OSError as error:
                log.warning("the check of a model is not remembered: %s", error)
                with contextlib.suppress(OSError):
                    beside.unlink(missing_ok=True)


def listing_hash(folder: Path) -> str:
    """SHA-256 of the names, sizes and times of a model's files."""
    stats = ((name, file.stat()) for name, file in _files(folder))
    return _hash("listing", *(f"{name}\0{stat.st_size}\0{stat.st_mtime_ns}" for name, stat in stats))


def content_hash(folder: Path) -> str:
    """SHA-256 of the names and contents of a model's files. A file that is older than what a pull wrote about it is
    not read again."""
    pulled = pulled_hashes(folder)
    return _hash("content", *(f"{name}\0{pulled.get(name) or sha256(file)}" for name, file in _files(folder)))


def pulled_hashes(folder: Path) -> dict[str, str]:
    """The SHA-256 that a pull has found, for each file that has not changed since."""
    try:
        written = (folder / MANIFEST).stat().st_mtime_ns
    except OSError:
        return {}
    recorded = manifest_in(folder).get("files")
    rows = recorded if isinstance(recorded, dict) else {}
    return {
        name: str(rows[name]["sha256"])
        for name, file in _files(folder)
        if name in rows and file.stat().st_size == rows[name]["size"] and file.stat().st_mtime_ns <= written
    }


def _files(folder: Path) -> list[tuple[str, Path]]:
    found = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)
    return [(path.relative_to(folder).as_posix(), path) for path in found]


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0\0".join(parts).encode(errors="surrogateescape")).hexdigest()
