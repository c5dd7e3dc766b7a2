"""Pulls that never end, and models that cannot be loaded."""

import shutil
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import httpx2
import pytest

from speechd.registry.files import LAYOUTS, shipped_models
from tests.conftest import Fixture
from tests.integration.conftest import serving
from tests.integration.hostile.conftest import PATIENCE, probing
from tests.support.crafted_models import CRAFTED


@pytest.fixture
def silent_hub() -> Iterator[str]:
    """Takes connections and says nothing."""
    held: list[socket.socket] = []
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:

        def accept() -> None:
            try:
                while True:
                    held.append(listener.accept()[0])
            except OSError:
                return

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
    for connection in held:
        connection.close()


def transcribed(url: str, fixture: Fixture, model: str = "auto", *, words: bool = False) -> httpx2.Response:
    file, data = {"file": fixture.path.read_bytes()}, {"model": model}
    if words:
        data |= {"response_format": "verbose_json", "timestamp_granularities[]": "word"}
    return httpx2.post(f"{url}/v1/audio/transcriptions", files=file, data=data, timeout=60)


@pytest.mark.slow
def test_pulls_from_a_silent_hub_hold_up_nobody(tmp_path: Path, silent_hub: str, english: Fixture) -> None:
    variables = {"HF_ENDPOINT": silent_hub, "SPEECHD_ALLOW_ANY_MODEL": "true", "HF_HUB_OFFLINE": "0"}
    with serving(tmp_path, **variables) as url:
        assert transcribed(url, english, "whisper-pocket").status_code == 200
        with ThreadPoolExecutor(8) as pool:
            pulls = list(pool.map(lambda n: httpx2.post(f"{url}/v1/models/org/m{n}", timeout=30), range(40)))
        with probing(url) as waits:
            began = time.monotonic()
            reply = transcribed(url, english, "whisper-pocket")
            took = time.monotonic() - began
        pulling = httpx2.get(f"{url}/v1/models/org/m0").json()["speechd"]["pull"]["state"]
    assert sorted({pull.status_code for pull in pulls}) == [202, 503]
    assert {pull.json()["error"]["code"] for pull in pulls if pull.status_code == 503} == {"too_many_pulls"}
    assert reply.status_code == 200
    assert pulling == "pulling", "it was answered while they waited"
    assert took < 8, "a pull gives its hub up after 10 s"
    assert max(waits) < PATIENCE


@pytest.mark.parametrize("fault", ["garbage", "vocabulary", "empty"])
def test_auto_passes_over_a_model_that_cannot_be_loaded(tmp_path: Path, english: Fixture, fault: str) -> None:
    broken = tmp_path / "models" / "broken"
    shutil.copytree(shipped_models() / "whisper-pocket", broken)
    if fault == "vocabulary":
        (broken / "vocabulary.json").write_text("5")
        (broken / "config.json").write_text("[]")
    for name in LAYOUTS["whisper"]:
        if fault != "vocabulary":
            (broken / name).write_bytes(b"" if fault == "empty" else b"no model at all")
    with serving(tmp_path) as url:
        replies = [transcribed(url, english) for _ in range(2)]
        assert httpx2.get(f"{url}/v1/models").status_code == 200
        by_name = transcribed(url, english, "broken")
    assert [reply.status_code for reply in replies] == [200, 200], replies[0].text
    assert replies[0].json()["text"]
    assert fault == "vocabulary" or replies[0].headers["x-speechd-model"] != "broken"
    assert fault == "vocabulary" or by_name.json()["error"]["code"] == "engine_failure"


@pytest.mark.parametrize("fault", CRAFTED)
@pytest.mark.slow
def test_a_model_made_to_break_its_process_does_not_break_the_server(
    tmp_path: Path, english: Fixture, fault: str
) -> None:
    CRAFTED[fault](tmp_path / "models" / "crafted")
    with serving(tmp_path) as url, probing(url) as waits:
        by_name = [transcribed(url, english, "crafted", words=True) for _ in range(2)]
        by_auto = [transcribed(url, english, words=True) for _ in range(2)]
        fine = transcribed(url, english, "whisper-pocket")
    with serving(tmp_path) as url:  # after a restart the verdict is known
        again = transcribed(url, english, "crafted", words=True)
    assert [reply.json()["error"]["code"] for reply in (*by_name, again)] == ["model_broken"] * 3
    assert {reply.status_code for reply in by_name} == {500}
    assert by_name[0].headers["x-should-retry"] == "false"
    assert [reply.status_code for reply in (*by_auto, fine)] == [200, 200, 200], by_auto[0].text
    assert by_auto[0].headers["x-speechd-model"] != "crafted"
    assert max(waits) < float("inf")


def test_a_broken_voice_is_passed_over_where_the_request_names_none(tmp_path: Path) -> None:
    voice = tmp_path / "models" / "en_US-broken-high"
    shutil.copytree(shipped_models() / "en_US-pocket-x_low", voice)
    (name,) = voice.glob("*.onnx")
    name.write_bytes(b"no voice at all")
    for file in voice.glob("*.onnx*"):
        file.rename(voice / file.name.replace("en_US-pocket-x_low", voice.name))
    with serving(tmp_path) as url:
        said = {"model": "auto", "input": "Hello.", "voice": "auto", "response_format": "wav"}
        open_voice = httpx2.post(f"{url}/v1/audio/speech", json=said, timeout=60)
        named = httpx2.post(f"{url}/v1/audio/speech", json={**said, "voice": voice.name}, timeout=60)
    assert open_voice.status_code == 200, open_voice.text
    assert named.json()["error"]["code"] == "engine_failure"
