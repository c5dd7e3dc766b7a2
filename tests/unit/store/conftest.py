"""A database of a test's own, with a clock that the test moves."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import insert, make_url, select, text
from sqlalchemy.ext.asyncio import create_async_engine

from speechd.settings import Settings
from speechd.store.database import Database, open_database
from speechd.store.tables import batches, lines
from tests.support.postgres import needs_postgres, serving_postgres


class Clock:
    """Unix seconds that only move when told to."""

    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    with serving_postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=needs_postgres)])
async def database_settings(request: pytest.FixtureRequest, settings: Settings) -> Settings:
    """Settings with an empty database of either kind."""
    if request.param == "sqlite":
        return settings
    url = make_url(request.getfixturevalue("postgres"))
    name = f"test_{secrets.token_hex(8)}"
    engine = create_async_engine(url.set(drivername="postgresql+asyncpg"), isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(text(f"CREATE DATABASE {name}"))
    await engine.dispose()
    return settings.model_copy(update={"database_url": url.set(database=name).render_as_string()})


@pytest.fixture
async def database(
    database_settings: Settings, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Database]:
    opened = await open_database(database_settings)
    monkeypatch.setattr(opened, "now", clock)
    yield opened
    await opened.close()


Rows = Callable[..., Awaitable[list[dict[str, Any]]]]


@pytest.fixture
def rows(database: Database) -> Rows:
    """The rows of a table, as mappings in the order of their ids."""

    async def read(table: Any, **where: Any) -> list[dict[str, Any]]:
        asked = select(table).filter_by(**where).order_by(*table.primary_key.columns)
        async with database.reading() as connection:
            return [dict(row._mapping) for row in await connection.execute(asked)]

    return read


@pytest.fixture
def running_batch(database: Database, clock: Clock) -> Callable[..., Awaitable[None]]:
    """Makes a batch in progress, without lines yet."""

    async def make(id: str, total: int, **columns: Any) -> None:
        row = {
            "owner": "",
            "dialect": "groq",
            "endpoint": "/v1/embeddings",
            "input_file_id": "file_1",
            "completion_window": "24h",
        }
        row |= {"status": "in_progress", "created_at": int(clock.now), "expires_at": int(clock.now) + 86_400}
        async with database.writing() as connection:
            await connection.execute(insert(batches), [row | {"id": id, "total": total} | columns])

    return make


__all__ = ["Clock", "Rows", "batches", "lines"]
