"""Speech from a real server process, by the unmodified SDKs and by hand: decoded again and measured."""

import base64
import json
import re
import socket
import subprocess
import sys
from itertools import pairwise, product
from pathlib import Path

import groq
import httpx2
import numpy as np
import openai
import pytest

from speechd.audio.encode import SAMPLE_RATES
from tests.support.command_line import speechd, speechd_in_process
from tests.support.grids import core_or_grid
from tests.support.played_audio import LOUDEST, decoded, true_peak

TEXT = "I love building and shipping new features for our users!"
FORMATS = {
    "mp3": ("audio/mpeg", "mp3"),
    "flac": ("audio/flac", "flac"),
    "wav": ("audio/wav", "wav"),
    "ogg": ("audio/ogg", "ogg"),
    "opus": ("audio/ogg", "ogg"),
    "aac": ("audio/aac", "aac"),
    "mulaw": ("audio/wav", "wav"),
}


def speech(server: str, prefix: str = "/v1", **fields: object) -> httpx2.Response:
    body = {"model": "tts-1", "voice": "alloy", "input": TEXT} | fields
    return httpx2.post(f"{server}{prefix}/audio/speech", json=body, timeout=120)


@pytest.fixture(scope="module")
def reference(server: str) -> float:
    """Seconds of TEXT at speed 1."""
    samples, rate, _ = decoded(speech(server, response_format="wav").content)
    return len(samples) / rate


def test_groq_as_its_reference_shows(server: str, tmp_path: Path) -> None:
    client = groq.Groq(api_key="unused", base_url=server, max_retries=0)
    reply = client.audio.speech.create(model="playai-tts", voice="Fritz-PlayAI", input=TEXT, response_format="wav")
    reply.write_to_file(tmp_path / "speech.wav")
    samples, rate, kind = decoded((tmp_path / "speech.wav").read_bytes())
    assert (rate, kind) == (48_000, "wav")
    assert 2 < len(samples) / rate < 6


def test_openai_streamed_to_a_file(server: str, tmp_path: Path, reference: float) -> None:
    client = openai.OpenAI(api_key="unused", base_url=f"{server}/v1", max_retries=0)
    create = client.audio.speech.with_streaming_response.create
    with create(model="gpt-4o-mini-tts", voice="coral", input=TEXT, instructions="Cheerfully.") as reply:
        reply.stream_to_file(tmp_path / "speech.mp3")
        assert reply.headers["content-type"] == "audio/mpeg"
        assert reply.headers["x-speechd-voice"] == "en_US-pocket-x_low"
    samples, rate, kind = decoded((tmp_path / "speech.mp3").read_bytes())
    assert (rate, kind) == (24_000, "mp3")
    assert len(samples) / rate == pytest.approx(reference, abs=0.01)


async def test_openai_async_and_its_pcm(server: str, reference: float) -> None:
    async with openai.AsyncOpenAI(api_key="unused", base_url=f"{server}/v1", max_retries=0) as client:
        reply = await client.audio.speech.create(model="tts-1", voice="alloy", input=TEXT, response_format="pcm")
        assert len(reply.content) / 48_000 == pytest.approx(reference, abs=0.01)


def test_groq_streaming_with_rate_and_speed(server: str, reference: float) -> None:
    client = groq.Groq(api_key="unused", base_url=server, max_retries=0)
    create = client.audio.speech.with_streaming_response.create
    options = {"response_format": "flac", "sample_rate": 22050, "speed": 2}
    with create(model="playai-tts", voice="Celeste-PlayAI", input=TEXT, **options) as reply:
        samples, rate, kind = decoded(b"".join(reply.iter_bytes()))
    assert (rate, kind) == (22_050, "flac")
    assert len(samples) / rate == pytest.approx(reference / 2, rel=0.03)


