import asyncio
import gc
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import func, insert, select

from speechd.errors import Misconfigured, StorageUnavailable
from speechd.settings import Settings
from speechd.store.database import Database, database_url, open_database
from speechd.store.store import StoreHandle
from speechd.store.tables import blobs, metadata

OPEN = """
import asyncio, sys
from pathlib import Path
from speechd.store.database import open_database
from speechd.settings import Settings

async def main():
    await (await open_database(Settings(data_dir=Path(sys.argv[1])))).close()

asyncio.run(main())
"""


async def test_the_migrations_make_the_tables(database: Database) -> None:
    async with database.reading() as connection:
        difference = await connection.run_sync(lambda raw: compare_metadata(MigrationContext.configure(raw), metadata))
    assert difference == []


async def test_opening_twice_keeps_what_is_there(database: Database, database_settings: Settings) -> None:
    async with database.writing() as connection:
        await connection.execute(insert(blobs), [{"digest": "0" * 64, "bytes": 1}])
    again = await open_database(database_settings)
    async with again.reading() as connection:
        assert await connection.scalar(select(func.count()).select_from(blobs)) == 1
    await again.close()


def test_processes_that_start_at_once(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", OPEN, str(tmp_path / "new")]
    started = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    said = [process.communicate(timeout=120)[1] for process in started]
    assert [process.returncode for process in started] == [0] * 4, said


def test_a_first_start_logs_nothing_of_alembic(tmp_path: Path) -> None:
    code = f"import logging; logging.basicConfig(level='INFO')\n{OPEN}"
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert "alembic" not in done.stderr


async def test_a_block_that_fails_leaves_no_trace(database: Database) -> None:
    async def fail_after_writing() -> None:
        async with database.writing() as connection:
            await connection.execute(insert(blobs), [{"digest": "0" * 64, "bytes": 1}])
            raise LookupError

    with pytest.raises(LookupError):
        await fail_after_writing()
    async with database.reading() as connection:
        assert await connection.scalar(select(func.count()).select_from(blobs)) == 0


async def test_writers_wait_and_readers_do_not(database: Database) -> None:
    async def write(number: int) -> None:
        async with database.writing() as connection:
            await connection.execute(insert(blobs), [{"digest": f"{number:064}", "bytes": number}])
            await asyncio.sleep(0)

    async with database.writing() as connection:
        await connection.execute(insert(blobs), [{"digest": "f" * 64, "bytes": 1}])
        async with database.reading() as looking:
            assert await looking.scalar(select(func.count()).select_from(blobs)) == 0
    await asyncio.gather(*(write(number) for number in range(30)))
    async with database.reading() as connection:
        assert await connection.scalar(select(func.count()).select_from(blobs)) == 31


@pytest.mark.parametrize(
    ("given", "driver"),
    [
        ("", "sqlite+aiosqlite"),
        ("sqlite:////var/lib/s.db", "sqlite+aiosqlite"),
        ("postgresql://a:b@h/d", "postgresql+asyncpg"),
        ("postgres://a:b@h/d", "postgresql+asyncpg"),
    ],
)
def test_urls(given: str, driver: str) -> None:
    assert database_url(Settings(database_url=given)).drivername == driver


@pytest.mark.parametrize("given", ["nonsense", "mysql://h/d", "sqlite://", "sqlite:///:memory:"])
def test_urls_that_are_none(given: str) -> None:
    with pytest.raises(Misconfigured, match="SPEECHD_DATABASE_URL"):
        database_url(Settings(database_url=given))


async def test_a_folder_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageUnavailable):
        await open_database(Settings(data_dir=tmp_path / "file"))


async def test_a_server_that_is_not_there() -> None:
    pytest.importorskip("asyncpg")
    with pytest.raises(StorageUnavailable):
        await open_database(Settings(database_url="postgresql://nobody@127.0.0.1:1/none"))


async def test_who_is_cancelled_while_it_opens_leaves_nothing_open(settings: Settings) -> None:
    jobs = StoreHandle(settings)
    for pause in (0, 0.001, 0.01, 0.05):
        opening = asyncio.create_task(jobs.open())
        await asyncio.sleep(pause)
        opening.cancel()
        await asyncio.gather(opening, return_exceptions=True)
        await jobs.close()
    gc.collect()
    assert (await jobs.open()).database
    await jobs.close()
