"""A data folder of the first release under this one: nothing is lost, and work that was open is done."""

import hashlib
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import httpx2
import openai
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from speechd.store.database import MIGRATIONS, newest_migration
from tests.integration.conftest import serving
from tests.support.batches import waited
from tests.support.command_line import speechd_in_process
from tests.support.processes import eventually

SECRET = "sk-speechd-of-the-first-release"
LINE = {"custom_id": "a", "method": "POST", "url": "/v1/embeddings", "body": {"model": "m", "input": "x"}}
INPUT = json.dumps(LINE).encode() + b"\n"
DIGEST = hashlib.sha256(INPUT).hexdigest()
CREATED = 1_795_000_000
LATER = 4_000_000_000


def first_release(data: Path) -> None:
    """What the first migration and the first file of keys were: a file, and a batch that has not been begun."""
    (data / "files" / DIGEST[:2]).mkdir(parents=True)
    (data / "files" / DIGEST[:2] / DIGEST).write_bytes(INPUT)
    keys = [{"name": "anna", "digest": hashlib.sha256(SECRET.encode()).hexdigest(), "created": CREATED, "limits": {}}]
    (data / "keys.json").write_text(json.dumps(keys))
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    engine = create_engine(f"sqlite:///{data / 'speechd.db'}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    engine.dispose()
    with closing(sqlite3.connect(data / "speechd.db")) as database, database:
        database.execute("INSERT INTO blobs VALUES (?, ?)", (DIGEST, len(INPUT)))
        file = ("file_1", "anna", "in.jsonl", "batch", len(INPUT), CREATED, LATER, DIGEST)
        database.execute(f"INSERT INTO files VALUES ({','.join('?' * len(file))})", file)
        batch = {
            "id": "batch_1",
            "owner": "anna",
            "endpoint": "/v1/embeddings",
            "dialect": "openai",
            "input_file_id": "file_1",
            "blob": DIGEST,
            "completion_window": "24h",
            "status": "validating",
            "created_at": CREATED,
            "expires_at": LATER,
        }
        columns = ", ".join(batch)
        database.execute(f"INSERT INTO batches ({columns}) VALUES ({','.join('?' * len(batch))})", [*batch.values()])


def version_of(data: Path) -> str:
    with closing(sqlite3.connect(data / "speechd.db")) as database:
        return str(database.execute("SELECT version_num FROM alembic_version").fetchone()[0])


@pytest.mark.slow
def test_the_first_release_is_upgraded(tmp_path: Path) -> None:
    first_release(tmp_path)
    assert version_of(tmp_path) == "0001"
    with serving(tmp_path) as url:
        client = openai.OpenAI(base_url=f"{url}/v1", api_key=SECRET)
        assert client.files.content("file_1").content == INPUT
        batch = waited(client, "batch_1")
        assert (batch.status, batch.request_counts.total, batch.request_counts.failed) == ("completed", 1, 1)
        assert httpx2.get(f"{url}/v1/models", timeout=60).status_code == 401
    assert version_of(tmp_path) == newest_migration()


@pytest.mark.extra
def test_a_backup_of_the_first_release_is_restored_and_upgraded(tmp_path: Path) -> None:
    old, new, file = tmp_path / "old", tmp_path / "new", tmp_path / "backup.tar"
    old.mkdir()
    first_release(old)
    for name, folder in (("backup", old), ("restore", new)):
        done = speechd_in_process(name, file, SPEECHD_DATA_DIR=str(folder))
        assert (done.returncode, "migration 0001" in done.stdout) == (0, True), done.stderr
    with serving(new) as url:
        client = openai.OpenAI(base_url=f"{url}/v1", api_key=SECRET)
        assert client.files.content("file_1").content == INPUT
    assert version_of(old) == "0001"


@pytest.mark.slow
def test_a_database_of_a_newer_release_is_left_alone_and_told(tmp_path: Path) -> None:
    first_release(tmp_path)
    with closing(sqlite3.connect(tmp_path / "speechd.db")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    (tmp_path / "keys.json").unlink()
    with serving(tmp_path, SPEECHD_MAX_AUDIO_JOBS="1") as url:
        reply = httpx2.get(f"{url}/v1/files", timeout=60)
        assert reply.status_code == 500
        assert "newer speechd has changed the database (migration 9999" in reply.json()["error"]["message"]

        def is_told() -> bool:
            told = httpx2.get(f"{url}/readyz", timeout=60).json()["error"]["message"]
            return "database: A newer speechd has changed" in told

        assert eventually(is_told)
    assert version_of(tmp_path) == "9999"
