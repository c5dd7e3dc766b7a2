"""Spoken and heard again, over HTTP both ways: by whisper-pocket in its domain and by PocketSphinx outside of it."""

import httpx2
import pytest

from tests.conftest import ROOT, fixtures
from tests.wer import word_errors

VOICES = ("en_US-pocket-x_low", "en_US-pocket_slt-x_low")
DOMAIN = [fixture.text for fixture in fixtures("clean") if fixture.language == "en"]
"""Sentences of the kind that whisper-pocket was trained for."""
OTHERS = (ROOT / "models/training/tts/evaluation.txt").read_text().splitlines()[:8]
"""Of those that were written to measure the voices by."""


def heard(server: str, text: str, voice: str, model: str) -> str:
    body = {"model": voice, "voice": voice, "input": text, "response_format": "wav", "sample_rate": 16_000}
    spoken = httpx2.post(f"{server}/v1/audio/speech", json=body, timeout=60).raise_for_status()
    form = {"model": model, "language": "en"}
    files = {"file": ("spoken.wav", spoken.content)}
    reply = httpx2.post(f"{server}/v1/audio/transcriptions", data=form, files=files, timeout=120).raise_for_status()
    text_heard: str = reply.json()["text"]
    return text_heard


def word_error_rate(server: str, texts: list[str], voice: str, model: str) -> float:
    counts = [word_errors(text, heard(server, text, voice, model)) for text in texts]
    return sum(errors for errors, _ in counts) / sum(words for _, words in counts)


@pytest.mark.parametrize("voice", VOICES)
@pytest.mark.parametrize(
    ("model", "texts", "most"), [("whisper-pocket", DOMAIN, 0.05), ("pocketsphinx-en-us", OTHERS, 0.25)]
)
def test_a_recogniser_understands_the_voice(
    server: str, voice: str, model: str, texts: list[str], most: float, capsys: pytest.CaptureFixture[str]
) -> None:
    if model == "pocketsphinx-en-us":
        pytest.importorskip("pocketsphinx")
    rate = word_error_rate(server, texts, voice, model)
    with capsys.disabled():
        print(f"\n{voice} heard by {model}: word error rate {rate:.3f} on {len(texts)} sentences")
    assert rate <= most
