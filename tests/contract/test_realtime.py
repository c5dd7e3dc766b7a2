"""Realtime sessions on a real server on loopback, with OpenAI's own client and with a bare WebSocket."""

import asyncio
import base64
import json
import socket as socket_module
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from pydantic import SecretStr
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from speechd.auth.keys import KeyFile, KeyLimits
from speechd.testing.fake_engines import FakeAsr
from tests.support.realtime import LiveServer, append, pcm, serving_live, stop, texts, until, update

VAD = {"type": "server_vad", "silence_duration_ms": 300}
MANUAL = {"audio": {"input": {"turn_detection": None}}}


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[LiveServer]:
    async with serving_live(tmp_path) as server:
        yield server


def sdk(live: LiveServer, key: str = "none") -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"{live.url}/v1", api_key=key, max_retries=0)


async def heard(live: LiveServer, session: dict[str, Any], audio: bytes, *, commit: bool) -> list[Any]:
    """The events of OpenAI's client up to the text of one turn."""
    events: list[Any] = []
    async with sdk(live) as client, client.realtime.connect(extra_query={"intent": "transcription"}) as connection:
        await connection.session.update(session={"type": "transcription", **session})  # type: ignore[arg-type]
        for start in range(0, len(audio), 4801):  # an odd number: half samples
            piece = base64.b64encode(audio[start : start + 4801]).decode()
            await connection.input_audio_buffer.append(audio=piece)
        if commit:
            await connection.input_audio_buffer.commit()
        async with asyncio.timeout(30):
            async for event in connection:
                events.append(event)
                if event.type.endswith((".completed", ".failed")) or event.type == "error":
                    break
    return events


async def test_the_sdk_hears_a_turn_that_the_server_detects(live: LiveServer) -> None:
    events = await heard(live, {"audio": {"input": {"turn_detection": VAD}}}, pcm(), commit=False)
    types = [event.type for event in events if not event.type.endswith(".delta")]
    assert types == [
        "session.created",
        "session.updated",
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "conversation.item.input_audio_transcription.completed",
    ]
    session, started, stopped, committed, completed = (*events[1:2], *(_of(events, name) for name in ENDS))
    assert session.session.audio.input.turn_detection.silence_duration_ms == 300
    assert {started.item_id, stopped.item_id, committed.item_id, completed.item_id} == {completed.item_id}
    assert 0 <= started.audio_start_ms < 600 < stopped.audio_end_ms
    assert completed.transcript.startswith("speech at")
    assert completed.usage.seconds >= 2
    deltas = [event.delta for event in events if event.type.endswith(".delta")]
    assert "".join(deltas) == completed.transcript


ENDS = ("speech_started", "speech_stopped", ".committed", ".completed")


def _of(events: list[Any], end: str) -> Any:
    return next(event for event in events if event.type.endswith(end))


@pytest.mark.parametrize(
    "format",
    [
        {"type": "audio/pcm", "rate": 8000},
        {"type": "audio/pcm", "rate": 48_000},
        {"type": "audio/pcmu"},
        {"type": "audio/pcma"},
    ],
    ids=lambda format: f"{format['type']}-{format.get('rate', 8000)}",
)
async def test_a_commit_ends_a_turn_in_every_format(live: LiveServer, format: dict[str, Any]) -> None:
    audio = pcm(rate=format.get("rate", 8000), silence=0)
    if format["type"] != "audio/pcm":
        audio = g711(audio, format["type"])
    events = await heard(live, {"audio": {"input": {"format": format, "turn_detection": None}}}, audio, commit=True)
    assert not any("speech_" in event.type for event in events)
    assert _of(events, ".completed").transcript.startswith("speech at")
    assert _of(events, ".completed").usage.seconds == 3


def g711(audio: bytes, type: str) -> bytes:
    """Encodes as libsndfile does."""
    import io

    import numpy as np
    import soundfile

    file = io.BytesIO()
    subtype = "ULAW" if type == "audio/pcmu" else "ALAW"
    soundfile.write(file, np.frombuffer(audio, "<i2"), 8000, format="RAW", subtype=subtype)
    return file.getvalue()


