"""What a data folder holds at one moment, also while servers work on it.

Contents of files are removed in the transaction that removes their row. While the write lock of the database is held,
its rows and the contents on the disk therefore agree: contents are linked and a reader is opened under the lock.
Everything else happens after it is free again.
"""

import fcntl
import os
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from speechd.errors import InvalidRequest, Misconfigured
from speechd.settings import Settings
from speechd.store.store import SQLITE_NAME

LEFT_OUT = frozenset({"models", "workers", "huggingface", "files", "model-checks.json"})
"""Of the data folder: what can be brought again, and what holds for one machine or one process. Contents are linked."""
PASSING = (".lock", ".new", ".part", ".partial", "-wal", "-shm", "-journal")
"""Ends of the names of files that are for one moment."""
BUSY_SECONDS = 30.0
"""Seconds that a backup waits for a server that writes."""
STAGING = ".backup-"
KEYS = "keys.json"
"""Name of the file of keys in a backup, wherever it is."""
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Files as they were at one moment, in a folder that is removed at the end."""

    folder: Path
    migration: str
    """Of the database; "" where there is none in it."""

    def files(self) -> Iterator[str]:
        """Paths below the folder, the database last."""
        names = sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file())
        yield from (name for name in names if name != SQLITE_NAME)
        if SQLITE_NAME in names:
            yield SQLITE_NAME


@contextmanager
def snapshot(settings: Settings, database: Path | None) -> Iterator[Snapshot]:
    """
    Args:
        database: SQLite's file; None where it is PostgreSQL's.

    Raises:
        InvalidRequest: there is no data folder, or another backup of it is running.
        Misconfigured: the database is in use for longer than BUSY_SECONDS, or cannot be read.
    """
    data = settings.data_dir
    if not data.is_dir():
        raise InvalidRequest(f"There is no data folder {data}.")
    with _alone(data), tempfile.TemporaryDirectory(prefix=STAGING, dir=data) as staging:
        folder = Path(staging)
        try:
            migration = _database_and_contents(data, database, folder)
        except sqlite3.Error as error:
            raise Misconfigured(f"The database cannot be read: {error}.") from None
        _copy_others(settings, folder)
        yield Snapshot(folder, migration)


@contextmanager
def _alone(data: Path) -> Iterator[None]:
    """One backup at a time, which removes what one that was killed has left."""
    with (data / "backup.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InvalidRequest("Another backup of this data folder is running.") from None
        for left in data.glob(f"{STAGING}*"):
            shutil.rmtree(left, ignore_errors=True)
        yield


def _database_and_contents(data: Path, database: Path | None, folder: Path) -> str:
    """Returns the migration of the database."""
    if database is None or not database.exists():
        _link_contents(data / "files", folder / "files")
        return ""
    with closing(_connect(database)) as writer, closing(_connect(database)) as reader:
        writer.execute("BEGIN IMMEDIATE")
        _link_contents(data / "files", folder / "files")
        reader.execute("BEGIN")
        migration = migration_of(reader)  # the first read is the moment that the reader keeps
        writer.execute("ROLLBACK")
        with closing(_connect(folder / SQLITE_NAME)) as copy:
            reader.backup(copy)
    return migration


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)


def migration_of(connection: sqlite3.Connection) -> str:
    """The newest migration of a database: `0004`; "" where none was made.

    Raises:
        sqlite3.Error: it cannot be read.
    """
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    row = (
        connection.execute("SELECT version_num FROM alembic_version").fetchone()
        if "alembic_version" in tables
        else None
    )
    return str(row[0]) if row else ""


def _link_contents(source: Path, target: Path) -> None:
    """Contents never change, so that another name for them is a copy that costs nothing."""
    for path in source.glob("*/*"):
        if _DIGEST.fullmatch(path.name):
            place = target / path.parent.name / path.name
            place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            try:
                os.link(path, place)
            except OSError:  # a file system without links
                shutil.copyfile(path, place)


def _copy_others(settings: Settings, folder: Path) -> None:
    for path in settings.data_dir.iterdir():
        passing = path.name.startswith((".", SQLITE_NAME)) or path.name.endswith(PASSING)
        if path.name in LEFT_OUT or passing or path == settings.keys_path:
            continue
        if path.is_dir():
            shutil.copytree(path, folder / path.name, ignore=shutil.ignore_patterns(*(f"*{end}" for end in PASSING)))
        elif path.is_file():
            shutil.copyfile(path, folder / path.name)
    if settings.keys_path.is_file():
        shutil.copyfile(settings.keys_path, folder / KEYS)
