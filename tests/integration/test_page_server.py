"""The page's section Server in a real browser: jobs, batches, models, keys and the state of the server."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest

from speechd.registry.files import shipped_models
from tests.conftest import FIXTURES
from tests.integration.conftest import serving
from tests.integration.test_page_wide import AXE, serious
from tests.support.browser import NEEDS_CHROMIUM, browsing
from tests.support.model_hub import Hub, running_hub

LARGE = "Systran/faster-whisper-large-v2"
PARTS = {
    "status": ".check",
    "jobs": "tr[data-job]",
    "models": "tr[data-model]",
    "keys": "#key-form",
    "settings": "#settings td",
}
"""The parts of the section, with what shows that they are there."""
CLIENT = httpx2.Client(timeout=120)
KEY = "sk-a-key-of-the-operator"
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
    reply = CLIENT.post(
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
    file = CLIENT.post(f"{url}/openai/v1/files", files=upload, data={"purpose": "batch"}).json()
    order = {"input_file_id": file["id"], "endpoint": "/v1/audio/speech", "completion_window": "24h"}
    reply = CLIENT.post(f"{url}/openai/v1/batches", json=order)
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
        assert CLIENT.get(f"{idle}/v1/audio/jobs/{job}").json()["status"] == "cancelled"
        row.get_by_role("button", name="Delete").click()
        row.wait_for(state="detached")
    assert CLIENT.get(f"{idle}/v1/audio/jobs/{job}").status_code == 404


def test_a_batch_is_listed_and_cancelled(idle: str) -> None:
    batch = create_batch(idle)
    with browsing(idle, "server/jobs") as page:
        row = page.locator(f'tr[data-batch="{batch}"]')
        row.get_by_role("button", name="Cancel").click()
        row.get_by_text("cancelled").or_(row.get_by_text("being cancelled")).first.wait_for()
    assert CLIENT.get(f"{idle}/v1/batches/{batch}").json()["status"] in ("cancelling", "cancelled")


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


def test_a_model_is_pulled_with_progress_and_removed(tmp_path: Path, hub: Hub) -> None:
    """It does not become `auto`: what comes over HTTP serves those who name it, until the operator adopts it."""
    sources = {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "hf")}
    with serving(tmp_path, **sources) as url, browsing(url, "server/models") as page:
        page.get_by_label("Search").fill("whisper-1")
        row = model_row(page, "whisper-1")
        row.get_by_text("not installed").wait_for()
        row.get_by_role("button", name="Download").click()
        row.get_by_text("Downloading").wait_for()
        row.get_by_role("progressbar").wait_for()
        row.get_by_text("installed", exact=True).wait_for()
        assert row.get_by_text("auto", exact=True).count() == 0
        page.get_by_text("auto is whisper-pocket for recognition").wait_for()
        page.get_by_text("never becomes auto by itself").wait_for()
        row.get_by_role("button", name="Delete").click()
        row.get_by_text("not installed").wait_for()


def test_a_model_that_does_not_exist_is_told(idle: str) -> None:
    with browsing(idle, "server/models") as page:
        page.fill("#pull-name", "no-such-model")
        page.get_by_role("button", name="Download", exact=True).last.click()
        page.locator(".message", has_text="no-such-model").wait_for()
        assert page.input_value("#pull-name") == "no-such-model"


def test_the_state_of_the_server_and_its_last_errors_are_shown(tmp_path: Path) -> None:
    with serving(tmp_path, SPEECHD_LLM_BASE_URL="http://127.0.0.1:1/v1") as url, browsing(url, "server/status") as page:
        page.locator('[data-fact="ready"]', has_text="yes").wait_for()
        assert "free" in page.locator('[data-fact="disk"]').inner_text()
        page.get_by_text("No model is in memory.").wait_for()
        assert transcribe(url) == 200
        page.get_by_role("cell", name="whisper-pocket").wait_for()
        page.get_by_text("0 s of audio").wait_for()
        assert page.locator(".check.ok").count() > 3


def test_the_first_key_closes_the_server_and_the_page_goes_on_with_it(tmp_path: Path) -> None:
    with serving(tmp_path) as url, browsing(url, "server/keys") as page:
        page.get_by_text("This server has no key yet.").wait_for()
        make_key(page, "anna")
        secret = page.locator("#secret").inner_text()
        page.locator('tr[data-key="anna"]', has_text="administer").wait_for()
        assert CLIENT.get(f"{url}/v1/models").status_code == 401
        assert CLIENT.get(f"{url}/v1/models", headers=bearer(secret)).status_code == 200
        page.get_by_role("button", name="I have it").click()
        assert secret not in page.content()


def test_keys_are_made_limited_and_revoked(tmp_path: Path) -> None:
    with serving(tmp_path, SPEECHD_API_KEY=KEY) as url, browsing(url, "server/keys") as page:
        give_key(page, KEY)
        page.get_by_label("Seconds of audio in a day").fill("5000")
        make_key(page, "player")
        secret = page.locator("#secret").inner_text()
        row = page.locator('tr[data-key="player"]')
        row.get_by_text("0 of 5,000 s of audio today").wait_for()
        assert transcribe(url, bearer(secret)) == 200
        row.get_by_text("2 of 5,000 s of audio today").wait_for()
        row.get_by_role("button", name="Change").click()
        page.get_by_label("Requests in a minute").fill("1")
        page.get_by_role("button", name="Save").click()
        row.get_by_text("requests this minute").wait_for()
        make_key(page, "player")  # the name is taken
        page.locator(".message", has_text="player").wait_for()
        assert page.input_value("#key-name") == "player"
        row.get_by_role("button", name="Revoke").click()
        row.wait_for(state="detached")
        assert CLIENT.get(f"{url}/v1/models", headers=bearer(secret)).status_code == 401


def test_a_key_sees_what_it_may_and_what_is_left_of_it(tmp_path: Path) -> None:
    with serving(tmp_path, SPEECHD_API_KEY=KEY) as url:
        made = {"name": "player", "scopes": ["speak"], "limits": {"requests_per_day": 500}}
        reply = CLIENT.post(f"{url}/v1/admin/keys", json=made, headers=bearer(KEY))
        assert reply.status_code == 200, reply.text
        with browsing(url, "server/models") as page:
            give_key(page, reply.json()["key"])
            page.get_by_text("This tab uses the key player. It may: speak.").wait_for()
            page.get_by_text("of 500 requests").wait_for()
            model_row(page, "whisper-pocket").wait_for()
            assert page.get_by_role("button", name="Load").count() == 0
            assert page.locator("#pull-name").count() == 0
            parts = page.locator(".parts a").all_inner_texts()
            assert parts == ["Jobs and batches", "Models"]
            page.locator(".parts a", has_text="Jobs").click()
            page.get_by_text("There are no jobs.").wait_for()
            assert page.get_by_role("heading", name="Batches").count() == 0


def test_settings_are_shown_without_secrets(tmp_path: Path) -> None:
    with serving(tmp_path, SPEECHD_API_KEY=KEY) as url, browsing(url, "server/settings") as page:
        give_key(page, KEY)
        page.get_by_label("Search").fill("SPEECHD_API_KEY")
        page.locator("#settings tr", has_text="SPEECHD_API_KEY").first.wait_for()
        assert KEY not in page.content()


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed: make check-page installs it")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_part_is_for_everyone_and_for_a_telephone(idle: str, scheme: Any) -> None:
    create_job(idle)
    phone = {"width": 390, "height": 844}
    with browsing(idle, "server/status", color_scheme=scheme, viewport=phone) as page:
        for part, sign in PARTS.items():
            page.goto(f"{idle}/app#/server/{part}")
            page.locator(sign).first.wait_for()
            assert serious(page) == [], part
            assert page.evaluate("document.documentElement.scrollWidth") <= phone["width"], part


def transcribe(url: str, headers: Mapping[str, str] | None = None) -> int:
    sound = {"file": (RECORDING.name, RECORDING.read_bytes())}
    path = f"{url}/v1/audio/transcriptions"
    return CLIENT.post(path, files=sound, data={"model": "auto"}, headers=headers).status_code


def make_key(page: Any, name: str) -> None:
    page.fill("#key-name", name)
    page.get_by_role("button", name="Make the key").click()


def give_key(page: Any, key: str) -> None:
    """Answers the question of the page for a key."""
    page.get_by_label("API key", exact=True).fill(key)
    page.get_by_role("button", name="Use the key").click()
    page.get_by_label("API key", exact=True).wait_for(state="hidden")


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}