async def test_two_turns_have_an_order(live: LiveServer) -> None:
    async with live.connect() as socket:
        await socket.send(update(audio={"input": {"turn_detection": VAD}}))
        await socket.send(append(pcm() + pcm()))
        events = await until(socket, ".completed")
        events += await until(socket, ".completed")
    committed = [event for event in events if event["type"].endswith(".committed")]
    assert committed[0]["previous_item_id"] is None
    assert committed[1]["previous_item_id"] == committed[0]["item_id"]
    assert len({event["event_id"] for event in events}) == len(events)


async def test_a_commit_cuts_a_turn_that_the_server_detects(live: LiveServer) -> None:
    async with live.connect() as socket:
        await socket.send(append(pcm(silence=0)))
        await socket.send(json.dumps({"type": "input_audio_buffer.commit"}))
        events = await until(socket, ".completed")
    types = [event["type"] for event in events]
    assert "input_audio_buffer.speech_started" in types
    assert "input_audio_buffer.speech_stopped" not in types


async def test_words_and_logprobs_are_given_where_they_are_included(live: LiveServer) -> None:
    names = ["item.input_audio_transcription.logprobs", "item.input_audio_transcription.words"]
    async with live.connect() as socket:
        await socket.send(update(include=names, **MANUAL))
        await socket.send(append(pcm(silence=0)))
        await socket.send(json.dumps({"type": "input_audio_buffer.commit"}))
        completed = (await until(socket, ".completed"))[-1]
    assert [word["word"] for word in completed["words"]] == completed["transcript"].split()
    assert completed["logprobs"][0]["logprob"] < 0
    assert completed["languages"] == [{"code": "en"}]


async def test_silence_is_an_empty_text(live: LiveServer) -> None:
    async with live.connect() as socket:
        await socket.send(update(**MANUAL))
        await socket.send(append(bytes(48_000)))
        await socket.send(json.dumps({"type": "input_audio_buffer.commit"}))
        assert texts(await until(socket, ".completed")) == [""]


async def test_a_cleared_buffer_has_no_text(live: LiveServer) -> None:
    async with live.connect() as socket:
        await socket.send(update(**MANUAL))
        for _ in range(2):  # an empty one, too
            await socket.send(json.dumps({"type": "input_audio_buffer.clear"}))
            await until(socket, "buffer.cleared")
            await socket.send(append(pcm(silence=0)))
        await socket.send(json.dumps({"type": "input_audio_buffer.clear"}))
        await socket.send(json.dumps({"type": "input_audio_buffer.commit"}))
        events = await until(socket, "error")
    assert events[-1]["error"]["code"] == "input_audio_buffer_commit_empty"
    assert texts(events) == []


async def test_without_a_transcription_turns_are_told_and_no_text(live: LiveServer) -> None:
    async with live.connect() as socket:
        await socket.send(update(audio={"input": {"transcription": None, "turn_detection": VAD}}))
        await socket.send(append(pcm()))
        await until(socket, "item.done")
        await socket.send(json.dumps({"type": "input_audio_buffer.clear"}))
        assert [event["type"] for event in await until(socket, "cleared")] == ["input_audio_buffer.cleared"]


MALFORMED: list[tuple[str | bytes, str | None, str | None]] = [
    ("{", "invalid_json", None),
    ("[]", "invalid_json", None),
    ("[" * 200, "json_too_complex", None),
    ('{"type": 3}', None, "type"),
    ("{}", None, "type"),
    (b"\x00\x01", "invalid_json", None),
    ('{"type": "nothing.known"}', "unknown_event", "type"),
    ('{"type": "response.create"}', "unsupported", "type"),
    ('{"type": "conversation.item.delete", "item_id": "item_1"}', "unsupported", "type"),
    ('{"type": "input_audio_buffer.append"}', None, "audio"),
    ('{"type": "input_audio_buffer.append", "audio": "*"}', "invalid_base64", "audio"),
    ('{"type": "input_audio_buffer.append", "audio": "a\\ud800"}', None, "audio"),
    ('{"type": "input_audio_buffer.commit"}', "input_audio_buffer_commit_empty", None),
    ('{"type": "session.update"}', None, "session"),
    (update(type="realtime"), "unsupported", "session.type"),
    (update(audio=3), None, "session.audio"),
    (update(audio={"input": {"turn_detection": {"threshold": 2}}}), None, "turn_detection.threshold"),
    (update(audio={"input": {"format": {"type": "audio/pcm", "rate": 4000}}}), None, "format.rate"),
    (update(audio={"input": {"format": {"type": "audio/opus"}}}), None, "format"),
    (update(audio={"input": {"transcription": {"model": "nobody"}}}), "model_not_found", "model"),
    (update(audio={"input": {"transcription": {"language": "xx-unknown"}}}), None, "language"),
    (update(input_audio_format="mp3"), None, "session.input_audio_format"),
    (update(include=7), None, "session.include"),
]


