"""The page's section Server in a real browser: jobs, batches, models, keys and the state of the server."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from speechd.registry.files import shipped_models
from tests.conftest import FIXTURES
from tests.integration.conftest import serving
from tests.support.browser import NEEDS_CHROMIUM, browsing
from tests.support.model_hub import Hub, running_hub

LARGE = "Systran/faster-whisper-1"
RECORDING = FIXTURES / "en_television.flac"

pytestmark = NEEDS_CHROMIUM


@pytest.fixture(scope="module")
def idle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server without a worker: what it accepts waits."""
    with serving(tmp_path_factory.mktemp("data"), SPEECHD_WORKER="false") as url:
        yield url


@pytest.fixture
def hub() -> Iterator[Hub]:
    pocket = shipped_models() / "whisper-pocket"
    files = {path.name: path.read_bytes() for path in sorted(pocket.iterdir()) if path.suffix in (".json", ".bin")}
    with running_hub(Hub({LARGE: files}, chunk_delay=0.1)) as hub:
        yield hub


def create_job(url: str) -> str:
    reply = httpx2.post(
        f"{url}/v1/audio/transcriptions",
        files={"file": (RECORDING.name, RECORDING.read_bytes())},
        data={"model": "auto"},
        headers={"prefer": "respond-async"},
    )
    assert reply.status_code == 202, reply.text
    return str(reply.json()["id"])


def create_batch(url: str) -> str:
    line = {"custom_id": "a", "method": "POST", "url": "/v1/audio/speech", "body": {"input": "Tea.", "voice": "alloy"}}
    upload = {"file": ("lines.jsonl", json.dumps(line).encode())}
    file = httpx2.post(f"{url}/openai/v1/files", files=upload, data={"purpose": "batch"}).json()
    order = {"input_file_id": file["id"], "endpoint": "/v1/audio/speech", "completion_window": "24h"}
    reply = httpx2.post(f"{url}/openai/v1/batches", json=order)
    assert reply.status_code == 200, reply.text
    return str(reply.json()["id"])


def model_row(page: Any, model: str) -> Any:
    return page.locator(f'tr[data-model="{model}"]')


def test_a_job_is_listed_cancelled_and_deleted(idle: str) -> None:
    job = create_job(idle)
    with browsing(idle, "server/jobs") as page:
        row = page.locator(f'tr[data-job="{job}"]')
        row.get_by_text("waiting").wait_for()
        row.get_by_role("button", name="Cancel").click()
        row.get_by_text("cancelled").wait_for()
        assert httpx2.get(f"{idle}/v1/audio/jobs/{job}").json()["status"] == "cancelled"
        row.get_by_role("button", name="Delete").click()
        row.wait_for(state="detached")
    assert httpx2.get(f"{idle}/v1/audio/jobs/{job}").status_code == 404


def test_a_batch_is_listed_and_cancelled(idle: str) -> None:
    batch = create_batch(idle)
    with browsing(idle, "server/jobs") as page:
        row = page.locator(f'tr[data-batch="{batch}"]')
        row.get_by_role("button", name="Cancel").click()
        row.get_by_text("cancelled").or_(row.get_by_text("being cancelled")).first.wait_for()
    assert httpx2.get(f"{idle}/v1/batches/{batch}").json()["status"] in ("cancelling", "cancelled")


def test_new_jobs_appear_by_themselves_and_more_are_shown_on_request(idle: str) -> None:
    with browsing(idle, "server/jobs") as page:
        page.get_by_role("heading", name="Jobs", exact=True).wait_for()
        jobs = [create_job(idle) for _ in range(52)]
        page.locator(f'tr[data-job="{jobs[-1]}"]').wait_for()
        page.get_by_role("button", name="Show more").click()
        page.locator(f'tr[data-job="{jobs[0]}"]').wait_for()


def test_a_model_is_loaded_and_unloaded(idle: str) -> None:
    with browsing(idle, "server/models") as page:
        row = model_row(page, "whisper-pocket")
        row.get_by_text("auto", exact=True).wait_for()
        row.get_by_role("button", name="Load").click()
        row.get_by_text("in memory").wait_for()
        row.get_by_role("button", name="Unload").click()
        row.get_by_text("part of the installation").wait_for()


def test_a_model_is_pulled_with_progress_becomes_auto_and_is_removed(tmp_path: Path, hub: Hub) -> None:
    sources = {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "hf")}
    with serving(tmp_path, **sources) as url, browsing(url, "server/models") as page:
        page.get_by_label("Search").fill("whisper-1")
        row = model_row(page, "whisper-1")
        row.get_by_text("not installed").wait_for()
        row.get_by_role("button", name="Download").click()
        row.get_by_text("Downloading").wait_for()
        row.get_by_role("progressbar").wait_for()
        row.get_by_text("installed", exact=True).wait_for()
        row.get_by_text("auto", exact=True).wait_for()
        row.get_by_role("button", name="Delete").click()
        row.get_by_text("not installed").wait_for()


def test_a_model_that_does_not_exist_is_told(idle: str) -> None:
    with browsing(idle, "server/models") as page:
        page.fill("#pull-name", "no-such-model")
        page.get_by_role("button", name="Download", exact=True).last.click()
        page.locator(".message", has_text="no-such-model").wait_for()
        assert page.input_value("#pull-name") == "no-such-model"
