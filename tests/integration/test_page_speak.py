"""The page's section Speak in a real browser: a text is heard while it is made, and what is said is lit."""

import base64
import html
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.integration.conftest import serving
from tests.integration.test_page_wide import AXE, serious
from tests.support.browser import NEEDS_CHROMIUM, browsing
from tests.support.played_audio import decoded

TEXT = "It is 9:05, and tea costs $2.50. Please come in. We have time for a walk along the river."
MAX_CHARACTERS = 2000

pytestmark = NEEDS_CHROMIUM


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    pytest.importorskip("piper", reason="speech needs the extra tts")
    limits = {"SPEECHD_MAX_SPEECH_CHARACTERS": str(MAX_CHARACTERS)}
    with serving(tmp_path_factory.mktemp("data"), **limits) as url:
        yield url


@pytest.fixture
def page(live: str) -> Iterator[Any]:
    with browsing(live, "speak", "--autoplay-policy=no-user-gesture-required") as page:
        yield page


def speak(page: Any, text: str) -> None:
    """Speaks a text to its end."""
    page.fill("#text", text)
    page.get_by_role("button", name="Speak", exact=True).click()
    page.get_by_text(re.compile(r"s, spoken by")).wait_for()


def test_a_text_is_spoken_lit_word_by_word_and_saved(page: Any) -> None:
    page.fill("#text", TEXT)
    page.get_by_role("button", name="Speak", exact=True).click()
    page.locator(".lit").wait_for()  # it plays, and the word that is said is lit
    told = page.get_by_text(re.compile(r"s, spoken by"))
    told.wait_for()
    seconds = float(told.inner_text().split()[0])
    assert page.locator(".spoken").inner_text() == TEXT
    page.evaluate("document.querySelector('audio').playbackRate = 0.1")
    page.locator(".word", has_text="river").click()
    page.locator(".lit", has_text="river").wait_for()
    assert page.evaluate("document.querySelector('audio').currentTime") > seconds / 2
    with page.expect_download() as saved:
        page.get_by_role("button", name="Download").click()
    assert saved.value.suggested_filename == "speech.mp3"
    samples, rate, _ = decoded(saved.value.path().read_bytes())
    assert len(samples) / rate == pytest.approx(seconds, abs=0.2)
    with page.expect_download() as captions:
        page.get_by_role("button", name="Captions as SRT").click()
    shown = captions.value.path().read_text()
    assert shown.startswith("1\n00:00:0")
    assert "$2.50" in shown


def test_audio_plays_before_all_of_it_is_there(page: Any, live: str) -> None:
    """Half of a file comes, and is heard; the other half comes later, and all of it can be kept."""
    fields = {"input": TEXT, "model": "auto", "voice": "auto", "response_format": "mp3"}
    whole = httpx2.post(f"{live}/v1/audio/speech", json=fields, timeout=120).content
    half = len(whole) // 2
    parts = [base64.b64encode(part).decode() for part in (whole[:half], whole[half:])]
    page.evaluate(
        """async ([first, second]) => {
            const { StreamPlayer } = await import("/app/js/audio/stream_player.js");
            const { fromBase64 } = await import("/app/js/audio/base64.js");
            const element = document.body.appendChild(document.createElement("audio"));
            element.id = "half";
            window.player = new StreamPlayer(element, "audio/mpeg");
            window.second = fromBase64(second);
            window.player.append(fromBase64(first));
        }""",
        parts,
    )
    until(page, "document.querySelector('#half').currentTime > 0.5")
    size = page.evaluate("(window.player.append(window.second), window.player.finish().size)")
    assert size == len(whole)
    until(page, "document.querySelector('#half').ended")


def test_ssml_is_shown_without_its_tags(page: Any) -> None:
    speak(page, '<speak>Tea <break time="300ms"/> is <sub alias="ready now">rdy</sub>.</speak>')
    shown = page.locator(".spoken").inner_text()
    assert "Tea" in shown
    assert "<" not in shown


def test_markup_in_a_text_is_only_text(page: Any) -> None:
    text = 'Tea <img src=x onerror="window.broken = 1"> is <b>ready</b> <script>window.broken = 1</script> now.'
    speak(page, text)
    assert page.locator(".spoken").inner_text() == text
    assert html.escape("<img") in page.locator(".spoken").inner_html()
    assert page.evaluate("window.broken") is None


def test_a_text_that_is_refused_stays_in_the_form_and_over_a_reload(page: Any) -> None:
    text = "Tea is ready. " * (MAX_CHARACTERS // 10)
    page.fill("#text", text)
    page.get_by_role("button", name="Speak", exact=True).click()
    page.locator(".message", has_text=f"{MAX_CHARACTERS}").wait_for()
    assert page.input_value("#text") == text
    page.reload()
    page.locator("#text").wait_for()
    assert page.input_value("#text") == text


def test_a_voice_is_chosen_and_a_format_that_comes_whole_plays_too(page: Any) -> None:
    page.locator("#voice option", has_text="Pocket").wait_for(state="attached")
    page.select_option("#voice", "en_US-pocket-x_low")
    page.select_option("#format", "flac")
    page.get_by_text("MP3 plays while it is made").wait_for()
    speak(page, "Tea is ready.")
    assert "en_US-pocket-x_low" in page.get_by_text(re.compile(r"s, spoken by")).inner_text()
    until(page, "document.querySelector('audio').currentTime > 0.2")


def test_the_text_is_kept_when_the_server_goes_away(tmp_path: Path) -> None:
    pytest.importorskip("piper", reason="speech needs the extra tts")
    with serving(tmp_path) as url:
        browser = browsing(url, "speak")
        page = browser.__enter__()
        page.fill("#text", TEXT)
    try:
        page.get_by_role("button", name="Speak", exact=True).click()
        page.locator(".message", has_text="cannot be reached").wait_for()
        assert page.input_value("#text") == TEXT
    finally:
        browser.__exit__(None, None, None)


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed: make check-page installs it")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_speech_is_for_everyone_and_for_a_telephone(live: str, scheme: Any) -> None:
    phone = {"width": 390, "height": 844}
    with browsing(live, "speak", color_scheme=scheme, viewport=phone) as page:
        speak(page, TEXT)
        assert serious(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= phone["width"]


def until(page: Any, condition: str) -> None:
    """Waits until an expression is true. The page's policy forbids Playwright's own way, which is `eval`."""
    for _ in range(600):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(100)
    raise AssertionError(condition)