@pytest.mark.parametrize(
    ("name", "rate"),
    core_or_grid(product(sorted(FORMATS), SAMPLE_RATES), lambda name, rate: name == "wav" or rate == 24_000),
)
def test_every_format_at_every_rate(server: str, reference: float, name: str, rate: int) -> None:
    reply = speech(server, "/openai/v1", response_format=name, sample_rate=rate)
    media_type, container = FORMATS[name]
    assert reply.headers["content-type"] == media_type
    samples, found, kind = decoded(reply.content)
    assert (kind, found) == (container, 48_000 if name == "opus" else rate)
    assert len(samples) / found == pytest.approx(reference, abs=0.03 + (1024 / rate if name == "aac" else 0))
    assert 0.2 < true_peak(samples, found) < LOUDEST


@pytest.mark.parametrize(
    ("text", "speed"),
    core_or_grid(
        product(["Yes.", TEXT, "One sentence. And then another one. Third!"], [0.25, 0.5, 0.8, 1.4, 2, 3, 5]),
        lambda text, speed: text == TEXT or speed == 2,
    ),
)
def test_speed_changes_the_length_by_its_factor(server: str, text: str, speed: float) -> None:
    plain, fast = (
        len(speech(server, input=text, response_format="pcm", speed=factor).content) for factor in (1, speed)
    )
    assert plain / fast == pytest.approx(speed, rel=0.03)


def test_server_sent_events_with_captions(server: str) -> None:
    text = "Hello there. It costs $12.50."
    reply = speech(server, input=text, stream_format="sse", captions=True, response_format="wav")
    assert reply.headers["content-type"].startswith("text/event-stream")
    assert "[DONE]" not in reply.text
    events = [json.loads(line[6:]) for line in reply.text.splitlines() if line.startswith("data: {")]
    assert {event["type"] for event in events} == {"speech.audio.captions", "speech.audio.delta", "speech.audio.done"}
    words = [word for event in events for word in event.get("words", ())]
    assert " ".join(word["word"] for word in words) == text
    assert words[-1]["spoken"] == "twelve dollars and fifty cents."
    assert words[-1]["end"] <= events[-1]["usage"]["seconds"]
    assert events[-1]["usage"]["input_tokens"] == len(text)


def test_the_openai_sdk_reads_the_events(server: str) -> None:
    client = openai.OpenAI(api_key="unused", base_url=f"{server}/v1", max_retries=0)
    create = client.audio.speech.with_streaming_response.create
    with create(model="tts-1", voice="alloy", input="Hello.", stream_format="sse") as reply:
        kinds = [json.loads(line[6:])["type"] for line in reply.iter_lines() if line.startswith("data: {")]
    assert kinds[0] == "speech.audio.delta"
    assert kinds[-1] == "speech.audio.done"


def test_mu_law_without_a_header_for_who_asks(server: str, reference: float) -> None:
    body = {"model": "tts-1", "voice": "alloy", "input": TEXT, "response_format": "mulaw", "sample_rate": 8000}
    reply = httpx2.post(f"{server}/v1/audio/speech", json=body, headers={"accept": "audio/basic"})
    assert reply.headers["content-type"] == "audio/basic"
    assert len(reply.content) / 8000 == pytest.approx(reference, abs=0.01)