async def test_a_malformed_event_is_one_error_and_changes_nothing(live: LiveServer) -> None:
    async with live.connect() as socket:
        before = (await until(socket, "created"))[0]["session"]
        for message, code, param in MALFORMED:
            await socket.send(message)
            error = json.loads(await socket.recv())
            await socket.send(update())
            after = json.loads(await socket.recv())
            assert error["type"] == "error", message
            assert error["error"].keys() == {"type", "code", "message", "param", "event_id"}
            assert code is None or error["error"]["code"] == code, (message, error)
            assert (error["error"]["param"] or "").endswith(param or ""), (message, error)
            assert (after["type"], after["session"]) == ("session.updated", before), message


async def test_an_error_names_the_event_that_it_answers(live: LiveServer) -> None:
    async with live.connect() as socket:
        await socket.send(json.dumps({"type": "response.create", "event_id": "mine"}))
        assert (await until(socket, "error"))[-1]["error"]["event_id"] == "mine"


async def test_an_update_changes_what_it_names(live: LiveServer) -> None:
    async with live.connect() as socket:
        await until(socket, "created")
        await socket.send(update(audio={"input": {"transcription": {"language": "de"}}}))
        await socket.send(update(audio={"input": {"turn_detection": {"type": "semantic_vad", "eagerness": "low"}}}))
        await socket.send(update(audio={"input": {"turn_detection": None, "format": None}}))
        await socket.send(update(audio={"input": {"turn_detection": {"threshold": 0.7}}}, unknown=1))
        sessions = [(await until(socket, "updated"))[-1]["session"]["audio"]["input"] for _ in range(4)]
    assert [each["transcription"]["language"] for each in sessions] == ["de"] * 4
    assert [(each["turn_detection"] or {}).get("type") for each in sessions] == [
        "server_vad",
        "semantic_vad",
        None,
        "server_vad",
    ]
    assert sessions[3]["format"] == {"type": "audio/pcm", "rate": 24_000}
    assert sessions[3]["turn_detection"]["threshold"] == 0.7


async def test_the_beta_shape_is_answered_to_those_who_speak_it(live: LiveServer) -> None:
    async with live.connect(additional_headers={"OpenAI-Beta": "realtime=v1"}) as socket:
        created = json.loads(await socket.recv())
        session = {"input_audio_format": "g711_ulaw", "input_audio_transcription": {"model": "whisper-1"}}
        await socket.send(json.dumps({"type": "transcription_session.update", "session": session}))
        updated = json.loads(await socket.recv())
        await socket.send(append(g711(pcm(rate=8000), "audio/pcmu")))
        events = await until(socket, ".completed")
    assert created["type"] == "transcription_session.created"
    assert updated["type"] == "transcription_session.updated"
    assert updated["session"]["input_audio_format"] == "g711_ulaw"
    assert updated["session"]["input_audio_transcription"]["model"] == "whisper-1"
    assert [event["type"] for event in events if event["type"].startswith("conversation.item.c")] == [
        "conversation.item.created"
    ]


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("/v1/realtime", "auto"),
        ("/openai/v1/realtime?intent=transcription", "auto"),
        ("/v1/realtime?model=whisper-1", "whisper-1"),
        ("/v1/realtime?model=gpt-realtime", "auto"),
        ("/v1/realtime/?intent=transcription&model=gpt-4o-transcribe&language=de", "gpt-4o-transcribe"),
    ],
)
async def test_where_a_session_is_opened(live: LiveServer, path: str, model: str) -> None:
    async with live.connect(path) as socket:
        created = json.loads(await socket.recv())
    assert created["session"]["audio"]["input"]["transcription"]["model"] == model


