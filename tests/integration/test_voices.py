"""Piper's own voices: pulled by name from a hub on loopback, by command, over HTTP or by asking for one; then heard."""

import io
import json
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import numpy as np
import pytest
import soundfile

from tests.integration.conftest import serving
from tests.integration.test_models import NO_HUB, run
from tests.support.model_hub import PIPER_VOICES, Hub, piper_voice, running_hub
from tests.support.tiny_piper_voice import write_tiny_voice

LESSAC, LIBRITTS = "en_US-lessac-medium", "en_US-libritts-high"
SPEAKERS = {"p3922": 0, "23": 1, "p8699": 2}


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """Piper's repository: a voice with one speaker, which is ours, and one with three, each a tone of its own."""
    several = write_tiny_voice(tmp_path / "several", LIBRITTS, speakers=tuple(SPEAKERS))
    with running_hub(Hub({PIPER_VOICES: piper_voice(LESSAC) | piper_voice(LIBRITTS, several)})) as hub:
        yield hub


def speak(url: str, **fields: str) -> httpx2.Response:
    body = {"model": "tts-1", "voice": "alloy", "input": "One, two, three.", "response_format": "wav"} | fields
    return httpx2.post(f"{url}/v1/audio/speech", json=body, timeout=60)


def hertz(reply: httpx2.Response) -> float:
    """Of the loudest partial."""
    assert reply.status_code == 200, reply.text
    samples, rate = soundfile.read(io.BytesIO(reply.content))
    return float(np.argmax(np.abs(np.fft.rfft(samples))) * rate / len(samples))


@pytest.mark.slow
def test_a_voice_is_pulled_by_command_and_speaks_offline(tmp_path: Path, hub: Hub) -> None:
    data = tmp_path / "data"
    hub.cuts = [1_000_000]  # the connection is lost once
    pulled = run(data, "models", "pull", LESSAC, HF_ENDPOINT=hub.url)
    assert f"{LESSAC} is installed" in pulled.stdout, pulled.stderr
    assert "bytes=1000000-" in [wanted for _, wanted in hub.asked]
    shown = json.loads(run(data, "models", "show", LESSAC).stdout)
    assert (shown["kind"], shown["source"], shown["installed"]) == ("tts", PIPER_VOICES, True)
    said = run(data, "speak", "Hello there.", "-o", str(tmp_path / "a.wav"), SPEECHD_OFFLINE="true", **NO_HUB)
    assert LESSAC in said.stderr, "the better voice is the default now"
    assert soundfile.info(tmp_path / "a.wav").duration > 0.5


@pytest.mark.slow
def test_a_voice_is_pulled_over_http_and_one_of_its_speakers_asked_for(tmp_path: Path, hub: Hub) -> None:
    with serving(tmp_path / "data", HF_ENDPOINT=hub.url) as url:
        refused = speak(url, voice=f"{LIBRITTS}#23")
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "model_not_installed")
        assert f"speechd models pull {LIBRITTS}" in refused.json()["error"]["message"]
        assert refused.headers["x-should-retry"] == "false"
        assert httpx2.post(f"{url}/openai/v1/models/{LIBRITTS}").status_code == 202
        while not httpx2.get(f"{url}/v1/models/{LIBRITTS}").json()["active"]:
            time.sleep(0.02)
        assert _speakers(url) == list(SPEAKERS)
        for speaker, number in (*SPEAKERS.items(), ("2", 2)):
            reply = speak(url, model=LIBRITTS, voice=f"{LIBRITTS}#{speaker}")
            assert reply.headers["x-speechd-voice"] == f"{LIBRITTS}#{speaker}"
            assert hertz(reply) == pytest.approx(150 + 60 * number, abs=2), speaker
        assert hertz(speak(url, model=LIBRITTS, voice="p8699")) == pytest.approx(270, abs=2)
        assert hertz(speak(url, model=LIBRITTS)) == pytest.approx(150, abs=2), "the first, where none is named"
        assert "p3922, 23, p8699" in speak(url, voice=f"{LIBRITTS}#7").json()["error"]["message"]


def _speakers(url: str) -> list[str]:
    voices = httpx2.get(f"{url}/v1/audio/voices").json()["data"]
    return next(voice["speakers"] for voice in voices if voice["id"] == LIBRITTS)


@pytest.mark.parametrize("asked", [{"voice": LESSAC}, {"model": LESSAC}])
@pytest.mark.slow
def test_asking_for_a_voice_pulls_it_where_that_is_allowed(tmp_path: Path, hub: Hub, asked: dict[str, str]) -> None:
    hub.chunk_delay = 0.01
    with serving(tmp_path / "data", HF_ENDPOINT=hub.url, SPEECHD_AUTO_PULL="true") as url:
        refused = speak(url, **asked)
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "model_loading")
        assert int(refused.headers["retry-after"]) >= 1
        while (reply := speak(url, **asked)).status_code == 503:
            assert reply.json()["error"]["code"] == "model_loading", reply.text
            time.sleep(0.05)
        assert (reply.status_code, reply.headers["x-speechd-voice"]) == (200, LESSAC)
        gone = {"voice": "xx_XX-nobody-low"}
        while (reply := speak(url, **gone)).json()["error"]["code"] == "model_loading":
            time.sleep(0.05)
        assert "The last pull failed" in reply.json()["error"]["message"]
        assert reply.headers["x-should-retry"] == "false"
