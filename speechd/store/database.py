"""The database: SQLite in the data folder, or PostgreSQL by URL; brought to the newest migration when it is opened."""

import asyncio
import fcntl
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TextIO

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, event, make_url, text
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from speechd.errors import FeatureNotInstalled, Misconfigured
from speechd.settings import Settings
from speechd.store.errors import storage_errors
from speechd.store.store import SQLITE_NAME

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_SECONDS = 30.0
"""Seconds that a writer waits for another writer."""
MIGRATING = 0x5350_4545_4348
"""PostgreSQL's advisory lock for migrations; any fixed number."""
DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}


class Database:
    """Transactions on one engine; belongs to one event loop."""

    def __init__(self, engine: AsyncEngine) -> None:
        """Use `open_database`."""
        self._engine = engine
        self._reader = engine.execution_options(only_reads=True)
        self._ahead = 0.0

    @property
    def is_postgres(self) -> bool:
        return self._engine.dialect.name == "postgresql"

    @property
    def file(self) -> Path | None:
        """SQLite's file, beside which its journal lies; None: it is PostgreSQL's."""
        return None if self.is_postgres else Path(self._engine.url.database or "")

    def now(self) -> float:
        """Unix seconds by the clock that all workers on this database share."""
        return time.time() + self._ahead

    @asynccontextmanager
    async def writing(self, patience: float = BUSY_SECONDS) -> AsyncGenerator[AsyncConnection]:
        """A transaction that commits at the end of the block, or leaves no trace.

        Args:
            patience: seconds to wait for another process that writes to SQLite.

        Raises:
            StorageUnavailable: the database cannot do it now.
        """
        with storage_errors():
            async with self._engine.execution_options(busy_seconds=patience).begin() as connection:
                yield connection

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[AsyncConnection]:
        """A read-only transaction. On SQLite it does not wait for writers.

        Raises:
            StorageUnavailable: the database cannot do it now.
        """
        with storage_errors():
            async with self._reader.begin() as connection:
                yield connection

    async def close(self) -> None:
        await self._engine.dispose()

    async def migrate(self) -> None:
        """Migrates to the newest version. Of several processes that start at once, one migrates and the others wait."""
        async with self.writing() as connection:
            if self.is_postgres:
                await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATING})
            await connection.run_sync(_upgrade)

    async def set_clock(self) -> None:
        """Workers on several machines use PostgreSQL's clock. With SQLite all are on one machine."""
        if self.is_postgres:
            async with self.reading() as connection:
                theirs = await connection.scalar(text("SELECT extract(epoch FROM clock_timestamp())"))
                self._ahead = float(theirs or time.time()) - time.time()


async def open_database(settings: Settings) -> Database:
    """
    Raises:
        Misconfigured: the settings name no database that can be used.
        FeatureNotInstalled: its driver is missing.
        StorageUnavailable: it cannot be opened or brought to the newest version now.
    """
    url = database_url(settings)
    database = Database(_engine(url))
    try:
        if database.is_postgres:
            await database.migrate()
        else:
            async with _alone(Path(url.database or "")):
                await database.migrate()
        await database.set_clock()
    except BaseException:
        await database.close()
        raise
    return database


def database_url(settings: Settings) -> URL:
    """
    Raises:
        Misconfigured: it is neither SQLite's nor PostgreSQL's.
    """
    if not settings.database_url:
        return URL.create(DRIVERS["sqlite"], database=str(settings.data_dir / SQLITE_NAME))
    try:
        url = make_url(settings.database_url)
    except (ArgumentError, ValueError):
        raise Misconfigured("SPEECHD_DATABASE_URL is not a database URL.") from None
    driver = DRIVERS.get(url.drivername.partition("+")[0])
    if driver is None or (driver.startswith("sqlite") and url.database in (None, "", ":memory:")):
        raise Misconfigured(
            "SPEECHD_DATABASE_URL must be postgresql://user:password@host/name or sqlite:////path/to/file."
        )
    return url.set(drivername=driver)


def _engine(url: URL) -> AsyncEngine:
    try:
        if url.drivername.startswith("postgresql"):
            return create_async_engine(url, pool_pre_ping=True, pool_size=5, max_overflow=15)
        engine = create_async_engine(url, pool_size=4, max_overflow=12, connect_args={"timeout": BUSY_SECONDS})
    except ModuleNotFoundError as missing:
        raise FeatureNotInstalled(
            f"PostgreSQL needs the package {missing.name}: pip install 'speechd[postgres]'."
        ) from None
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, record: object) -> None:
    connection.isolation_level = None  # _begin_sqlite begins transactions
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")  # readers do not wait
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA synchronous = FULL")  # committed data survive a power failure
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    """Who will write takes the lock at once: waiting for it in the middle of a transaction cannot succeed."""
    options = connection.get_execution_options()
    patience = options.get("busy_seconds", BUSY_SECONDS)
    if patience != connection.info.get("busy_seconds", BUSY_SECONDS):
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {patience * 1000:.0f}")
        connection.info["busy_seconds"] = patience
    connection.exec_driver_sql("BEGIN" if options.get("only_reads", False) else "BEGIN IMMEDIATE")


@asynccontextmanager
async def _alone(path: Path) -> AsyncIterator[None]:
    """One process at a time: SQLite does not wait for its turn to change the journal's mode."""
    with await asyncio.to_thread(_locked, path):
        yield


def _locked(path: Path) -> TextIO:
    with storage_errors():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        lock = path.with_suffix(".lock").open("w")
        fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def newest_migration() -> str:
    """The version to which this speechd brings a database: `0004`."""
    return ScriptDirectory.from_config(_alembic()).get_current_head() or ""


def _upgrade(connection: Connection) -> None:
    """
    Raises:
        Misconfigured: a newer speechd has changed the database.
    """
    found, newest = MigrationContext.configure(connection).get_current_revision() or "", newest_migration()
    if found > newest:
        raise Misconfigured(
            f"A newer speechd has changed the database (migration {found}; this one knows up to {newest})."
            " Install that version, or restore a backup from before."
        )
    config = _alembic()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _alembic() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config
