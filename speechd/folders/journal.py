"""The journal of an output folder, by which a killed run resumes: one SQLite file beside the outputs.

Plain `sqlite3` and no ORM: a dozen short statements, one writer, nothing to be shared with the server's database. The
file is locked while it is open, which also prevents two runs in one folder. A crash releases the lock. In WAL mode a
commit survives the death of the process. It takes microseconds, so it runs on the event loop.
"""

import contextlib
import os
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, Literal, Self

from pydantic import TypeAdapter

from speechd.errors import CannotGoOn, InvalidRequest
from speechd.folders.storage.version import FileVersion
from speechd.types import Segment

FILE_NAME = "speechd-journal.db"
RUNS_MEASURED = 5
"""Number of last runs from which the speed is computed."""

State = Literal["begun", "writing", "done", "failed"]

_SEGMENTS = TypeAdapter(tuple[Segment, ...])
_VERSION = 1
_SCHEMA = """
CREATE TABLE recordings (
    source BLOB PRIMARY KEY,
    name BLOB NOT NULL UNIQUE,
    size INTEGER NOT NULL,
    modified INTEGER NOT NULL,
    digest BLOB NOT NULL,
    parameters TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT NOT NULL DEFAULT '',
    seconds REAL NOT NULL DEFAULT 0,
    written INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE kept (
    source BLOB NOT NULL REFERENCES recordings ON DELETE CASCADE ON UPDATE CASCADE,
    start REAL NOT NULL,
    language TEXT NOT NULL,
    model TEXT NOT NULL,
    segments TEXT NOT NULL,
    PRIMARY KEY (source, start)
);
CREATE TABLE runs (id INTEGER PRIMARY KEY, parameters TEXT NOT NULL, audio REAL NOT NULL, took REAL NOT NULL);
PRAGMA user_version = 1;
"""


@dataclass(frozen=True, slots=True)
class FileFingerprint:
    """Identifies one version of a file."""

    size: int
    modified: int
    """See FileVersion."""
    digest: bytes
    """SHA-256 of the content, which decides. The other fields save reading the content."""

    def seems(self, version: FileVersion) -> bool:
        """Whether size and time are unchanged."""
        return (self.size, self.modified) == version


@dataclass(frozen=True, slots=True)
class Entry:
    """The entry of one recording."""

    name: PurePath
    """Path of its outputs, below the output folder and without suffix."""
    print: FileFingerprint
    parameters: str
    """Fingerprint of the options; equal for runs that must have equal outputs."""
    state: State
    reason: str
    """Why it failed."""
    seconds: float
    """Of audio; 0 while unknown."""
    written: bool
    """Whether speechd wrote files of this name."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The finished beginning of a recording that was not finished."""

    start: float
    """Seconds at which the transcription resumes."""
    language: str
    model: str
    """Id of the model."""
    segments: tuple[Segment, ...]


