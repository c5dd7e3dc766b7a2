"""Spoken by joe and Kokoro and heard by whisper-base, over HTTP both ways: `python -m tests.bench.speech_round_trip`.

Prints the word error rate of 100 sentences by each voice at speed 1, of 20 in Kokoro's other languages, and of some by
joe for each format x rate x speed. Both texts are compared as they are read aloud, so that `$5` and `five dollars` are
the same words. The exit status is 1 where one of the English rates at speed 1 is above 0.05.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import httpx2

from tests.integration.conftest import serving
from tests.real.weights import BASE, JOE, KOKORO, model_folder, pulled_folder
from tests.support.reading import said
from tests.support.spoken_sentences import OTHER_LANGUAGES, SENTENCES
from tests.support.wer import word_errors

FORMATS = ("wav", "mp3", "opus", "mulaw")
RATES = (8000, 16_000, 24_000)
MAX_RATE = 0.05
SPEEDS = (0.5, 1.0, 1.5, 2.0)
VOICES = (JOE.name, KOKORO, f"{KOKORO}#bm_george", f"{KOKORO}#af_bella(2)+af_sky(1)")
"""The English ones."""
FIRST = {"es": "ef_dora", "fr": "ff_siwis", "it": "if_sara", "pt": "pf_dora"}
"""Kokoro's speakers of other languages."""
PLAIN = {"response_format": "wav", "sample_rate": 24_000}


def heard(url: str, text: str, spoken_in: str = "en", **options: Any) -> str:
    """What whisper-base understands of a text that a voice speaks: joe, where the options name none."""
    body = {"voice": JOE.name, "input": text} | options
    spoken = httpx2.post(f"{url}/v1/audio/speech", json=body, timeout=600).raise_for_status()
    form = {"model": BASE.name, "language": spoken_in}
    files = {"file": ("spoken", spoken.content)}
    reply = httpx2.post(f"{url}/v1/audio/transcriptions", data=form, files=files, timeout=600).raise_for_status()
    understood: str = reply.json()["text"]
    return understood


def word_error_rate(url: str, texts: Iterable[str], show: bool = False, spoken_in: str = "en", **options: Any) -> float:
    """Wrong words by words, of texts and what is heard of them, both as they are read aloud."""
    wrong = words = 0
    for text in texts:
        understood = heard(url, text, spoken_in, **options)
        missed, length = word_errors(said(text, spoken_in), said(understood, spoken_in))
        wrong, words = wrong + missed, words + length
        if missed and show:
            print(f"  {missed}: {text!r} -> {understood!r}", flush=True)
    return wrong / words


def with_models(folder: Path, *pulled: str) -> Path:
    """A data folder with the recogniser, joe, and what else is pulled."""
    (folder / "models").mkdir()
    for weights in (BASE, JOE):
        (folder / "models" / weights.name).symlink_to(model_folder(weights))
    for name in pulled:
        (folder / "models" / name).symlink_to(pulled_folder(name))
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sentences", type=int, default=len(SENTENCES))
    parser.add_argument("--others", type=int, default=20, help="sentences in each other language")
    parser.add_argument("--each", type=int, default=10, help="sentences for each row of the table")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, serving(with_models(Path(folder), KOKORO)) as url:
        rates = list(_by_voice(url, arguments.sentences))
        _by_language(url, arguments.others)
        _by_format(url, arguments.each)
    sys.exit(any(rate > MAX_RATE for rate in rates))


def _by_voice(url: str, sentences: int) -> Iterator[float]:
    for voice in VOICES if sentences else ():
        rate = word_error_rate(url, SENTENCES[:sentences], show=True, voice=voice, **PLAIN)
        print(f"{voice} heard by {BASE.name}: word error rate {rate:.3f} on {sentences} sentences", flush=True)
        yield rate


def _by_language(url: str, sentences: int) -> None:
    for language, texts in OTHER_LANGUAGES.items() if sentences else ():
        rate = word_error_rate(
            url, texts[:sentences], show=True, spoken_in=language, **PLAIN, voice=f"{KOKORO}#{FIRST[language]}"
        )
        print(f"{language} by Kokoro: word error rate {rate:.3f} on {len(texts[:sentences])} sentences", flush=True)


def _by_format(url: str, sentences: int) -> None:
    """One row for each, by joe."""
    print("| format | Hz | speed | WER |\n|---|---|---|---|", flush=True)
    for format, hertz, speed in product(FORMATS, RATES, SPEEDS) if sentences else ():
        options = {"response_format": format, "sample_rate": hertz, "speed": speed}
        rate = word_error_rate(url, SENTENCES[:sentences], **options)
        print(f"| {format} | {hertz} | {speed:g} | {rate:.3f} |", flush=True)


if __name__ == "__main__":
    main()
