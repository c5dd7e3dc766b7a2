"""How fast the page scrolls in a transcript of 2 hours (20 000 words) and lights the word of a click, in Chromium.

`python -m tests.bench.page_speed` prints milliseconds. Scrolling is measured from the new place of the list until its
words are drawn, lighting from the click until the word is lit, with the jump of the player.
"""

import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import soundfile

from tests.integration.conftest import serving
from tests.integration.test_page_wide import JOB, KEEP_TWO_HOURS, SECONDS, WORDS
from tests.support.browser import browsing

PLACES = 20
SCROLL = """async (part) => {
  const list = document.querySelector(".transcript");
  const began = performance.now();
  list.scrollTop = part * (list.scrollHeight - list.clientHeight);
  const drawn = () => {
    const box = list.getBoundingClientRect();
    return document.elementFromPoint(box.left + 60, box.top + box.height / 2)?.closest(".cue");
  };
  do await new Promise(requestAnimationFrame);
  while (!drawn());
  return performance.now() - began;
}"""
LIGHT = """async () => {
  const list = document.querySelector(".transcript").getBoundingClientRect();
  const seen = [...document.querySelectorAll(".word:not(.lit)")].filter((word) => {
    const box = word.getBoundingClientRect();
    return box.top > list.top && box.bottom < list.bottom;
  });
  const word = seen[Math.floor(seen.length / 2)];
  const began = performance.now();
  word.click();
  while (!word.classList.contains("lit")) await new Promise((resolve) => setTimeout(resolve));
  return performance.now() - began;
}"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        recording = Path(folder) / "two hours.flac"
        soundfile.write(recording, np.zeros(SECONDS * 8000, np.int16), 8000)
        with serving(Path(folder) / "data") as url, browsing(url, "transcribe") as page:
            page.locator("h1").wait_for()
            page.evaluate(KEEP_TWO_HOURS, [JOB, WORDS, SECONDS])
            page.goto(f"{url}/app#/result/{JOB}")
            page.get_by_label("The recording's file").set_input_files(recording)
            page.get_by_role("button", name="Play", exact=True).and_(page.locator(":enabled")).wait_for()
            measure(page)


def measure(page: Any) -> None:
    parts = [(7 * place % PLACES) / (PLACES - 1) for place in range(PLACES)]
    times = [(page.evaluate(SCROLL, part), page.evaluate(LIGHT)) for part in parts]
    for name, column in (("scroll", 0), ("light", 1)):
        taken = sorted(each[column] for each in times)
        print(f"{name}: median {median(taken):.0f} ms, most {taken[-1]:.0f} ms of {PLACES}")


if __name__ == "__main__":
    main()
