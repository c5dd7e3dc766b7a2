import asyncio
import base64
import tempfile
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote_from_bytes

import pytest
from starlette.requests import ClientDisconnect, Request

from speechd.api.request_body import FORM_OVERHEAD, SPOOL_BYTES, collect, open_form
from speechd.errors import InvalidRequest, SpeechdError, TooLarge
from speechd.net.inline import MAX_HEADER

MULTIPART = "multipart/form-data; boundary=b"


def request(content_type: str, chunks: Iterable[bytes | None], **headers: str) -> Request:
    """A request whose body arrives in these chunks; None is a caller who leaves."""
    arriving = iter([*chunks, b""])

    async def receive() -> dict[str, Any]:
        chunk = next(arriving)
        if chunk is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": chunk, "more_body": bool(chunk)}

    raw = [(b"content-type", content_type.encode())]
    raw += [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "POST", "path": "/", "headers": raw}, receive)


def multipart(audio: bytes, *fields: tuple[str, str]) -> list[bytes]:
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    texts = [f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields]
    return [head, audio, b"\r\n", *(text.encode() for text in texts), b"--b--\r\n"]


async def form_of(content_type: str, *chunks: bytes, limit: int = 10 << 20) -> dict[str, Any]:
    async with open_form(request(content_type, chunks), limit) as form:
        return form.fields


@pytest.mark.parametrize("size", [1, SPOOL_BYTES, SPOOL_BYTES + 1, 3 * SPOOL_BYTES])
async def test_the_file_is_whole_and_rewound(size: int) -> None:
    audio = bytes(range(256)) * (size // 256 + 1)
    chunks = multipart(audio, ("model", "m"), ("keywords[]", "a"), ("keywords[]", "b"))
    async with open_form(request(MULTIPART, chunks), 10 << 20) as form:
        assert form.file is not None
        file = form.file
        assert file.read() == audio
        assert form.fields == {"model": "m", "keywords": ["a", "b"]}
    assert file.closed


async def test_json_and_urlencoded() -> None:
    expected = {"model": "m", "url": "http://x/", "include": ["logprobs"]}
    json = b'{"model": "m", "url": "http://x/", "include[]": ["logprobs"]}'
    assert await form_of("application/json; charset=utf-8", json[:9], json[9:]) == expected
    form = b"model=m&url=http%3A%2F%2Fx%2F&include%5B%5D=logprobs"
    assert await form_of("application/x-www-form-urlencoded", form) == expected


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("", b"x"),
        ("audio/wav", b"RIFF"),
        ("text/plain", b"model=m"),
        ("multipart/form-data", b"--b"),
        ("multipart/mixed; boundary=b", b"--b"),
        ("application/json", b""),
        ("application/json", b"[1]"),
        ("application/json", b"\xff"),
        ("application/json", b"[" * 100_000),
        ("application/json", b'{"file": "RIFF"}'),
        ("application/x-www-form-urlencoded", b"file=RIFF"),
        ("application/x-www-form-urlencoded", b"a=%FF"),
        ("application/x-www-form-urlencoded", b"a=1&" * 1000),
        ("application/x-www-form-urlencoded", b"a=\xff"),
        (MULTIPART, b"RIFF"),
    ],
)
async def test_bodies_that_are_refused(content_type: str, body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        await form_of(content_type, body)


async def test_compressed_bodies_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="Compressed"):
        async with open_form(request(MULTIPART, [], content_encoding="gzip"), 100):
            pass


async def test_a_declared_length_is_refused_unread() -> None:
    unread = request(MULTIPART, [None], content_length=str(FORM_OVERHEAD + 101))
    with pytest.raises(TooLarge):
        async with open_form(unread, 100):
            pass


