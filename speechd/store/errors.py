"""Translates errors of the disk and the database to errors of `speechd.errors`."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from speechd.errors import StorageFull, StorageReadOnly, StorageUnavailable

RETRY_AFTER = 10.0
"""`retry-after` in seconds when the storage fails."""

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
READ_ONLY = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
STORAGE_ERRORS: dict[str, type[StorageUnavailable]] = {
    "SQLITE_FULL": StorageFull,
    "SQLITE_IOERR_WRITE": StorageFull,  # no room in the middle of a write
    "SQLITE_IOERR_SHMSIZE": StorageFull,
    "SQLITE_READONLY": StorageReadOnly,
    "SQLITE_READONLY_DBMOVED": StorageReadOnly,
    "SQLITE_READONLY_DIRECTORY": StorageReadOnly,
    "SQLITE_READONLY_CANTINIT": StorageReadOnly,
    "SQLITE_CANTOPEN": StorageReadOnly,
    "53100": StorageFull,  # PostgreSQL: disk_full
    "25006": StorageReadOnly,  # PostgreSQL: read_only_sql_transaction
}
"""By SQLite's name of an error, or PostgreSQL's SQLSTATE. Any other failure is StorageUnavailable."""


@contextmanager
def storage_errors() -> Iterator[None]:
    """
    Raises:
        StorageUnavailable: the disk or the database failed inside the block.
    """
    try:
        yield
    except (OSError, DBAPIError, PoolTimeout) as error:
        raise _translated(error) from error
    except Exception as error:
        if type(error).__module__.partition(".")[0] != "asyncpg":  # which SQLAlchemy wraps only after connecting
            raise
        raise _unavailable(StorageUnavailable) from error


def _translated(error: Exception) -> Exception:
    if isinstance(error, IntegrityError | ProgrammingError):
        return error
    if isinstance(error, DBAPIError):
        name = getattr(error.orig, "sqlite_errorname", None) or getattr(error.orig, "sqlstate", None) or ""
        return _unavailable(STORAGE_ERRORS.get(name, StorageUnavailable))
    if isinstance(error, OSError) and error.errno in FULL:
        return _unavailable(StorageFull)
    if isinstance(error, OSError) and error.errno in READ_ONLY:
        return _unavailable(StorageReadOnly)
    return _unavailable(StorageUnavailable)


def _unavailable(kind: type[StorageUnavailable]) -> StorageUnavailable:
    return kind(retry_after=RETRY_AFTER)
