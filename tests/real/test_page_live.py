"""The page's section Live: what people say into a browser's microphone is written as it was said."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from speechd.types import SAMPLE_RATE
from tests.integration.conftest import serving
from tests.real.corpora import samples_of, worded
from tests.real.debian import readings
from tests.real.weights import BASE, model_folder
from tests.support.browser import CHROMIUM, browsing, microphone, write_microphone_file
from tests.support.wer import word_errors

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed: apt install chromium"),
]

LIMIT = 0.1
"""Word errors of what several people say, whose turns are ended by pauses."""
PAUSE = 1.5


def test_people_are_written_as_they_speak(tmp_path: Path) -> None:
    said = [*worded("en", 12)[:3], *readings()[:2]]
    recordings = []
    for number, prompt in enumerate(said):
        recordings.append(tmp_path / f"{number}.wav")
        soundfile.write(recordings[-1], np.clip(samples_of(prompt), -1, 1), SAMPLE_RATE)
    heard = write_microphone_file(tmp_path / "heard.wav", recordings, silence=PAUSE)
    (tmp_path / "data" / "models").mkdir(parents=True)
    (tmp_path / "data" / "models" / "whisper-base").symlink_to(model_folder(BASE))
    once = microphone(Path(f"{heard}%noloop"))
    with serving(tmp_path / "data") as url, browsing(url, "live", *once) as page:
        page.get_by_role("button", name="Start listening").click()
        page.locator("section .row .time").wait_for()
        page.wait_for_timeout(1000 * (soundfile.info(heard).duration + 2 * PAUSE))
        page.get_by_role("button", name="End", exact=True).click()
        page.get_by_role("heading", name="Save").wait_for()
        page.select_option("#save-format", "text")
        with page.expect_download() as saved:
            page.get_by_role("button", name="Download the text").click()
        text = saved.value.path().read_text()
    errors, words = word_errors(" ".join(prompt.text for prompt in said), text)
    assert words > 50
    assert errors <= LIMIT * words, text
