"""A book of a text: memory stays flat while it is spoken, and nobody speaks on to a caller who has left."""

import time
from pathlib import Path

import httpx2
import pytest

from speechd.auth.keys import KeyFile, KeyLimits
from tests.bench.soak import memory
from tests.integration.conftest import serving

SENTENCES = (
    "The ferry leaves at a quarter past nine, so bring a warm jacket and something to read.",
    "Nobody in the village could remember a winter when the lake had stayed open this long.",
    "If the bread sounds hollow when you knock on it, take it out of the oven.",
    "A good map tells you less about the land than a single walk across it.",
)


def text(size: int) -> str:
    """About so many characters."""
    return " ".join(SENTENCES * (size // 300))


def body(size: int, **fields: object) -> dict[str, object]:
    return {"model": "tts-1", "voice": "alloy", "input": text(size)} | fields


@pytest.mark.extra
@pytest.mark.parametrize("format", ["mp3", "flac", "wav"])
def test_memory_is_flat_over_100_kb_of_text(tmp_path: Path, format: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The whole audio would be 200 MB of 16-bit samples; its captions are kept."""
    with serving(tmp_path) as url:
        peaks, sent = [], []
        for size in (3000, 100_000):
            asked = body(size, response_format=format, sample_rate=16_000, captions="srt")
            with httpx2.stream("POST", f"{url}/v1/audio/speech", json=asked, timeout=600) as reply:
                assert reply.status_code == 200
                sent.append(sum(len(chunk) for chunk in reply.iter_raw()))
            peaks.append(memory(url, "VmHWM"))
    with capsys.disabled():
        print(
            f"\n{format}: peak {peaks[0]:.0f} MB after 3 kB of text, {peaks[1]:.0f} MB after 100 kB ({sent[1]} bytes)"
        )
    assert sent[1] > 20 * sent[0]
    assert peaks[1] - peaks[0] < 40


@pytest.mark.slow
def test_hanging_up_stops_the_voice(tmp_path: Path) -> None:
    """What was spoken is charged to the key: it is far from all of it when the voice has become idle."""
    maximum = 100_000
    key = KeyFile(tmp_path / "keys.json").add("anna", KeyLimits(audio_seconds_per_day=maximum))
    headers = {"authorization": f"Bearer {key}"}
    with serving(tmp_path) as url, httpx2.Client(base_url=url, headers=headers, timeout=60) as client:
        with client.stream("POST", "/v1/audio/speech", json=body(100_000, response_format="wav")) as reply:
            assert next(reply.iter_bytes())[:4] == b"RIFF"
        while client.get("/v1/models", params={"loaded": "true"}).json()["data"][0]["speechd"]["loaded"]["users"]:
            time.sleep(0.05)
        left = int(client.get("/openai/v1/models").headers["x-ratelimit-remaining-audio-seconds"])
    assert 1 <= maximum - left < 3000, "all of it would be 6000 s"
