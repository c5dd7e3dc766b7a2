"""Batches of real recordings survive what happens to processes, databases and disks."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from tests.integration.conftest import LISTENS, fill, started
from tests.support.batches import assert_every_line_once, begun, transcriptions, waited
from tests.support.postgres import needs_postgres, serving_postgres

LINES = 200
SOME_LINES = 80
FRESH = {"SPEECHD_RESULT_CACHE_SECONDS": "0"}
"""Every line is computed."""
SMALL = FRESH | {"SPEECHD_MIN_FREE_BYTES": "0"}
"""On a disk of a few megabytes."""


def client_of(url: str) -> openai.OpenAI:
    return openai.OpenAI(api_key="unused", base_url=f"{url}/v1", max_retries=0)


@pytest.mark.slow
def test_a_server_that_is_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    with started(tmp_path, "serve", LISTENS, **FRESH) as server, client_of(server.found) as client:
        batch = begun(client, transcriptions(SOME_LINES))
        before = waited(client, batch, lambda batch: batch.request_counts.completed >= SOME_LINES / 4)
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
    assert before.status == "in_progress"
    with started(tmp_path, "serve", LISTENS, **FRESH) as server, client_of(server.found) as client:
        server.wait_for(r"lines of 1 dead workers returned to the queue")
        assert client.batches.retrieve(batch).request_counts.completed >= before.request_counts.completed
        assert_every_line_once(client, batch, SOME_LINES)


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    with serving_postgres() as url:
        yield url


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgresql", marks=needs_postgres)])
@pytest.mark.slow
def test_two_workers_one_of_them_killed(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """The server only takes orders."""
    shared, number = {"SPEECHD_WORKER": "false", **FRESH}, 32
    if kind == "postgresql":
        shared["SPEECHD_DATABASE_URL"], number = request.getfixturevalue("postgres"), LINES
    with (
        started(tmp_path, "serve", LISTENS, **shared) as server,
        client_of(server.found) as client,
        started(tmp_path, "worker", "worker processes batches", **shared) as first,
        started(tmp_path, "worker", "worker processes batches", **shared) as second,
    ):
        batch = begun(client, transcriptions(number))
        waited(client, batch, lambda batch: batch.request_counts.completed >= number / 4)
        first.process.send_signal(signal.SIGKILL)
        first.process.wait()
        assert_every_line_once(client, batch, number)
        assert "Traceback" not in "".join([*server.log, *second.log])


@pytest.mark.extra
def test_a_full_disk(small_disk: Path) -> None:
    with started(small_disk, "serve", LISTENS, **SMALL) as server, client_of(server.found) as client:
        batch = begun(client, transcriptions(LINES))
        waited(client, batch, lambda batch: batch.request_counts.completed >= LINES / 4)
        ballast = fill(small_disk)
        server.wait_for(r"work on batches \(\w+\) waits: The disk .* is full")
        found = client.batches.retrieve(batch)
        assert found.status in ("in_progress", "finalizing")
        assert found.errors.data[0].code == "storage_full"
        with pytest.raises(openai.InternalServerError) as refused:
            client.files.create(file=("more.jsonl", b"x" * 100_000), purpose="batch")
        assert (refused.value.status_code, refused.value.body["code"]) == (503, "storage_full")
        ballast.unlink()
        assert_every_line_once(client, batch, LINES)
        assert client.batches.retrieve(batch).errors is None
        assert not list((small_disk / "files" / "drafts").iterdir())
        assert "Traceback" not in "".join(server.log)


@pytest.mark.extra
def test_a_folder_that_becomes_read_only(small_disk: Path) -> None:
    def remount(mode: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{mode}", small_disk], check=True)

    with started(small_disk, "serve", LISTENS, **SMALL) as server, client_of(server.found) as client:
        batch = begun(client, transcriptions(LINES))
        waited(client, batch, lambda batch: batch.request_counts.completed >= LINES / 4)
        os.kill(server.process.pid, signal.SIGKILL)
        server.process.wait()
    remount("ro")
    with started(small_disk, "serve", LISTENS, **SMALL) as server, client_of(server.found) as client:
        with pytest.raises(openai.InternalServerError) as refused:
            client.batches.retrieve(batch)
        assert (refused.value.status_code, refused.value.body["code"]) == (503, "storage_read_only")
        assert client.models.list().data, "what keeps nothing goes on"
        server.wait_for(r"work on batches \(database\) waits: The data folder is read-only")
        remount("rw")
        assert_every_line_once(client, batch, LINES)
        assert "Traceback" not in "".join(server.log)
