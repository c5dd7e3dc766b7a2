"""/docs in a real browser: every operation is on it, its examples work, and nothing is loaded from elsewhere."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.conftest import FIXTURES
from tests.integration.conftest import serving
from tests.support.llm_backends import backends_file, our_companion

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome") or ""
METHODS = ("get", "post", "put", "patch", "delete")
WITH_EXAMPLES = [
    ("post", "/v1/audio/transcriptions"),
    ("post", "/openai/v1/audio/translations"),
    ("post", "/v1/audio/speech"),
    ("get", "/v1/audio/voices"),
    ("get", "/openai/v1/models"),
    ("post", "/v1/chat/completions"),
    ("post", "/openai/v1/chat/completions"),
    ("post", "/v1/completions"),
    ("post", "/v1/responses"),
    ("post", "/v1/embeddings"),
    ("post", "/openai/v1/reranking"),
]
"""Operations that must answer 200 when a reader opens them and presses Execute."""

pytestmark = [
    pytest.mark.extra,
    pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed: apt install chromium"),
]


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("docs")
    with our_companion() as urls:
        backends = str(backends_file(folder, urls))
        with serving(folder / "data", SPEECHD_LLM_BACKENDS_FILE=backends) as url:
            yield url


@pytest.fixture
def page(live: str) -> Iterator[Any]:
    """The page, loaded; the test fails where it asked another host for anything or wrote an error."""
    reason = "playwright is not installed: make test-browser installs it"
    playwright = pytest.importorskip("playwright.sync_api", reason=reason)
    with playwright.sync_playwright() as driver:
        # Chromium's own sandbox needs user namespaces, which root in a container has not.
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        faults: list[str] = []
        page.on(
            "request",
            lambda asked: None if asked.url.startswith((live, "data:", "blob:")) else faults.append(asked.url),
        )
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(f"{live}/docs")
        page.wait_for_selector(".opblock")
        yield page
        browser.close()
    assert faults == []


def opened(page: Any, method: str, path: str) -> Any:
    """The block of one operation, unfolded."""
    block = page.locator(f".opblock-{method}").filter(has=page.locator(f'[data-path="{path}"]'))
    block.locator(".opblock-summary-control").click()
    block.locator("button.execute").wait_for()
    return block


def executed(block: Any) -> str:
    """The status that the page shows after Execute."""
    block.locator("button.execute").click()
    status: str = block.locator(".live-responses-table .response-col_status").last.inner_text()
    return status.split()[0]


def test_every_operation_is_shown_in_a_group(page: Any, live: str) -> None:
    schema = httpx2.get(f"{live}/openapi.json").json()
    documented = {(m, path) for path, row in schema["paths"].items() for m in METHODS if m in row}
    blocks = page.locator(".opblock-tag-section .opblock")
    shown = blocks.evaluate_all(
        "blocks => blocks.map(b => [b.querySelector('.opblock-summary-method').innerText.toLowerCase(),"
        " b.querySelector('.opblock-summary-path').dataset.path])"
    )
    assert {tuple(pair) for pair in shown} == documented
    assert len(shown) == len(documented)
    unnamed = page.locator(".opblock-tag-section", has=page.locator('[data-tag="default"]'))
    assert unnamed.count() == 0  # where Swagger puts what has no group


@pytest.mark.parametrize(("method", "path"), WITH_EXAMPLES, ids=lambda value: value)
def test_an_example_works_as_it_stands(page: Any, method: str, path: str) -> None:
    block = opened(page, method, path)
    kinds = block.locator(".body-param-content-type select")
    if kinds.count():
        kinds.select_option("application/json")
        if block.locator("button.reset").count():
            block.locator("button.reset").click()  # else Swagger keeps what the form held
    assert executed(block) == "200"


def test_a_recording_can_be_sent_from_the_page(page: Any, live: str) -> None:
    block = opened(page, "post", "/v1/audio/transcriptions")
    block.locator('input[type="file"]').set_input_files(Path(FIXTURES / "en_television.flac"))
    assert executed(block) == "200"
    assert "television" in block.locator(".live-responses-table .response-col_description").last.inner_text()