@pytest.mark.parametrize(
    ("path", "status"), [("/v1/realtime?model=nobody", 404), ("/v1/elsewhere", 404), ("/v1/audio/speech", 404)]
)
async def test_what_cannot_be_opened_has_a_status(live: LiveServer, path: str, status: int) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with live.connect(path):
            pass
    assert refused.value.response.status_code == status
    assert json.loads(refused.value.response.body)["error"]["message"]


async def test_a_plain_request_is_told_to_open_a_socket(live: LiveServer) -> None:
    async with httpx2.AsyncClient() as client:
        reply = await client.get(f"{live.url}/v1/realtime")
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "websocket_required")


@pytest.mark.parametrize("way", ["header", "x-api-key", "query", "subprotocol"])
async def test_a_key_comes_in_several_ways(tmp_path: Path, way: str) -> None:
    async with serving_live(tmp_path, api_key=SecretStr("sk-right")) as live:
        for key in ("sk-right", "sk-wrong"):
            opening = {
                "header": live.connect(additional_headers={"Authorization": f"Bearer {key}"}),
                "x-api-key": live.connect(additional_headers={"X-API-Key": key}),
                "query": live.connect(f"/v1/realtime?api_key={key}"),
                "subprotocol": live.connect(subprotocols=["realtime", f"openai-insecure-api-key.{key}"]),
            }[way]
            if key == "sk-right":
                async with opening as socket:
                    assert json.loads(await socket.recv())["type"] == "session.created"
                    assert socket.subprotocol == ("realtime" if way == "subprotocol" else None)
            else:
                with pytest.raises(InvalidStatus) as refused:
                    async with opening:
                        pass
                assert refused.value.response.status_code == 401


async def test_pages_of_other_sites_open_nothing(live: LiveServer) -> None:
    rebound = connect("ws://evil.example/v1/realtime", host="127.0.0.1", port=live.port, proxy=None)
    for opening in (live.connect(additional_headers={"Origin": "https://evil.example"}), rebound):
        with pytest.raises(InvalidStatus) as refused:
            async with opening:
                pass
        assert refused.value.response.status_code == 403
    async with live.connect(additional_headers={"Origin": live.url}) as socket:
        assert json.loads(await socket.recv())["type"] == "session.created"


async def test_a_client_secret_opens_sessions_with_its_settings(tmp_path: Path) -> None:
    owner = KeyFile(tmp_path / "keys.json").add("anna", KeyLimits(requests_per_day=4))
    async with serving_live(tmp_path) as live:
        async with sdk(live, owner) as client:
            secret = await client.realtime.client_secrets.create(
                expires_after={"anchor": "created_at", "seconds": 60},
                session={"type": "transcription", "audio": {"input": {"transcription": {"language": "de"}}}},
            )
        assert secret.value.startswith("ek_")
        for _ in range(2):
            async with live.connect(subprotocols=["realtime", f"openai-insecure-api-key.{secret.value}"]) as socket:
                session = json.loads(await socket.recv())["session"]
                assert session["audio"]["input"]["transcription"]["language"] == "de"
        async with httpx2.AsyncClient(headers={"authorization": f"Bearer {secret.value}"}) as client:
            assert (await client.get(f"{live.url}/v1/models")).status_code == 401
        assert await _refusal(live, secret.value + "A") == 401
        async with live.connect(additional_headers={"Authorization": f"Bearer {secret.value}"}):
            pass
        assert await _refusal(live, secret.value) == 429  # the owner's limit
        KeyFile(tmp_path / "keys.json").revoke("anna")
        assert await _refusal(live, secret.value) == 401


