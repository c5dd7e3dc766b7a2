"""Speech sessions on a real server on loopback: text in pieces, audio while it comes."""

import asyncio
import base64
import io
import json
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import av
import httpx2
import pytest
import soundfile
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from speechd.auth.keys import KeyFile, KeyLimits
from speechd.testing.fake_engines import FakeTts
from speechd.tts.engine import Spoken, SynthesisOptions
from tests.support.processes import eventually
from tests.support.realtime import LiveServer, serving_live, stop, until

PATH = "/v1/audio/speech/stream"
IN_GRID = [pytest.param(name, marks=pytest.mark.grid) for name in ("wav", "ogg", "opus", "aac", "mulaw")]


class GatedTts(FakeTts):
    """Speaks while its gate is open, and chokes on the word `crash`."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.gate.set()

    def synthesize(self, sentence: str, options: SynthesisOptions) -> Spoken:
        spoken = super().synthesize(sentence, options)
        self.gate.wait()
        if "crash" in sentence:
            raise RuntimeError("a secret of the inside")
        return spoken


@pytest.fixture
def voice() -> GatedTts:
    return GatedTts()


@pytest.fixture
async def live(tmp_path: Path, voice: GatedTts) -> AsyncIterator[LiveServer]:
    async with serving_live(tmp_path, lambda *_: voice) as server:
        yield server
        voice.gate.set()


async def send(socket: ClientConnection, type: str, **members: Any) -> None:
    await socket.send(json.dumps({"type": type, **members}))


def audio_of(events: list[dict[str, Any]]) -> bytes:
    return b"".join(base64.b64decode(event["audio"]) for event in events if event["type"] == "speech.audio.delta")


async def test_sentences_are_spoken_while_the_text_comes(live: LiveServer, voice: GatedTts) -> None:
    async with live.connect(PATH) as socket:
        (created,) = await until(socket, "session.created")
        assert created["session"].items() >= {"response_format": "pcm", "voice": "auto", "speed": 1.0}.items()
        for piece in ("One two", " three. ", "Four"):
            await send(socket, "input_text.append", text=piece)
        first = await until(socket, ".delta")  # before the text is complete
        assert voice.said == ["One two three."]
        await send(socket, "input_text.flush")
        *rest, done = await until(socket, ".done")
        assert abs(len(audio_of(first + rest)) / 48_000 - 1.2) < 0.01  # four words, two sentences
        assert done["usage"].items() >= {"input_tokens": 19, "seconds": 1.2, "type": "duration"}.items()


async def test_one_session_speaks_several_texts_and_ends(live: LiveServer) -> None:
    async with live.connect("/openai/v1/audio/speech/stream?response_format=pcm&sample_rate=16000") as socket:
        for text in ("One.", "Two three."):
            await send(socket, "input_text.append", text=text)
            await send(socket, "input_text.flush")
        await send(socket, "session.update", session={"sample_rate": 8000, "speed": 0.5})
        await send(socket, "input_text.append", text="Four")
        await send(socket, "input_text.end")
        lengths = []
        for _ in range(3):
            lengths.append(len(audio_of(await until(socket, ".done"))))
        assert lengths == pytest.approx([0.4 * 32_000, 0.6 * 32_000, 0.8 * 16_000], abs=400)
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1000


@pytest.mark.parametrize("format", ["mp3", "flac", *IN_GRID])
async def test_a_text_is_one_file_of_any_format(live: LiveServer, format: str) -> None:
    async with live.connect(f"{PATH}?response_format={format}") as socket:
        for text in ("One two three. ", "Four five six. ", "Seven."):
            await send(socket, "input_text.append", text=text)
        await send(socket, "input_text.flush")
        file = io.BytesIO(audio_of(await until(socket, ".done")))
    with av.open(file) as container:
        seconds = sum(frame.samples / frame.sample_rate for frame in container.decode(audio=0))
    assert seconds == pytest.approx(2.0, abs=0.2)
    if format == "flac":
        file.seek(0)
        assert soundfile.info(file).duration == pytest.approx(2.0, abs=0.01)


@pytest.mark.parametrize(
    ("message", "code", "param"),
    [
        ("{", "invalid_json", None),
        (b"xx", "invalid_json", None),
        ("[]", "invalid_json", None),
        ('{"type": "input_text.shout"}', "unknown_event", "type"),
        ('{"type": "input_text.append"}', None, "text"),
        ('{"type": "session.update"}', None, "session"),
        ('{"type": "session.update", "session": {"speed": 9}}', None, "speed"),
        ('{"type": "session.update", "session": {"response_format": "midi"}}', None, "response_format"),
        ('{"type": "session.update", "session": {"voice": "nobody"}}', "voice_not_found", "voice"),
        (json.dumps({"type": "input_text.append", "text": "x" * 101}), "request_too_large", "text"),
        ('{"type": "input_text.append", "text": "Привет. "}', "unsupported_script", "input"),
        ('{"type": "input_text.append", "text": "A crash. "}', "internal_error", None),
    ],
)
async def test_an_error_is_told_and_the_session_goes_on(
    tmp_path: Path, voice: GatedTts, message: str | bytes, code: str | None, param: str | None
) -> None:
    async with (
        serving_live(tmp_path, lambda *_: voice, max_speech_characters=100) as live,
        live.connect(PATH) as socket,
    ):
        await socket.send(message)
        error = (await until(socket, "error"))[-1]["error"]
        assert (error["code"], error["param"]) == (code, param)
        assert "secret" not in error["message"]
        await send(socket, "input_text.append", text="Still here.")
        await send(socket, "input_text.flush")
        assert audio_of(await until(socket, ".done"))


@pytest.mark.parametrize(
    ("query", "status"), [("voice=nobody", 400), ("model=no-such-model", 404), ("speed=9", 400), ("sample_rate=7", 400)]
)
async def test_a_bad_opening_gets_a_status(live: LiveServer, query: str, status: int) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with live.connect(f"{PATH}?{query}"):
            pass
    assert refused.value.response.status_code == status
    assert json.loads(refused.value.response.body or b"")["error"]["message"]


async def test_keys_and_origins_are_checked_as_over_http(tmp_path: Path, voice: GatedTts) -> None:
    keys = KeyFile(tmp_path / "keys.json")
    speaks, listens = keys.add("a", KeyLimits(), ("speak",)), keys.add("b", KeyLimits(), ("transcribe",))
    async with serving_live(tmp_path, lambda *_: voice) as live:
        assert await status(live, {}) == 401
        assert await status(live, {"authorization": f"Bearer {listens}"}) == 403
        assert await status(live, {"authorization": f"Bearer {speaks}"}) == 101
        async with live.connect(PATH, subprotocols=["realtime", f"openai-insecure-api-key.{speaks}"]) as socket:
            assert socket.subprotocol == "realtime"


async def test_a_foreign_page_cannot_open_a_session(live: LiveServer) -> None:
    assert await status(live, {"origin": "https://evil.example"}) == 403
    assert await status(live, {"origin": live.url}) == 101


async def status(live: LiveServer, headers: dict[str, str]) -> int:
    try:
        async with live.connect(PATH, additional_headers=headers):
            return 101
    except InvalidStatus as refused:
        return refused.response.status_code


async def test_speech_is_charged_to_the_key_and_limited(tmp_path: Path, voice: GatedTts) -> None:
    key = KeyFile(tmp_path / "keys.json").add("a", KeyLimits(audio_seconds_per_hour=1))
    headers = {"authorization": f"Bearer {key}"}
    async with (
        serving_live(tmp_path, lambda *_: voice) as live,
        live.connect(PATH, additional_headers=headers) as socket,
    ):
        for words, end in ((6, ".done"), (1, "error")):
            await send(socket, "input_text.append", text="word " * words)
            await send(socket, "input_text.flush")
            last = (await until(socket, end))[-1]
        assert last["error"]["code"] == "rate_limit_exceeded"


async def test_a_client_that_leaves_stops_the_voice(live: LiveServer, voice: GatedTts) -> None:
    voice.gate.clear()
    async with live.connect(PATH) as socket:
        await send(socket, "input_text.append", text="One is spoken. " * 100)
        assert await asyncio.to_thread(eventually, lambda: voice.said)
    voice.gate.set()
    assert await asyncio.to_thread(eventually, lambda: live.app.state.realtime.sessions == 0)
    await asyncio.sleep(0.2)
    assert len(voice.said) <= 2  # the sentence under way, and the one taken ahead


async def test_a_writer_faster_than_the_voice_waits(live: LiveServer, voice: GatedTts) -> None:
    voice.gate.clear()
    async with live.connect(PATH, write_limit=1000) as socket:
        await send(socket, "input_text.append", text="First.\n")
        assert await asyncio.to_thread(eventually, lambda: voice.said)
        sentence = "word " * 40 + "end.\n"
        for _ in range(3):
            await send(socket, "input_text.append", text=sentence * 10)
        await send(socket, "input_text.flush")
        voice.gate.set()
        *_, done = await until(socket, ".done")
        assert done["usage"]["input_tokens"] == 7 + 30 * len(sentence)  # nothing was lost


async def test_what_was_written_is_spoken_when_the_server_stops(live: LiveServer, voice: GatedTts) -> None:
    voice.gate.clear()
    async with live.connect(PATH) as socket:
        await send(socket, "input_text.append", text="One two. Three")
        assert await asyncio.to_thread(eventually, lambda: voice.said)
        stop(live.server)
        await asyncio.sleep(0.1)
        voice.gate.set()
        await until(socket, ".done")
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1001


async def test_a_plain_request_is_told_to_open_a_socket(live: LiveServer) -> None:
    async with httpx2.AsyncClient() as client:
        reply = await client.get(f"{live.url}{PATH}")
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "websocket_required")