@pytest.mark.parametrize("content_type", [MULTIPART, "application/json", "application/x-www-form-urlencoded"])
async def test_an_undeclared_length_is_refused_when_it_passes_the_limit(content_type: str) -> None:
    def endless() -> Iterable[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="url"\r\n\r\n'
        for _ in range(100):
            yield b"x" * (1 << 16)
        raise AssertionError("read on after the limit")

    with pytest.raises(TooLarge):
        async with open_form(_lazy(content_type, endless()), 1 << 20):
            pass


def _lazy(content_type: str, chunks: Iterable[bytes]) -> Request:
    arriving = iter(chunks)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": next(arriving), "more_body": True}

    scope = {"type": "http", "method": "POST", "path": "/", "headers": [(b"content-type", content_type.encode())]}
    return Request(scope, receive)


@pytest.fixture
def spools(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every temporary file that is opened."""
    opened: list[Any] = []
    original = tempfile.SpooledTemporaryFile

    def watched(*args: Any, **kwargs: Any) -> Any:
        opened.append(original(*args, **kwargs))
        return opened[-1]

    monkeypatch.setattr("speechd.api.request_body.SpooledTemporaryFile", watched)
    return opened


async def test_a_caller_who_leaves_leaves_no_file(spools: list[Any]) -> None:
    leaving = request(MULTIPART, [*multipart(b"x" * 2 * SPOOL_BYTES)[:2], None])
    with pytest.raises(ClientDisconnect):
        async with open_form(leaving, 10 << 20):
            pass
    assert [file.closed for file in spools] == [True]


async def test_a_cancelled_upload_leaves_no_file(spools: list[Any]) -> None:
    first = [b"".join(multipart(b"x" * 2 * SPOOL_BYTES)[:2])]
    waits = asyncio.Event()

    async def receive() -> dict[str, Any]:
        if first:
            return {"type": "http.request", "body": first.pop(), "more_body": True}
        waits.set()
        return await asyncio.Event().wait()

    async def upload() -> None:
        scope = {"type": "http", "method": "POST", "path": "/", "headers": [(b"content-type", MULTIPART.encode())]}
        async with open_form(Request(scope, receive), 10 << 20):
            raise AssertionError("the upload never ends")

    task = asyncio.create_task(upload())
    await waits.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [file.closed for file in spools] == [True]


def test_names_with_brackets() -> None:
    assert collect(
        [("a", "1"), ("b[]", "1"), ("c", "1"), ("c", "2"), ("d[0]", "x"), ("e[type]", "t"), ("e[n]", "2")]
    ) == {
        "a": "1",
        "b": ["1"],
        "c": ["1", "2"],
        "d": ["x"],
        "e": {"type": "t", "n": "2"},
    }


@pytest.mark.parametrize(
    "pairs", [[("a", "1"), ("a[x]", "2")], [("a[x]", "2"), ("a", "1")], [("a[]", "1"), ("a[x]", "2")]]
)
def test_names_used_in_two_ways(pairs: list[tuple[str, str]]) -> None:
    with pytest.raises(InvalidRequest) as caught:
        collect(pairs)
    assert caught.value.param == "a"


@pytest.mark.parametrize("size", [100, 30_000, 3 * SPOOL_BYTES])
@pytest.mark.parametrize("header", ["data:audio/wav;base64,", "", "data:application/octet-stream,"])
async def test_a_recording_in_the_url_of_a_form_is_decoded_as_it_arrives(size: int, header: str) -> None:
    """A short one stays text: what is read of it decides later."""
    audio = bytes(range(256)) * (size // 256 + 1)
    text = quote_from_bytes(audio) if header.endswith("stream,") else base64.b64encode(audio).decode()
    body = f'--b\r\nContent-Disposition: form-data; name="url"\r\n\r\n{header}{text}\r\n--b--\r\n'.encode()
    chunks = [body[start : start + 50_001] for start in range(0, len(body), 50_001)]
    async with open_form(request(MULTIPART, chunks), 10 << 20) as form:
        if len(header + text) > MAX_HEADER:
            assert form.file is not None
            assert form.fields == {}
            assert form.file.read() == audio
        else:
            assert form.fields == {"url": header + text}


@pytest.mark.parametrize(
    ("url", "kind", "message"),
    [
        ("data:audio/wav;base64," + "A" * 2_000_000, TooLarge, "larger than the 1000000 bytes"),
        ("A" * 40_000 + "!", InvalidRequest, "nor base64 text"),
        ("A" * 40_001, InvalidRequest, "cut off"),
        ("http://a.example/" + "a" * 40_000, InvalidRequest, "nor base64 text"),
        ("data:" + "a" * 40_000, InvalidRequest, "no comma"),
        ("data:,", None, ""),
    ],
)
async def test_a_url_that_is_no_recording(url: str, kind: type[SpeechdError] | None, message: str) -> None:
    body = [f'--b\r\nContent-Disposition: form-data; name="url"\r\n\r\n{url}\r\n--b--\r\n'.encode()]
    if kind is None:
        async with open_form(request(MULTIPART, body), 1_000_000) as form:
            assert form.fields == {"url": url}
        return
    with pytest.raises(kind, match=message) as refusal:
        async with open_form(request(MULTIPART, body), 1_000_000):
            pass
    assert refusal.value.param == "url"


async def test_a_file_and_a_recording_in_the_url() -> None:
    with pytest.raises(InvalidRequest, match="Only one"):
        async with open_form(request(MULTIPART, multipart(b"audio", ("url", "A" * 40_000))), 10 << 20):
            pass
