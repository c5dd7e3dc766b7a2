import errno
import sqlite3

import pytest
from sqlalchemy.exc import IntegrityError, OperationalError

from speechd.errors import StorageFull, StorageReadOnly, StorageUnavailable
from speechd.store.errors import storage_errors


def struck(error: Exception) -> Exception:
    with pytest.raises(Exception) as raised, storage_errors():  # noqa: PT011 - which one is the question
        raise error
    return raised.value


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOSPC, StorageFull),
        (errno.EDQUOT, StorageFull),
        (errno.EFBIG, StorageFull),
        (errno.EROFS, StorageReadOnly),
        (errno.EACCES, StorageReadOnly),
        (errno.ECONNREFUSED, StorageUnavailable),
        (errno.EIO, StorageUnavailable),
    ],
)
def test_the_disk(number: int, kind: type[StorageUnavailable]) -> None:
    error = struck(OSError(number, "says the system"))
    assert type(error) is kind
    assert error.retry_after


@pytest.mark.parametrize(
    ("name", "kind"),
    [("SQLITE_FULL", StorageFull), ("SQLITE_READONLY", StorageReadOnly), ("SQLITE_BUSY", StorageUnavailable)],
)
def test_the_database(name: str, kind: type[StorageUnavailable]) -> None:
    original = sqlite3.OperationalError("says SQLite")
    original.sqlite_errorname = name
    assert type(struck(OperationalError("INSERT", {}, original))) is kind


def test_mistakes_of_our_own_are_not_the_storages() -> None:
    for mistake in (LookupError(), IntegrityError("INSERT", {}, Exception())):
        assert struck(mistake) is mistake
