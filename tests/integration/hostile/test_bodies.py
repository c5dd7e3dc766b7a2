"""Bodies that cost more than they say."""

import base64
import json
import threading
from typing import Any

import httpx2
import pytest

from tests.bench.soak import memory
from tests.conftest import Fixture
from tests.integration.hostile.conftest import PATIENCE, probing

TRANSCRIPTIONS = "/v1/audio/transcriptions"
JSON = {"content-type": "application/json"}


def attacked(url: str, *requests: tuple[str, bytes]) -> tuple[list[httpx2.Response], float, float]:
    """The replies to all at once, the longest wait of a probe meanwhile in seconds, and the growth of memory in MB."""
    replies: list[httpx2.Response] = []
    before = memory(url, "VmHWM")

    def send(path: str, body: bytes) -> None:
        replies.append(httpx2.post(url + path, content=body, headers=JSON, timeout=120))

    with probing(url) as waits:
        threads = [threading.Thread(target=send, args=request) for request in requests]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return replies, max(waits), memory(url, "VmHWM") - before


def recording(fixture: Fixture, **fields: Any) -> bytes:
    audio = base64.b64encode(fixture.path.read_bytes()).decode()
    return json.dumps({"model": "whisper-pocket", "url": f"data:audio/flac;base64,{audio}"} | fields).encode()


def test_a_prompt_of_twenty_megabytes(server: str, english: Fixture) -> None:
    words = "the quick brown fox " * 1_000_000
    bodies = [recording(english, prompt=words), recording(english, keywords=words.split()[:1_000_000])]
    replies, wait, grown = attacked(server, *((TRANSCRIPTIONS, body) for body in bodies))
    assert [reply.status_code for reply in replies] == [400, 400]
    assert wait < PATIENCE
    assert grown < 500


def test_a_long_prompt_is_cut_to_what_is_used(server: str, english: Fixture) -> None:
    """The same text with and without the part that no model can use."""
    told = english.text + " "
    form = {"model": "whisper-pocket", "prompt": "zebra " * 150_000 + told * 100}
    with probing(server) as waits:
        long = httpx2.post(server + TRANSCRIPTIONS, data=form, files={"file": english.path.read_bytes()}, timeout=60)
    short = httpx2.post(
        server + TRANSCRIPTIONS,
        data=form | {"prompt": told * 100},
        files={"file": english.path.read_bytes()},
        timeout=60,
    )
    assert long.status_code == 200
    assert long.json()["text"] == short.json()["text"]
    assert max(waits) < PATIENCE


@pytest.mark.parametrize("path", [TRANSCRIPTIONS, "/v1/chat/completions", "/openai/v1/embeddings", "/v1/batches"])
@pytest.mark.parametrize("piece", [b"[],", b'{"":0},', b"[" * 50 + b"]" * 50 + b","], ids=["lists", "objects", "deep"])
def test_many_values(server: str, path: str, piece: bytes) -> None:
    body = b'{"model": "m", "messages": [' + piece * (20_000_000 // len(piece)) + b"0]}"
    (reply,), wait, grown = attacked(server, (path, body))
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "json_too_complex")
    assert wait < PATIENCE
    assert grown < 400


@pytest.mark.parametrize("path", [TRANSCRIPTIONS, "/v1/chat/completions", "/v1/batches"])
def test_a_hundred_megabytes_of_json(server: str, path: str) -> None:
    (reply,), wait, grown = attacked(server, (path, b"[" + b"[]," * 33_000_000 + b"0]"))
    assert reply.status_code == 413
    assert wait < PATIENCE
    assert grown < 200


@pytest.mark.parametrize("field", ["prompt", "keywords", "hotwords", "language", "model", "url"])
def test_half_a_surrogate_pair_in_a_transcription(server: str, english: Fixture, field: str) -> None:
    half = ["a\ud83d"] if field in ("keywords", "hotwords") else "a\ud83d"
    reply = httpx2.post(server + TRANSCRIPTIONS, content=recording(english, **{field: half}), headers=JSON)
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, field)


@pytest.mark.parametrize("field", ["input", "voice", "model", "instructions"])
def test_half_a_surrogate_pair_in_a_speech(server: str, field: str) -> None:
    body = {"model": "auto", "voice": "auto", "input": "Hello."} | {field: "a\udc00"}
    reply = httpx2.post(f"{server}/v1/audio/speech", content=json.dumps(body), headers=JSON)
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, field)


def test_a_whole_pair_is_text(server: str, english: Fixture) -> None:
    reply = httpx2.post(server + TRANSCRIPTIONS, content=recording(english, prompt="\U0001f600"), headers=JSON)
    assert reply.status_code == 200


def test_a_recording_in_the_url_of_a_form_is_never_in_memory_whole(server: str) -> None:
    """Ninety megabytes of base64, which are no recording in the end."""
    head = b'--x\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-pocket\r\n'
    head += b'--x\r\nContent-Disposition: form-data; name="url"\r\n\r\ndata:audio/wav;base64,'
    headers = {"content-type": "multipart/form-data; boundary=x"}
    before = memory(server, "VmHWM")
    with probing(server) as waits:
        body = head + b"AAAA" * 22_500_000 + b"\r\n--x--\r\n"
        reply = httpx2.post(server + TRANSCRIPTIONS, content=body, headers=headers, timeout=60)
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "unsupported_audio_format")
    assert memory(server, "VmHWM") - before < 60
    assert max(waits) < PATIENCE
