"""The page for everyone, in real Chromium: two hours of words, a telephone, a keyboard, a screen reader, the dark."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.conftest import FIXTURES, ROOT
from tests.integration.test_page import exported, open_result, transcribe, until, words
from tests.support.browser import NEEDS_CHROMIUM, browsing

pytestmark = NEEDS_CHROMIUM

PACKAGES = ROOT / ".page" / "node_modules"
"""What checks the page: `make check-page` installs it."""
AXE = PACKAGES / "axe-core" / "axe.min.js"
TSC = PACKAGES / ".bin" / "tsc"
SENTENCE = FIXTURES / "en_television.flac"
SECTIONS = ("transcribe", "speak", "live", "server")
WORDS = 20_000
SECONDS = 7200
MAX_DRAWN = 2000
"""Words in the page at once: a list that is drawn whole has all of them."""
JOB = "audio_job_two_hours"
KEEP_TWO_HOURS = """async ([job, count, seconds]) => {
  const { fromAnswer } = await import("/app/js/editor/model.js");
  const { db } = await import("/app/js/db.js");
  const step = seconds / count;
  const word = (at) => ({ word: `word${at}`, start: at * step, end: (at + 0.9) * step });
  const words = Array.from({ length: count }, (_, at) => word(at));
  const segments = Array.from({ length: count / 10 }, (_, id) => {
    const own = words.slice(id * 10, id * 10 + 10);
    return { id, start: own[0].start, end: own[9].end, text: own.map((each) => ` ${each.word}`).join("") };
  });
  await db.put("transcripts", job, { doc: fromAnswer({ duration: seconds, words, segments }), name: "two hours.flac" });
}"""

SCROLL = """(part) => {
  const list = document.querySelector(".transcript");
  list.scrollTop = part * list.scrollHeight;
}"""
HAS_FOCUS = """([selector, text]) => {
  const active = document.activeElement;
  return active.matches(selector) && active.innerText.includes(text);
}"""


@pytest.fixture
def page(server: str) -> Iterator[Any]:
    with browsing(server, "transcribe") as page:
        yield page


def test_two_hours_of_words_scroll_and_light(page: Any, tmp_path: Path) -> None:
    recording = tmp_path / "two hours.flac"
    soundfile.write(recording, np.zeros(SECONDS * 8000, np.int16), 8000)
    page.evaluate(KEEP_TWO_HOURS, [JOB, WORDS, SECONDS])
    page.goto(page.url.partition("#")[0] + f"#/result/{JOB}")
    page.locator(".word").first.wait_for()
    page.get_by_label("The recording's file").set_input_files(recording)
    page.get_by_role("button", name="Play", exact=True).and_(page.locator(":enabled")).wait_for()
    for part in (0.5, 0.999, 0.1):
        page.evaluate(
            "part => { const list = document.querySelector('.transcript'); list.scrollTop = part * list.scrollHeight }",
            part,
        )
        until(
            page,
            f"Math.abs(Number(document.querySelector('.word')?.innerText.slice(4)) - {part * WORDS}) < {WORDS / 20}",
        )
        word = page.locator(".cue").nth(3).locator(".word").nth(2)
        text = word.inner_text()
        word.click()
        until(page, f"document.querySelector('.lit')?.innerText === {text!r}")
        assert 0 < page.locator(".word").count() < MAX_DRAWN
    page.keyboard.press("Control+f")
    page.get_by_label("Find", exact=True).fill("word19999")
    page.get_by_role("button", name="Next", exact=True).click()
    until(page, "document.querySelector('.word.selected')?.innerText === 'word19999'")
    assert exported(page, "TXT").decode().split()[-1] == "word19999"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed: make check-page installs it")
def test_axe_finds_nothing_serious(server: str, scheme: str) -> None:
    with browsing(server, "transcribe", color_scheme=scheme) as page:
        page.locator("h1").wait_for()
        for section in SECTIONS:
            page.goto(f"{server}/app#/{section}")
            page.locator("h1").wait_for()
            assert serious(page) == [], section
        page.goto(f"{server}/app#/transcribe")
        transcribe(page, FIXTURES / "channels" / "call.opus")
        open_result(page, "call.opus")
        page.locator(".word").first.click()
        assert serious(page) == []
        page.locator(".word").first.press("Control+f")
        page.get_by_label("Find", exact=True).fill("the")
        assert serious(page) == []


def serious(page: Any) -> list[str]:
    """What axe-core finds that keeps people out."""
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")["violations"]
    return [
        f"{each['id']}: {each['nodes'][0]['html']} {each['nodes'][0]['failureSummary']}"
        for each in found
        if each["impact"] in ("serious", "critical")
    ]


def test_a_telephone_shows_everything_in_its_width(server: str) -> None:
    with browsing(server, "transcribe", viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True) as page:
        page.locator("h1").wait_for()
        transcribe(page, SENTENCE)
        for section in SECTIONS:
            page.goto(f"{server}/app#/{section}")
            page.locator("h1").wait_for()
            assert page.evaluate("document.documentElement.scrollWidth") <= 390, section
        page.goto(f"{server}/app#/transcribe")
        open_result(page, SENTENCE.name)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.locator(".word").first.tap()
        page.get_by_role("button", name="Edit word").tap()
        page.locator(".word-field").fill("Switch")
        page.locator(".word-field").press("Enter")
        until(page, "document.querySelector('.word').innerText === 'Switch'")


def test_the_keyboard_alone_does_it(page: Any) -> None:
    transcribe(page, SENTENCE)
    page.get_by_role("link", name=SENTENCE.name).first.focus()
    page.keyboard.press("Enter")
    page.locator(".word").first.wait_for()
    before = words(page)
    tab_to(page, ".transcript")
    for key in ("ArrowRight", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    page.locator(".word-field").wait_for()
    page.keyboard.type("away")
    page.keyboard.press("Tab")  # to the next word
    until(page, f"document.querySelector('.word-field')?.value === {before[2]!r}")
    page.keyboard.press("Escape")
    assert words(page) == [before[0], "away", *before[2:]]
    page.keyboard.press("Control+Enter")
    until(page, "document.querySelectorAll('.cue').length === 2")
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    until(page, "document.querySelectorAll('.cue').length === 1")
    assert words(page) == before
    page.keyboard.press("Control+Shift+Z")
    until(page, "document.querySelectorAll('.word')[1].innerText === 'away'")
    tab_to(page, "button.primary:not(:disabled)", text="Download")


def tab_to(page: Any, selector: str, text: str = "") -> None:
    """Presses Tab until that has the focus."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate(HAS_FOCUS, [selector, text]):
            return
    raise AssertionError(f"Tab does not lead to {selector} {text}")


def test_german_is_one_choice_away_and_stays(page: Any) -> None:
    page.get_by_label("Language of the page").select_option("de")
    page.get_by_role("heading", name="Aufnahmen transkribieren").wait_for()
    page.reload()
    page.get_by_role("heading", name="Aufnahmen transkribieren").wait_for()
    assert page.evaluate("document.documentElement.lang") == "de"


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_the_functions_of_the_editor() -> None:
    done = subprocess.run(["node", "--test", "tests/page"], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout


@pytest.mark.skipif(not TSC.exists(), reason="typescript is not installed: make check-page installs it")
def test_the_types_of_the_page() -> None:
    done = subprocess.run(
        [TSC, "-p", "tests/page/tsconfig.json"], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout
