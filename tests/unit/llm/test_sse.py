import json
from collections.abc import AsyncIterator

import pytest

from speechd.errors import BackendFailure
from speechd.llm.sse import CompletionEvents, payload, response_events, split, whole_events, with_member

STREAM = (
    b'data: {"id":"1","choices":[{"delta":{"content":"\xc3\xb6 \\"usage\\" \\"error\\""}}],"usage":null}\n\n'
    b": a comment\n\n"
    b'data: {"id":"1","choices":[{"delta":{"content":"b"}}]}\r\n\r\n'
    b'data: {"id":"1","choices":[],"usage":{"total_tokens":3}}\n\n'
    b"data: [DONE]\n\n"
)


async def pieces(data: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def relayed(data: bytes, size: int, request_id: str | None) -> bytes:
    return b"".join([chunk async for chunk in CompletionEvents(request_id).relay(pieces(data, size))])


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50, 10_000])
async def test_nothing_changes_without_a_signature(size: int) -> None:
    assert await relayed(STREAM, size, None) == STREAM


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50, 10_000])
async def test_the_signature_does_not_depend_on_how_the_bytes_arrive(size: int) -> None:
    signed = await relayed(STREAM, size, "req_1")
    assert signed == await relayed(STREAM, len(STREAM), "req_1")
    assert signed.count(b"x_groq") == 2
    assert (
        signed.replace(b'"x_groq": {"id": "req_1"},', b"", 1).replace(
            b'"x_groq": {"id": "req_1", "usage": {"total_tokens": 3}},', b"", 1
        )
        == STREAM
    )


@pytest.mark.parametrize("size", [1, 5, 1000])
async def test_events_come_whole(size: int) -> None:
    found = [chunk async for chunk in whole_events(pieces(STREAM, size))]
    assert b"".join(found) == STREAM
    assert all(chunk.endswith((b"\n\n", b"\r\n\r\n")) for chunk in found)
    assert b"".join(split(STREAM)) == STREAM
    assert len(split(STREAM)) == 5


async def test_an_error_in_the_stream_is_put_into_our_words() -> None:
    said = b'data: {"error":{"code":500,"message":"lost /srv/models/x.gguf"}}\n\n'
    error = payload(await relayed(said, 1000, None))["error"]
    assert error == {"code": "500", "message": "lost <path>", "type": "server_error", "param": None}


async def test_an_end_that_is_missing_is_noticed() -> None:
    with pytest.raises(BackendFailure):
        await relayed(STREAM.replace(b"data: [DONE]\n\n", b""), 1000, None)
    with pytest.raises(BackendFailure):
        [chunk async for chunk in response_events(pieces(b'data: {"type":"response.created"}\n\n', 10))]


@pytest.mark.parametrize(
    ("text", "result"),
    [
        (b'{"a":1}', b'{"x": 2,"a":1}'),
        (b" { }", b' {"x": 2 }'),
        (b'data: {"a":{}}\n\n', b'data: {"x": 2,"a":{}}\n\n'),
        (b'{"x":9}', b'{"x":9}'),
        (b"[DONE]", b"[DONE]"),
    ],
)
def test_a_member_is_put_in_front(text: bytes, result: bytes) -> None:
    assert with_member(text, "x", 2) == result


def test_payloads() -> None:
    assert payload(b'event: x\ndata: {"a":\ndata: 1}\n\n') == {"a": 1}
    assert payload(b'error: {"code": 500}\n\n') == {"error": {"code": 500}}
    assert payload(b"data: [DONE]\n\n") is None
    assert payload(f"data: {json.dumps('x')}\n\n".encode()) == "x"
