"""Spoken by joe and heard by whisper-base, over HTTP both ways: `python -m tests.bench.speech_round_trip`.

Prints the word error rate of 100 sentences at speed 1, and of some of them for each format x rate x speed. Both texts
are compared as they are read aloud, so that `$5` and `five dollars` are the same words. The exit status is 1 where the
first rate is above 0.05.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterable
from itertools import product
from pathlib import Path
from typing import Any

import httpx2

from tests.integration.conftest import serving
from tests.real.weights import BASE, JOE, model_folder
from tests.support.reading import said
from tests.support.spoken_sentences import SENTENCES
from tests.support.wer import word_errors

FORMATS = ("wav", "mp3", "opus", "mulaw")
RATES = (8000, 16_000, 24_000)
MAX_RATE = 0.05
SPEEDS = (0.5, 1.0, 1.5, 2.0)


def heard(url: str, text: str, **options: Any) -> str:
    """What whisper-base understands of a text that joe speaks."""
    body = {"model": JOE.name, "voice": JOE.name, "input": text} | options
    spoken = httpx2.post(f"{url}/v1/audio/speech", json=body, timeout=600).raise_for_status()
    form = {"model": BASE.name, "language": "en"}
    files = {"file": ("spoken", spoken.content)}
    reply = httpx2.post(f"{url}/v1/audio/transcriptions", data=form, files=files, timeout=600).raise_for_status()
    understood: str = reply.json()["text"]
    return understood


def errors(text: str, understood: str) -> tuple[int, int]:
    """Wrong words, and words, of two texts as they are read aloud."""
    return word_errors(said(text, "en"), said(understood, "en"))


def word_error_rate(url: str, texts: Iterable[str], show: bool = False, **options: Any) -> float:
    wrong = words = 0
    for text in texts:
        understood = heard(url, text, **options)
        missed, length = errors(text, understood)
        wrong, words = wrong + missed, words + length
        if missed and show:
            print(f"  {missed}: {text!r} -> {understood!r}", flush=True)
    return wrong / words


def with_models(folder: Path) -> Path:
    """A data folder with both models."""
    (folder / "models").mkdir()
    for weights in (BASE, JOE):
        (folder / "models" / weights.name).symlink_to(model_folder(weights))
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sentences", type=int, default=len(SENTENCES))
    parser.add_argument("--each", type=int, default=10, help="sentences for each row of the table")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, serving(with_models(Path(folder))) as url:
        texts = SENTENCES[: arguments.sentences]
        first = rate = word_error_rate(url, texts, show=True, response_format="wav", sample_rate=24_000)
        print(f"{JOE.name} heard by {BASE.name}: word error rate {rate:.3f} on {len(texts)} sentences at speed 1")
        print("| format | Hz | speed | WER |\n|---|---|---|---|", flush=True)
        for format, hertz, speed in product(FORMATS, RATES, SPEEDS) if arguments.each else ():
            options = {"response_format": format, "sample_rate": hertz, "speed": speed}
            rate = word_error_rate(url, SENTENCES[: arguments.each], **options)
            print(f"| {format} | {hertz} | {speed:g} | {rate:.3f} |", flush=True)
    sys.exit(first > MAX_RATE)


if __name__ == "__main__":
    main()
