"""Spoken and heard again, over HTTP both ways: by whisper-pocket in its domain and by PocketSphinx outside of it."""

import httpx2
import pytest

from tests.conftest import fixtures
from tests.support.wer import word_errors

VOICE = "en_US-pocket-x_low"
DOMAIN = [fixture.text for fixture in fixtures("clean") if fixture.language == "en"]
"""Sentences of the kind that whisper-pocket was trained for."""
OTHERS = [
    "The ferry leaves at a quarter past nine, so bring a warm jacket and something to read.",
    "Nobody in the village could remember a winter when the lake had stayed open this long.",
    "My grandmother kept her best buttons in a tin that once held chocolate biscuits.",
    "If the bread sounds hollow when you knock on it, take it out of the oven.",
    "We drove through the night and reached the coast just as the sun came up.",
    "She asked whether the tickets could be changed, but the clerk only shook his head.",
    "A good map tells you less about the land than a single walk across it.",
    "The committee will meet again on Thursday to discuss the broken heating system.",
]
"""Of those that were written to measure the voice by."""


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


@pytest.mark.parametrize(
    ("model", "texts", "maximum"),
    [
        ("whisper-pocket", DOMAIN, 0.05),
        pytest.param("pocketsphinx-en-us", OTHERS, 0.25, marks=pytest.mark.grid),  # it takes as long as the texts last
    ],
)
def test_a_recogniser_understands_the_voice(
    server: str, model: str, texts: list[str], maximum: float, capsys: pytest.CaptureFixture[str]
) -> None:
    if model == "pocketsphinx-en-us":
        pytest.importorskip("pocketsphinx")
    rate = word_error_rate(server, texts, VOICE, model)
    with capsys.disabled():
        print(f"\n{VOICE} heard by {model}: word error rate {rate:.3f} on {len(texts)} sentences")
    assert rate <= maximum
