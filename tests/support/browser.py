"""Chromium with the page of a server: every other host is blocked, and a test fails where a script of the page did."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome") or ""
NEEDS_CHROMIUM = [
    pytest.mark.extra,
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed: apt install chromium"),
]
PATIENCE = 240_000
"""Milliseconds that something may take on a machine that does other things too."""
MICROPHONE_RATE = 48_000


@contextmanager
def browsing(url: str, section: str, *arguments: str, **options: Any) -> Iterator[Any]:
    """A page of Playwright at a section of the server's page.

    Args:
        url: of the server.
        section: what follows `#/`.
        arguments: of Chromium.
        options: of the browser's context.
    """
    reason = "playwright is not installed: make test-browser installs it"
    playwright = pytest.importorskip("playwright.sync_api", reason=reason)
    faults: list[str] = []
    with playwright.sync_playwright() as driver:
        # Chromium's own sandbox needs user namespaces, which root in a container has not.
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", *arguments])
        context = browser.new_context(locale="en-GB", **options)
        context.set_default_timeout(PATIENCE)
        playwright.expect.set_options(timeout=PATIENCE)
        page = context.new_page()
        page.on("request", lambda asked: None if ours(url, asked.url) else faults.append(asked.url))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("dialog", lambda dialog: dialog.accept())
        page.goto(f"{url}/app#/{section}")
        yield page
        browser.close()
    assert faults == []


def ours(server: str, url: str) -> bool:
    """Whether an address is the server's, or only in the browser."""
    return url.startswith((server, server.replace("http", "ws", 1), "data:", "blob:"))


def microphone(recording: Path) -> Sequence[str]:
    """Arguments of Chromium: its microphone plays the recording again and again, and pages may listen."""
    return (
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-audio-capture={recording}",
    )


def write_microphone_file(path: Path, recordings: Sequence[Path], silence: float) -> Path:
    """The recordings one after the other as Chromium's microphone takes them.

    Args:
        silence: seconds before the first and after each.
    """
    pause = np.zeros(round(silence * MICROPHONE_RATE), np.float32)
    parts = [pause]
    for recording in recordings:
        samples, rate = soundfile.read(recording, dtype="float32")
        parts += [soxr.resample(samples, rate, MICROPHONE_RATE), pause]
    soundfile.write(path, np.concatenate(parts), MICROPHONE_RATE, subtype="PCM_16")
    return path