@pytest.mark.parametrize(
    ("fields", "status", "param"),
    [
        ({"input": ""}, 400, "input"),
        ({"input": "   \n"}, 400, "input"),
        ({"input": None}, 400, "input"),
        ({"input": "你好，世界"}, 400, "input"),
        ({"input": "مرحبا بالعالم"}, 400, "input"),
        ({"input": "\u0000\u0001"}, 400, "input"),
        ({"input": "Привет, как дела?"}, 400, "input"),
        ({"input": "<speak>&x;</speak>"}, 400, "input"),
        ({"input": "<speak>" + "<p>" * 1000}, 400, "input"),
        ({"input": '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><speak>&b;</speak>'}, 400, "input"),
        ({"input": '<!DOCTYPE x SYSTEM "file:///etc/passwd"><speak>a</speak>'}, 400, "input"),
        ({"input": 7}, 400, "input"),
        ({"input": "word " * 200_000}, 413, "input"),
        ({"voice": "zoe"}, 400, "voice"),
        ({"voice": {"id": "zoe"}}, 400, "voice"),
        ({"voice": {}}, 400, "voice"),
        ({"voice": "en_US-pocket-x_low#9"}, 400, "voice"),
        ({"model": "whisper-pocket"}, 400, "model"),
        ({"model": "playai-tts-arabic"}, 400, "model"),
        ({"model": "nonsense"}, 404, "model"),
        ({"response_format": "midi"}, 400, "response_format"),
        ({"sample_rate": 11025}, 400, "sample_rate"),
        ({"speed": 0}, 400, "speed"),
        ({"speed": -1}, 400, "speed"),
        ({"speed": 99}, 400, "speed"),
        ({"speed": "fast"}, 400, "speed"),
        ({"stream_format": "radio"}, 400, "stream_format"),
        ({"captions": "doc"}, 400, "captions"),
    ],
)
@pytest.mark.parametrize("prefix", ["/v1", "/openai/v1"])
def test_what_is_wrong_is_said(server: str, prefix: str, fields: dict[str, object], status: int, param: str) -> None:
    reply = speech(server, prefix, **fields)
    assert (reply.status_code, reply.json()["error"]["param"]) == (status, param), reply.text
    assert len(reply.json()["error"]["message"]) >= 20


