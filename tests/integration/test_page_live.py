"""The page's section Live in a real browser, whose microphone plays recordings of people."""

import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.conftest import FIXTURES
from tests.integration.conftest import LISTENS, serving, started
from tests.integration.test_page_wide import AXE, serious
from tests.support.browser import NEEDS_CHROMIUM, browsing, microphone, write_microphone_file

SENTENCES = {
    "en_television.flac": "Turn off the television, please.",
    "en_weather_in_lisbon.flac": "The weather in Lisbon is windy.",
}
KEY = "sk-a-key-of-the-operator"
TIME = re.compile(r"^\d+:\d\d")

pytestmark = NEEDS_CHROMIUM


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("data")) as url:
        yield url


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the microphone plays, again and again: both sentences."""
    recordings = [FIXTURES / name for name in SENTENCES]
    return write_microphone_file(tmp_path_factory.mktemp("microphone") / "said.wav", recordings, silence=1.2)


def texts(page: Any) -> list[str]:
    """The final lines, without their times."""
    lines = page.locator(".turn.final p").all_inner_texts()
    return [TIME.sub("", line.replace("\n", " ")).strip() for line in lines]


def assert_nothing_lost(said: list[str]) -> None:
    """The sentences alternate. With which one it begins depends on how fast the browser opens its microphone."""
    sentences = list(SENTENCES.values())
    assert said[0] in sentences
    first = sentences.index(said[0])
    assert said == [sentences[(first + place) % 2] for place in range(len(said))]


def listen(page: Any, turns: int) -> None:
    """Until so many turns have their text."""
    page.get_by_role("button", name="Start listening").click()
    wait_for_turns(page, turns)


def wait_for_turns(page: Any, number: int) -> None:
    page.locator(".turn.final").nth(number - 1).wait_for()


def end(page: Any) -> None:
    page.get_by_role("button", name="End", exact=True).click()
    page.get_by_role("heading", name="Save").wait_for()


def test_what_is_said_is_shown_saved_and_kept_as_a_transcript(live: str, heard: Path) -> None:
    with browsing(live, "live", *microphone(heard)) as page:
        listen(page, 2)
        assert page.locator("#live-status").inner_text().strip() == "Listening."
        end(page)
        assert set(texts(page)[:2]) == set(SENTENCES.values())
        page.select_option("#save-format", "srt")
        with page.expect_download() as saved:
            page.get_by_role("button", name="Download the text").click()
        cues = saved.value.path().read_text().strip().split("\n\n")
        assert [cue.split("\n")[2] for cue in cues] == texts(page)
        page.get_by_role("button", name="Keep as a transcript").click()
        page.wait_for_url("**/app#/result/*")
        job = page.url.rpartition("/")[2]
        for _ in range(600):
            found = httpx2.get(f"{live}/v1/audio/jobs/{job}").json()
            if found["status"] not in ("queued", "running"):
                break
            page.wait_for_timeout(100)
    assert found["status"] == "completed", found
    for sentence in SENTENCES.values():
        assert sentence in found["result"]["text"]
    assert found["result"]["words"]


def test_a_server_that_goes_away_loses_nothing(tmp_path: Path, heard: Path) -> None:
    """What is said while it is away is heard when it is back: the two sentences go on to alternate."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    with started(tmp_path, "serve", LISTENS, SPEECHD_PORT=port) as server:
        browser = browsing(server.found, "live", *microphone(heard))
        page = browser.__enter__()
        listen(page, 1)
    try:
        page.locator("#live-status", has_text="interrupted").wait_for()
        before = len(texts(page))
        with started(tmp_path, "serve", LISTENS, SPEECHD_PORT=port):
            page.locator("#live-status", has_text="Listening.").wait_for()
            wait_for_turns(page, before + 4)
            end(page)
            said = texts(page)[: before + 4]
    finally:
        browser.__exit__(None, None, None)
    assert_nothing_lost(said)


def test_a_page_with_a_key_listens_with_a_short_lived_one(tmp_path: Path, heard: Path) -> None:
    with serving(tmp_path, SPEECHD_API_KEY=KEY) as url, browsing(url, "live", *microphone(heard)) as page:
        opened: list[str] = []
        page.on("websocket", lambda socket: opened.append(socket.url))
        page.get_by_label("API key", exact=True).fill("sk-wrong")
        page.get_by_role("button", name="Use the key").click()
        page.get_by_text("The server does not know this key.").wait_for()
        page.get_by_label("API key", exact=True).fill(KEY)
        page.get_by_role("button", name="Use the key").click()
        page.get_by_label("API key", exact=True).wait_for(state="hidden")
        listen(page, 1)
        assert opened
        assert all(KEY not in url for url in opened)
        end(page)
        assert texts(page)[0] in SENTENCES.values()


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed: make check-page installs it")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_captions_are_for_everyone_and_for_a_telephone(live: str, heard: Path, scheme: Any) -> None:
    phone = {"width": 390, "height": 844}
    with browsing(live, "live", *microphone(heard), color_scheme=scheme, viewport=phone) as page:
        listen(page, 1)
        assert serious(page) == []
        end(page)
        assert serious(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= phone["width"]


def test_pause_takes_nothing_in(live: str, heard: Path) -> None:
    with browsing(live, "live", *microphone(heard)) as page:
        listen(page, 1)
        page.get_by_role("button", name="Pause").click()
        page.locator("#live-status", has_text="Paused.").wait_for()
        clock = page.locator("section .row .time").inner_text()
        page.wait_for_timeout(2500)
        assert page.locator("section .row .time").inner_text() == clock
        page.get_by_role("button", name="Go on").click()
        wait_for_turns(page, 2)
        end(page)


def test_a_session_goes_on_while_another_section_is_looked_at(live: str, heard: Path) -> None:
    with browsing(live, "live", *microphone(heard)) as page:
        listen(page, 1)
        page.get_by_role("link", name="Speak").click()
        page.locator("#text").wait_for()
        page.wait_for_timeout(4000)
        page.get_by_role("link", name="Live").click()
        wait_for_turns(page, 3)
        end(page)
        assert_nothing_lost(texts(page)[:3])


def test_no_microphone_is_told(live: str) -> None:
    with browsing(live, "live") as page:
        page.get_by_role("button", name="Start listening").click()
        page.locator(".message", has_text=re.compile("microphone", re.IGNORECASE)).wait_for()
        page.get_by_role("button", name="Start listening").wait_for()


def test_a_refusal_is_told_and_nothing_is_lost_until_it_connects_again(live: str, heard: Path) -> None:
    with browsing(live, "live", *microphone(heard)) as page:
        page.locator("#model option", has_text="whisper-pocket").wait_for(state="attached")
        page.route("**/realtime/client_secrets", lambda route: route.fulfill(status=404, json=NO_MODEL))
        page.get_by_role("button", name="Start listening").click()
        page.locator("#live-status", has_text="There is no model `gone`.").wait_for()
        page.locator("section .row .time", has_text="0:04").wait_for()  # a sentence begins every three seconds
        page.unroute("**/realtime/client_secrets")
        refused_until = page.locator("section .row .time").inner_text()
        page.get_by_role("button", name="Connect again").click()
        page.locator("#live-status", has_text="Listening.").wait_for()
        wait_for_turns(page, 1)
        assert page.locator(".turn .time").first.inner_text() < refused_until  # what was said before is heard too
        end(page)
        with page.expect_download() as saved:
            page.get_by_role("button", name="Download the recording").click()
        assert saved.value.path().stat().st_size > 1000


NO_MODEL = {"error": {"message": "There is no model `gone`.", "type": "invalid_request_error", "code": None}}
