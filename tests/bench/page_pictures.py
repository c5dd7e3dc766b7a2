"""Pictures of the page for the documentation: a transcript, Speak, Live and Server, with real models.

`python -m tests.bench.page_pictures` writes docs/images/page-*.png. It needs Chromium and playwright, whisper-base and
the readings of tests/real, and a voice (`--voice FOLDER`, else the embedded one speaks).
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

from tests.conftest import ROOT
from tests.integration.conftest import serving
from tests.integration.test_page import CALL, open_result, transcribe
from tests.real.debian import readings
from tests.real.weights import BASE, model_folder
from tests.support.browser import browsing, microphone, write_microphone_file

IMAGES = ROOT / "docs" / "images"
TEXT = (
    "Good morning. The train to Lisbon leaves at 9:05 from platform 3, and a ticket costs $24.50. Please keep your bag"
    " with you. Tea and coffee are served in the middle of the train. We wish you a pleasant journey."
)
WINDOW = {"viewport": {"width": 1100, "height": 760}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--voice", type=Path, help="folder of a Piper voice")
    parser.add_argument("--only", choices=("result", "speak", "live", "server"), help="one picture")
    options = parser.parse_args()
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        models = Path(folder) / "data" / "models"
        models.mkdir(parents=True)
        for model in filter(None, (model_folder(BASE), options.voice)):
            (models / ("whisper-base" if model.name.startswith("whisper") else model.name)).symlink_to(model.absolute())
        heard = write_microphone_file(Path(folder) / "heard.wav", [each.path for each in readings()], silence=1.2)
        with serving(models.parent, SPEECHD_MAX_WAIT="900") as url:  # a busy machine makes the same pictures
            for name, picture in PICTURES.items():
                if options.only in (None, name):
                    picture(url, heard)


def picture_result(url: str, _heard: Path) -> None:
    with browsing(url, "transcribe", "--autoplay-policy=no-user-gesture-required", **WINDOW) as page:
        transcribe(page, CALL, Speakers="channels")
        open_result(page, CALL.name)
        page.get_by_role("button", name="Play", exact=True).and_(page.locator(":enabled")).wait_for()
        for old, new in (("channel_1", "Agent"), ("channel_2", "Customer")):
            field = page.get_by_label("Speaker 1" if old == "channel_1" else "Speaker 2", exact=True)
            field.fill(new)
            field.press("Tab")
        page.locator(".word", has_text="television").click()
        page.locator(".word.lit").wait_for()
        page.get_by_text("Kept in this browser").wait_for()
        page.evaluate("scrollTo(0, 0)")
        keep(page, "page-result")


def picture_speak(url: str, _heard: Path) -> None:
    with browsing(url, "speak", "--autoplay-policy=no-user-gesture-required", **WINDOW) as page:
        page.fill("#text", TEXT)
        page.get_by_role("button", name="Speak", exact=True).click()
        page.get_by_text("spoken by").wait_for()
        page.evaluate("document.querySelector('audio').playbackRate = 0.2")
        page.locator(".word", has_text="platform").click()
        page.locator(".lit", has_text="platform").wait_for()
        keep(page, "page-speak")


def picture_live(url: str, heard: Path) -> None:
    with browsing(url, "live", *microphone(heard), **WINDOW) as page:
        page.get_by_role("button", name="Start listening").click()
        page.locator(".turn.final").nth(2).wait_for()
        assert page.locator(".turn .fault, .turn.failed").count() == 0
        keep(page, "page-live")


def picture_server(url: str, _heard: Path) -> None:
    with browsing(url, "server/status", **WINDOW) as page:
        page.locator(".check").first.wait_for()
        keep(page, "page-server")


def keep(page: Any, name: str) -> None:
    page.screenshot(path=IMAGES / f"{name}.png")


PICTURES = {"result": picture_result, "speak": picture_speak, "live": picture_live, "server": picture_server}

if __name__ == "__main__":
    main()