@pytest.mark.parametrize("size", [200_001, 1_000_000, 20_000_000])
def test_a_text_that_is_too_long_is_told_the_limit(server: str, size: int) -> None:
    reply = speech(server, input="a " * (size // 2) + "a")
    assert (reply.status_code, reply.json()["error"]["code"]) == (413, "request_too_large")
    assert re.search("200000|1200000", reply.json()["error"]["message"])


@pytest.mark.parametrize(
    "text",
    [
        "Hello 😀 wörld \u0000\u0007 naïve\u200b",
        "a",
        pytest.param("9" * 400, marks=pytest.mark.grid),
        "supercalifragilistic" * 40,
        pytest.param("word " * 400, marks=pytest.mark.grid),
        "<b>not SSML</b> & so on",
        "[[ɑɑɑ]] [[",
        "a" + "." * 150_000,
        "日本語 mixed into a longer English sentence",
        "ALL CAPS!!! WHY??? NASA HTTP",
    ],
)
def test_odd_texts_are_spoken(server: str, text: str) -> None:
    body = json.dumps({"model": "tts-1", "voice": "alloy", "input": text, "response_format": "wav"})
    reply = httpx2.post(
        f"{server}/v1/audio/speech", content=body, headers={"content-type": "application/json"}, timeout=60
    )
    assert reply.status_code == 200, reply.text
    samples, rate, _ = decoded(reply.content)
    assert 0.05 < true_peak(samples, rate) < LOUDEST


def test_joins_do_not_click_and_levels_do_not_jump(server: str) -> None:
    text = "The first one is here. The second one is here. The third one is here. The fourth one is here."
    reply = speech(server, input=text, stream_format="sse", captions=True, response_format="pcm")
    events = [json.loads(line[6:]) for line in reply.text.splitlines() if line.startswith("data: {")]
    audio = b"".join(base64.b64decode(event["audio"]) for event in events if "audio" in event)
    samples = np.frombuffer(audio, "<i2") / 32767
    words = [word for event in events for word in event.get("words", ())]
    for word, following in pairwise(words):
        if word["word"].endswith("."):
            join = samples[round((word["end"] + 0.06) * 24_000) : round((following["start"] - 0.02) * 24_000)]
            assert np.abs(np.diff(join)).max() < 0.05
    sentences = [float(np.sqrt(np.mean(part**2))) for part in np.array_split(samples, 4)]
    assert max(sentences) / min(sentences) < 1.6


def test_audio_leaves_before_the_text_is_spoken(server: str) -> None:
    body = {"model": "tts-1", "voice": "alloy", "input": "A sentence of a long book. " * 5000, "response_format": "wav"}
    with httpx2.stream("POST", f"{server}/v1/audio/speech", json=body, timeout=60) as reply:
        chunks = reply.iter_bytes()
        assert next(chunks)[:4] == b"RIFF"
        assert not reply.is_closed, "there is more to come"


def test_health_answers_while_it_speaks(server: str) -> None:
    body = json.dumps({"model": "tts-1", "voice": "alloy", "input": "A sentence. " * 300, "response_format": "wav"})
    host, port = re.fullmatch(r"http://(.*):(\d+)", server).groups()  # type: ignore[union-attr]
    with socket.create_connection((host, int(port))) as caller:
        head = f"POST /v1/audio/speech HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        caller.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
        assert caller.recv(100).startswith(b"HTTP/1.1 200")
        assert all(httpx2.get(f"{server}/healthz").status_code == 200 for _ in range(20))


def test_voices_are_listed(server: str) -> None:
    listed = httpx2.get(f"{server}/openai/v1/audio/voices").json()
    assert [voice["id"] for voice in listed["data"] if voice["default"]] == ["en_US-pocket-x_low"]
    known = {"id", "voice_id", "object", "name", "language", "languages", "gender", "sample_rate", "sample_url"}
    assert set(listed["data"][0]) == known | {"speakers", "default"}


def test_the_command_line(tmp_path: Path) -> None:
    done = speechd("speak", "Hello there. It is 9:05.", "-o", tmp_path / "a.ogg", "--captions", tmp_path / "a.vtt")
    assert done.returncode == 0, done.stderr
    assert decoded((tmp_path / "a.ogg").read_bytes())[1:] == (24_000, "ogg")
    assert "Hello there." in (tmp_path / "a.vtt").read_text()
    assert "It is 9:05." in (tmp_path / "a.vtt").read_text()
    (tmp_path / "book.txt").write_text("A line of a book.\n" * 40)
    done = speechd("speak", "-i", tmp_path / "book.txt", "-o", tmp_path / "b.mp3", "--sample-rate", 16000)
    assert done.returncode == 0, done.stderr
    assert decoded((tmp_path / "b.mp3").read_bytes())[1] == 16_000


def test_from_standard_input_to_standard_output() -> None:
    command = [sys.executable, "-m", "speechd", "speak"]
    done = subprocess.run(command, input=b"Hello there.", capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr
    samples, rate, kind = decoded(done.stdout)
    assert kind == "wav"
    assert 0.5 < len(samples) / rate < 3


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("", "-o", "x.wav"), "nothing to speak"),
        (("a", "-o", "x.midi"), "--format"),
        (("a", "--speed", "9", "-o", "x.wav"), "--speed"),
        (("a", "--voice", "zoe", "-o", "x.wav"), "no voice"),
        (("a", "--captions", "x.doc", "-o", "x.wav"), "--captions"),
        (("a", "--sample-rate", "11025", "-o", "x.wav"), "--sample-rate"),
        (("a", "-i", "x.txt", "-o", "x.wav"), "not both"),
        (("-i", "x.txt", "-o", "x.wav"), "cannot be read"),
    ],
)
def test_the_command_line_refuses_clearly(tmp_path: Path, words: tuple[str, ...], reason: str) -> None:
    done = speechd_in_process("speak", *(str(tmp_path / word) if word.startswith("x.") else word for word in words))
    assert done.returncode == 1
    assert reason in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    left = [path.name for path in tmp_path.iterdir() if path.name != "share"]  # the data folder, with the voice's gain
    assert not left, "no half a file is left"