async def _refusal(live: LiveServer, key: str) -> int:
    with pytest.raises(InvalidStatus) as refused:
        async with live.connect(additional_headers={"Authorization": f"Bearer {key}"}):
            pass
    return refused.value.response.status_code


async def test_the_betas_secret_has_its_shape(live: LiveServer) -> None:
    async with httpx2.AsyncClient(base_url=live.url) as client:
        body = {"input_audio_format": "g711_alaw", "turn_detection": None}
        made = (await client.post("/openai/v1/realtime/transcription_sessions", json=body)).json()
        refused = await client.post("/v1/realtime/client_secrets", json={"expires_after": {"seconds": 5}})
    assert made["input_audio_format"] == "g711_alaw"
    assert refused.json()["error"]["param"] == "expires_after"
    async with live.connect(additional_headers={"Authorization": f"Bearer {made['client_secret']['value']}"}) as socket:
        session = json.loads(await socket.recv())["session"]
    assert session["audio"]["input"]["format"]["type"] == "audio/pcma"
    assert session["audio"]["input"]["turn_detection"] is None


async def test_a_key_has_its_share_of_the_sessions(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "keys.json")
    anna, ben = (file.add(name, KeyLimits()) for name in ("anna", "ben"))
    async with serving_live(tmp_path, max_realtime_sessions=4) as live:
        headers = [{"Authorization": f"Bearer {key}"} for key in (anna, ben)]
        async with live.connect(additional_headers=headers[1]):
            async with live.connect(additional_headers=headers[0]), live.connect(additional_headers=headers[0]):
                assert await _refusal(live, anna) == 503
                async with live.connect(additional_headers=headers[1]):
                    pass
            async with live.connect(additional_headers=headers[0]):
                pass


async def test_audio_counts_against_the_key(tmp_path: Path) -> None:
    key = KeyFile(tmp_path / "keys.json").add("anna", KeyLimits(audio_seconds_per_day=4))
    async with (
        serving_live(tmp_path) as live,
        live.connect(additional_headers={"Authorization": f"Bearer {key}"}) as socket,
    ):
        await socket.send(update(**MANUAL))
        for silence, end in enumerate((".completed", ".failed")):
            await socket.send(append(pcm(silence=silence)))
            await socket.send(json.dumps({"type": "input_audio_buffer.commit"}))
            events = await until(socket, ".completed", ".failed")
            assert events[-1]["type"].endswith(end), events[-1]
    assert events[-1]["error"]["code"] == "rate_limit_exceeded"


class Broken(FakeAsr):
    """A recogniser that fails."""

    def decode(self, jobs: Any) -> Any:
        raise RuntimeError("a secret of the inside")


async def test_a_turn_that_fails_is_no_error_of_the_session(tmp_path: Path) -> None:
    async with serving_live(tmp_path, lambda *_: Broken()) as live, live.connect() as socket:
        await socket.send(append(pcm()))
        failed = (await until(socket, ".failed"))[-1]
        await socket.send(update())
        assert (await until(socket, ".updated"))[-1]
    assert failed["error"]["code"] == "internal_error"
    assert "secret" not in failed["error"]["message"]


async def test_nobody_has_to_end_a_turn(tmp_path: Path) -> None:
    """A client that never commits: its turns are cut, so that they are bounded."""
    async with serving_live(tmp_path, max_realtime_turn=2) as live, live.connect() as socket:
        await socket.send(update(**MANUAL))
        for _ in range(2):
            await socket.send(append(pcm(silence=0)))
        assert len(texts(await until(socket, ".completed"))) == 1


async def test_a_message_has_a_limit(tmp_path: Path) -> None:
    async with serving_live(tmp_path, max_realtime_message_bytes=10_000) as live, live.connect() as socket:
        await until(socket, "created")
        await socket.send(append(bytes(20_000)))
        with pytest.raises(ConnectionClosed) as closed:
            await until(socket, "error")
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


async def test_a_session_ends(tmp_path: Path) -> None:
    async with serving_live(tmp_path, max_realtime_seconds=0.3) as live, live.connect() as socket:
        assert (await until(socket, "error"))[-1]["error"]["code"] == "session_expired"
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1000


