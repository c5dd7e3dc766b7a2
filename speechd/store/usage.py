"""What each key has used of its limits, in the database of files and batches. See speechd.auth.usage.UsageStore."""

import time
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Row, delete, select, text

from speechd.auth.usage import WINDOWS_BY_NAME, UsageRow
from speechd.store.database import Database
from speechd.store.tables import usage_table

PATIENCE_SECONDS = 2.0
"""To wait for another process that writes: what is not added now is added later."""
CLOCK_SECONDS = 60.0
"""A window that begins so far in the future was begun by a clock that has been set back since."""
LONGEST = max(window.seconds for window in WINDOWS_BY_NAME.values())

# One statement for each row, so two processes that count at the same time lose nothing. Where the windows overlap, the
# one in the database goes on.
_ADD = text(
    "INSERT INTO usage (key_id, limit_name, started, used) VALUES (:key, :window, :started, :used)"
    " ON CONFLICT (key_id, limit_name) DO UPDATE SET"
    " used = CASE WHEN :started >= usage.started + :seconds OR usage.started > :future THEN excluded.used"
    " WHEN :started <= usage.started - :seconds THEN usage.used"
    " ELSE usage.used + excluded.used END,"
    " started = CASE WHEN :started >= usage.started + :seconds OR usage.started > :future THEN excluded.started"
    " ELSE usage.started END"
)


class SqlUsageStore:
    """The usage of all keys in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, rows: Sequence[UsageRow]) -> Sequence[UsageRow]:
        """See speechd.auth.usage.UsageStore."""
        ahead = self._ahead()
        future = self._database.now() + CLOCK_SECONDS
        values = [
            {
                "key": row.key,
                "window": row.window,
                "started": row.started + ahead,
                "used": row.used,
                "seconds": float(WINDOWS_BY_NAME[row.window].seconds),
                "future": future,
            }
            for row in sorted(rows, key=lambda row: (row.key, row.window))  # in one order, or two could deadlock
        ]
        async with self._database.writing(PATIENCE_SECONDS) as connection:
            await connection.execute(_ADD, values)
            these = select(usage_table).where(usage_table.c.key_id.in_({row.key for row in rows}))
            return _rows(await connection.execute(these), ahead)

    async def read(self) -> Sequence[UsageRow]:
        """See speechd.auth.usage.UsageStore."""
        current = select(usage_table).where(usage_table.c.started > self._database.now() - LONGEST)
        async with self._database.reading() as connection:
            return _rows(await connection.execute(current), self._ahead())

    async def forget_ended(self) -> None:
        """Removes windows that are over, which keys that are no longer used leave behind."""
        async with self._database.writing() as connection:
            await connection.execute(delete(usage_table).where(usage_table.c.started < self._database.now() - LONGEST))

    def _ahead(self) -> float:
        """Seconds that the database's clock, which all processes share, is ahead of this machine's."""
        return self._database.now() - time.time()


def _rows(found: Iterable[Row[Any]], ahead: float) -> list[UsageRow]:
    """On this machine's clock."""
    return [UsageRow(row.key_id, row.limit_name, row.started - ahead, row.used) for row in found]
