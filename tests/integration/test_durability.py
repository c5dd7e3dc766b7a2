"""Batches of real recordings survive what happens to processes, databases and disks."""

import signal
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from tests.integration.batching import assert_every_line_once, begun, transcriptions, waited
from tests.integration.conftest import LISTENS, started
from tests.postgres import needs_postgres, serving_postgres

LINES = 200
FRESH = {"SPEECHD_RESULT_CACHE_SECONDS": "0"}
"""Every line is computed."""


def client_of(url: str) -> openai.OpenAI:
    return openai.OpenAI(api_key="unused", base_url=f"{url}/v1", max_retries=0)


def test_a_server_that_is_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    with started(tmp_path, "serve", LISTENS, **FRESH) as server, client_of(server.found) as client:
        batch = begun(client, transcriptions(LINES))
        before = waited(client, batch, lambda batch: batch.request_counts.completed >= LINES / 4)
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
    assert before.status == "in_progress"
    with started(tmp_path, "serve", LISTENS, **FRESH) as server, client_of(server.found) as client:
        server.wait_for(r"lines taken back from 1 workers that are gone")
        assert client.batches.retrieve(batch).request_counts.completed >= before.request_counts.completed
        assert_every_line_once(client, batch, LINES)


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    with serving_postgres() as url:
        yield url


@pytest.mark.extra
@needs_postgres[1]
def test_two_workers_on_postgresql_one_of_them_killed(postgres: str, tmp_path: Path) -> None:
    """The server only takes orders."""
    shared = {"SPEECHD_DATABASE_URL": postgres, "SPEECHD_WORKER": "false", "SPEECHD_WORKER_CONCURRENCY": "4", **FRESH}
    with (
        started(tmp_path, "serve", LISTENS, **shared) as server,
        client_of(server.found) as client,
        started(tmp_path, "worker", "works on batches", **shared) as first,
        started(tmp_path, "worker", "works on batches", **shared) as second,
    ):
        batch = begun(client, transcriptions(LINES))
        waited(client, batch, lambda batch: batch.request_counts.completed >= LINES / 4)
        first.process.send_signal(signal.SIGKILL)
        first.process.wait()
        assert_every_line_once(client, batch, LINES)
        assert "Traceback" not in "".join([*server.log, *second.log])
