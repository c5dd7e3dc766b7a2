"""What only bytes on a socket can show: chunked bodies, refusals during an upload, callers who hang up."""

import asyncio
import json
import logging
import tempfile
from collections.abc import Callable
from typing import Any

import pytest

from tests.contract.conftest import Server
from tests.support.fake_service import TEXT

FILE = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
MODEL = b'\r\n--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nstand-in\r\n'
END = b"--b--\r\n"


def head(*lines: str, path: str = "/v1/audio/transcriptions") -> bytes:
    start = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: multipart/form-data; boundary=b"]
    return "\r\n".join([*start, *lines, "", ""]).encode()


def chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


async def reply_of(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], Any]:
    """The status, the headers and the JSON body of one reply."""
    async with asyncio.timeout(10):
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:-2])
        body = await reader.readexactly(int(headers["content-length"]))
    return int(lines[0].split()[1]), headers, json.loads(body)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - watches the outside of the server
            await asyncio.sleep(0.01)


@pytest.fixture
def spools(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every temporary file that is opened for an upload."""
    opened: list[Any] = []
    original = tempfile.SpooledTemporaryFile

    def watched(*args: Any, **kwargs: Any) -> Any:
        opened.append(original(*args, **kwargs))
        return opened[-1]

    monkeypatch.setattr("speechd.api.request_body.SpooledTemporaryFile", watched)
    return opened


async def test_fields_after_a_chunked_file(server: Server) -> None:
    reader, writer = await server.connect()
    writer.write(head("Transfer-Encoding: chunked"))
    for piece in (FILE[:20], FILE[20:], b"spe", b"ech", MODEL[:9], MODEL[9:], END):
        writer.write(chunk(piece))
        await writer.drain()
    writer.write(b"0\r\n\r\n")
    status, _, body = await reply_of(reader)
    assert (status, body["text"]) == (200, TEXT)
    assert server.service.ears.heard == [b"speech"]
    writer.close()


async def test_a_declared_length_is_refused_before_the_body(server: Server, spools: list[Any]) -> None:
    """As curl asks first: `Expect: 100-continue`, and no body before the answer."""
    reader, writer = await server.connect()
    writer.write(head("Content-Length: 500000000", "Expect: 100-continue"))
    status, headers, body = await reply_of(reader)
    assert (status, body["error"]["code"]) == (413, "request_too_large")
    assert headers["connection"] == "close"
    assert spools == []
    writer.close()


async def test_100_continue_where_the_body_is_wanted(server: Server) -> None:
    reader, writer = await server.connect()
    content = FILE + b"speech" + MODEL + END
    writer.write(head(f"Content-Length: {len(content)}", "Expect: 100-continue"))
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100")
    writer.write(content)
    assert (await reply_of(reader))[0] == 200
    writer.close()


@pytest.mark.parametrize("megabytes", [4, 40])
async def test_a_chunked_body_over_the_limit_sees_the_413(server: Server, spools: list[Any], megabytes: int) -> None:
    """A client that reads nothing before it has written everything."""
    reader, writer = await server.connect()
    writer.write(head("Transfer-Encoding: chunked") + chunk(FILE))
    for _ in range(megabytes * 16):
        writer.write(chunk(b"x" * 65_536))
        await writer.drain()
    writer.write(chunk(MODEL + END) + b"0\r\n\r\n")
    await writer.drain()
    status, headers, body = await reply_of(reader)
    assert (status, body["error"]["code"]) == (413, "request_too_large")
    assert headers["connection"] == "close"
    assert await reader.read() == b""
    assert [spool.closed for spool in spools] == [True]
    writer.close()


async def write_forever(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(chunk(b"x" * 65_536))
        await writer.drain()


async def test_an_endless_upload_is_cut_off(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("speechd.api.middleware.request.DRAIN_BYTES", 1 << 20)
    _, writer = await server.connect()
    writer.write(head("Transfer-Encoding: chunked") + chunk(FILE))
    with pytest.raises(ConnectionError):
        await asyncio.wait_for(write_forever(writer), 10)
    writer.close()


async def test_a_stalled_upload_is_cut_off(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("speechd.api.middleware.request.DRAIN_SECONDS", 0.05)
    reader, writer = await server.connect()
    writer.write(head("Content-Length: 1000", path="/v1/nowhere") + FILE)
    status, _, body = await reply_of(reader)
    assert (status, body["error"]["code"]) == (404, "unknown_url")
    async with asyncio.timeout(10):
        assert await reader.read() == b""
    writer.close()


async def test_hanging_up_during_the_upload(
    server: Server, spools: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    before = len(asyncio.all_tasks())
    _, writer = await server.connect()
    writer.write(head("Transfer-Encoding: chunked") + chunk(FILE) + chunk(b"x" * 1_500_000))
    await until(lambda: bool(spools))
    writer.close()
    await until(lambda: spools[0].closed)
    await until(lambda: len(asyncio.all_tasks()) <= before)
    assert "Traceback" not in caplog.text
    assert "the caller disconnected" in caplog.text
    assert server.service.ears.asked == []


@pytest.mark.parametrize("stream", [b"false", b"true"])
async def test_hanging_up_during_inference(server: Server, stream: bytes, caplog: pytest.LogCaptureFixture) -> None:
    before = len(asyncio.all_tasks())
    reader, writer = await server.connect()
    field = b'--b\r\nContent-Disposition: form-data; name="stream"\r\n\r\n' + stream + b"\r\n"
    content = FILE + b"slow" + MODEL + field + END
    writer.write(head(f"Content-Length: {len(content)}") + content)
    ears = server.service.ears
    await asyncio.wait_for(ears.started.wait(), 10)
    assert ears.running == 1
    writer.close()
    await until(lambda: ears.running == 0 and ears.files[0].closed)
    await until(lambda: len(asyncio.all_tasks()) <= before)
    assert "Traceback" not in caplog.text
    del reader


async def test_hanging_up_during_a_stream(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    before = len(asyncio.all_tasks())
    reader, writer = await server.connect()
    field = b'--b\r\nContent-Disposition: form-data; name="stream"\r\n\r\ntrue\r\n'
    content = FILE + b"slow end" + MODEL + field + END
    writer.write(head(f"Content-Length: {len(content)}") + content)
    assert b"Hello there." in await reader.readuntil(b"there.")
    ears = server.service.ears
    writer.close()
    await until(lambda: ears.running == 0 and ears.files[0].closed)
    await until(lambda: len(asyncio.all_tasks()) <= before)
    assert "Traceback" not in caplog.text


async def test_health_answers_while_a_recording_is_worked_on(server: Server) -> None:
    _, slow = await server.connect()
    content = FILE + b"slow" + MODEL + END
    slow.write(head(f"Content-Length: {len(content)}") + content)
    await asyncio.wait_for(server.service.ears.started.wait(), 10)
    reader, writer = await server.connect()
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    assert (await reply_of(reader))[2] == {"status": "ok"}
    writer.write(b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    assert (await reply_of(reader))[2] == {"status": "ready"}
    writer.close()
    slow.close()
    await until(lambda: server.service.ears.running == 0)