class Journal:
    """The journal of one output folder, open for this process alone."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._run: int | None = None

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Opens or creates the journal in a folder. A missing folder is created.

        Raises:
            InvalidRequest: another run has it open, it is from a later version, or the folder cannot be written.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(folder / FILE_NAME, timeout=0, isolation_level=None, check_same_thread=False)
        except (OSError, sqlite3.Error) as error:
            raise InvalidRequest(f"{folder} cannot be written: {error}.") from error
        try:
            return cls(_prepared(connection, folder))
        except BaseException:
            connection.close()
            raise

    @classmethod
    def look(cls, folder: Path) -> Self:
        """The journal in a folder, read-only: a missing one is not created.

        Raises:
            InvalidRequest: as `open`.
        """
        if (folder / FILE_NAME).exists():
            return cls.open(folder)
        return cls(_prepared(sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False), folder))

    def close(self) -> None:
        self._connection.close()

    def copy(self) -> bytes:
        """The whole file as it is at this moment, for another machine. It may be called from another thread."""
        with contextlib.closing(sqlite3.connect(":memory:")) as copy:
            self._connection.backup(copy)
            return copy.serialize()

    def names(self) -> dict[Path, PurePath]:
        """The names of outputs, by source."""
        rows = self._connection.execute("SELECT source, name FROM recordings")
        return {Path(os.fsdecode(source)): PurePath(os.fsdecode(name)) for source, name in rows}

    def entry(self, source: Path) -> Entry | None:
        """The entry of a recording."""
        query = f"SELECT {', '.join(_COLUMNS)} FROM recordings WHERE source = ?"  # noqa: S608 - our own names
        row = self._connection.execute(query, (os.fsencode(source),)).fetchone()
        return None if row is None else _entry(*row)

    def half_written(self) -> list[PurePath]:
        """Names whose outputs a run was writing when it was killed."""
        rows = self._connection.execute("SELECT name FROM recordings WHERE state = 'writing'")
        return [PurePath(os.fsdecode(name)) for (name,) in rows]

    def adopt(self, source: Path, name: PurePath) -> None:
        """Records that a file of this name was moved. Its entry holds for the new path if the content is the same."""
        self._do(
            "UPDATE OR REPLACE recordings SET source = ?1, modified = -1 WHERE name = ?2 AND source != ?1",
            os.fsencode(source),
            os.fsencode(name),
        )

    def begin(self, source: Path, name: PurePath, print_: FileFingerprint, parameters: str) -> Checkpoint | None:
        """Records that a recording is being transcribed.

        Returns:
            Its finished beginning, where an earlier run with the same content and parameters left one.
        """
        key = os.fsencode(source)
        query = "SELECT 1 FROM recordings WHERE source = ? AND digest = ? AND parameters = ?"
        known = self._connection.execute(query, (key, print_.digest, parameters)).fetchone()
        self._do(_BEGIN, key, os.fsencode(name), print_.size, print_.modified, print_.digest, parameters)
        if not known:
            self._do("DELETE FROM kept WHERE source = ?", key)
        return self._kept(key)

    def keep(self, source: Path, kept: Checkpoint) -> None:
        """Adds finished segments. `kept.start` is the position at which the transcription resumes."""
        segments = _SEGMENTS.dump_json(kept.segments).decode()
        values = (os.fsencode(source), kept.start, kept.language, kept.model, segments)
        self._do(
            "INSERT OR REPLACE INTO kept (source, start, language, model, segments) VALUES (?, ?, ?, ?, ?)", *values
        )

    def same(self, source: Path, print_: FileFingerprint) -> None:
        """Records that the file was touched or moved and its content is unchanged."""
        key = os.fsencode(source)
        self._do("UPDATE recordings SET size = ?, modified = ? WHERE source = ?", print_.size, print_.modified, key)

    def writing(self, source: Path) -> None:
        """Records that outputs are being written."""
        self._do("UPDATE recordings SET state = 'writing', written = 1 WHERE source = ?", os.fsencode(source))

    def done(self, source: Path, seconds: float) -> None:
        """Records that all outputs are written."""
        key = os.fsencode(source)
        self._do("UPDATE recordings SET state = 'done', seconds = ? WHERE source = ?", seconds, key)
        self._do("DELETE FROM kept WHERE source = ?", key)

    def failed(self, source: Path, reason: str) -> None:
        text = reason.encode(errors="backslashreplace").decode()  # file names are not always UTF-8
        self._do("UPDATE recordings SET state = 'failed', reason = ? WHERE source = ?", text, os.fsencode(source))

    def measure(self, parameters: str, audio: float, took: float) -> None:
        """Records the progress of this run: seconds of audio in seconds of work."""
        if self._run is None:
            self._run = self._do("INSERT INTO runs (parameters, audio, took) VALUES (?, 0, 0)", parameters).lastrowid
        self._do("UPDATE runs SET audio = ?, took = ? WHERE id = ?", audio, took, self._run)

    def speed(self, parameters: str) -> float | None:
        """Seconds of audio per second in the last runs with these parameters; None where there were none."""
        query = "SELECT audio, took FROM runs WHERE parameters = ? AND audio > 0 ORDER BY id DESC LIMIT ?"
        rows = self._connection.execute(query, (parameters, RUNS_MEASURED)).fetchall()
        took = sum(row[1] for row in rows)
        return sum(row[0] for row in rows) / took if took > 0 else None

    def _kept(self, key: bytes) -> Checkpoint | None:
        query = "SELECT start, language, model, segments FROM kept WHERE source = ? ORDER BY start"
        rows: Sequence[tuple[float, str, str, str]] = self._connection.execute(query, (key,)).fetchall()
        if not rows:
            return None
        start, language, model, _ = rows[-1]
        return Checkpoint(start, language, model, tuple(s for *_, text in rows for s in _SEGMENTS.validate_json(text)))

    def _do(self, statement: str, *values: object) -> sqlite3.Cursor:
        """
        Raises:
            CannotGoOn: the disk is full, or the file cannot be written any more.
        """
        try:
            return self._connection.execute(statement, values)
        except sqlite3.Error as error:
            raise CannotGoOn(f"The journal {FILE_NAME} cannot be written: {error}.") from error


_COLUMNS = ("name", "size", "modified", "digest", "parameters", "state", "reason", "seconds", "written")


def _entry(name: bytes, size: int, modified: int, digest: bytes, *rest: Any) -> Entry:
    """A row of _COLUMNS."""
    parameters, state, reason, seconds, written = rest
    print_ = FileFingerprint(size, modified, digest)
    return Entry(PurePath(os.fsdecode(name)), print_, parameters, state, reason, seconds, bool(written))


_BEGIN = """
INSERT INTO recordings (source, name, size, modified, digest, parameters, state)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'begun')
ON CONFLICT (source) DO UPDATE
SET name = ?2, size = ?3, modified = ?4, digest = ?5, parameters = ?6, state = 'begun', reason = ''
"""


def _prepared(connection: sqlite3.Connection, folder: Path) -> sqlite3.Connection:
    """Takes the lock, which ends with the connection, and creates the tables."""
    try:
        for pragma in ("locking_mode = EXCLUSIVE", "journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("BEGIN EXCLUSIVE")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        connection.execute("COMMIT")
        if version == 0:
            connection.executescript(f"BEGIN; {_SCHEMA} COMMIT;")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorname.startswith("SQLITE_BUSY"):
            raise InvalidRequest(
                f"Another run uses {folder}. Wait until it has finished, or choose another --output-dir."
            ) from error
        raise InvalidRequest(f"The journal {folder / FILE_NAME} cannot be opened: {error}.") from error
    except sqlite3.DatabaseError as error:
        raise InvalidRequest(
            f"{folder / FILE_NAME} is not a journal of speechd ({error}). Remove it to start again."
        ) from error
    if version > _VERSION:
        raise InvalidRequest(
            f"The journal {folder / FILE_NAME} was written by a later version of speechd. Use that version."
        )
    return connection