async def test_a_stopping_server_still_sends_the_text_of_committed_turns(tmp_path: Path) -> None:
    async with serving_live(tmp_path, lambda *_: FakeAsr(delay=0.5)) as live, live.connect() as socket:
        await socket.send(update(**MANUAL))
        await socket.send(append(pcm(silence=0)))
        await socket.send(json.dumps({"type": "input_audio_buffer.commit"}))
        await until(socket, ".committed")
        stop(live.server)
        assert len(texts(await until(socket, ".completed"))) == 1
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1001


async def test_a_client_that_leaves_leaves_no_work(tmp_path: Path) -> None:
    async with serving_live(tmp_path, lambda *_: FakeAsr(delay=0.2)) as live:
        before = len(asyncio.all_tasks())
        for last in ("speech_started", ".committed"):
            async with live.connect() as socket:
                await socket.send(append(pcm()))
                await until(socket, last)
                socket.transport.abort()
        async with asyncio.timeout(20):
            while live.app.state.realtime.sessions or len(asyncio.all_tasks()) > before:  # noqa: ASYNC110
                await asyncio.sleep(0.05)


@pytest.mark.extra
async def test_a_client_that_does_not_read_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("speechd.api.realtime.session.SEND_SECONDS", 0.3)
    monkeypatch.setattr("speechd.api.realtime.connection.ABORT_SECONDS", 0.1)
    prompt = {"audio": {"input": {"transcription": {"prompt": "so " * 2500}}}}  # what every answer then repeats
    async with serving_live(tmp_path) as live:
        client = socket_module.socket()
        client.setsockopt(socket_module.SOL_SOCKET, socket_module.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", live.port))
        _, writer = await asyncio.open_connection(sock=client, limit=1024)
        writer.write(HANDSHAKE)
        while not live.app.state.realtime.sessions:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        writer.write(_masked(update(**prompt)))
        async with asyncio.timeout(30):
            while live.app.state.realtime.sessions:
                writer.write(_masked(update()) * 10)
                await asyncio.sleep(0.005)
        writer.transport.abort()


HANDSHAKE = (
    b"GET /v1/realtime HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def _masked(text: str) -> bytes:
    """A text frame with a mask of zeros (RFC 6455, section 5.2)."""
    data = text.encode()
    length = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + len(data).to_bytes(2)
    return b"\x81" + length + bytes(4) + data


@pytest.mark.extra
async def test_the_largest_append_is_taken(live: LiveServer) -> None:
    """15 MiB: five minutes at 24 kHz, sent at once, while another session goes on."""
    async with live.connect() as large, live.connect() as other:
        await large.send(update(**MANUAL))
        await large.send(append(pcm(silence=0) + bytes((15 << 20) - len(pcm(silence=0)))))
        await other.send(update(audio={"input": {"turn_detection": VAD}}))
        await other.send(append(pcm()))
        assert texts(await until(other, ".completed"))
        assert texts(await until(large, ".completed"))


@pytest.mark.extra
async def test_many_sessions_leave_nothing(tmp_path: Path) -> None:
    """500 sessions of every kind of end: no task, descriptor or reservation stays, and memory does not grow."""
    async with serving_live(tmp_path) as live:
        await _sessions(live, 20)
        await asyncio.sleep(1)
        before = _held()
        await _sessions(live, 500)
        async with asyncio.timeout(60):
            while live.app.state.realtime.sessions or _held()[:2] > before[:2]:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        assert _held()[2] < before[2] + 50_000_000


async def _sessions(live: LiveServer, count: int) -> None:
    audio = append(pcm(silence=0))
    for number in range(count):
        async with live.connect() as socket:
            await socket.send(audio)
            if number % 5 == 0:
                await socket.send(json.dumps({"type": "input_audio_buffer.commit"}))
                await until(socket, ".completed")
            elif number % 5 == 1:
                socket.transport.abort()
            elif number % 5 == 2:
                await until(socket, "speech_started")


def _held() -> tuple[int, int, int]:
    """Tasks, descriptors and bytes of memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return len(asyncio.all_tasks()), len(list(Path("/proc/self/fd").iterdir())), pages * 4096
