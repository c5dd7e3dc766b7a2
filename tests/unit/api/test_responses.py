"""Bodies sent piece by piece: what arrives, and what happens when something breaks or the caller leaves."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from starlette.requests import ClientDisconnect

from speechd.api.responses.file_stream import FileResponse
from speechd.api.responses.sse import EventStream, ServerSentEvents
from speechd.api.responses.stream import StreamResponse
from speechd.errors import Unavailable

Chunks = AsyncIterator[bytes]


class Caller:
    """Takes a reply apart; closes the connection when it has seen enough."""

    def __init__(self, leaves_after: int | None = None) -> None:
        self.headers: dict[str, str] = {}
        self.pieces: list[bytes] = []
        self.complete = False
        self._leaves_after = leaves_after
        self._gone = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            return
        self.pieces += filter(None, [message["body"]])
        self.complete = not message.get("more_body", False)
        if len(self.pieces) == self._leaves_after:
            self._gone.set()

    async def take(self, response: StreamResponse) -> None:
        await response({"type": "http", "state": {"request_id": "req_1"}}, self.receive, self.send)

    @property
    def events(self) -> list[Any]:
        lines = b"".join(self.pieces).decode().splitlines()
        return [json.loads(line[6:]) for line in lines if line.startswith("data: {")]


class Closed:
    """Resources that say when they are closed."""

    def __init__(self) -> None:
        self.done = False

    def stack(self) -> AsyncExitStack:
        stack = AsyncExitStack()
        stack.callback(lambda: setattr(self, "done", True))
        return stack


async def bytes_of(*parts: bytes | Exception) -> Chunks:
    for part in parts:
        if isinstance(part, Exception):
            raise part
        yield part


async def endless() -> Chunks:
    while True:
        yield b"x"
        await asyncio.sleep(0)


def events_of(chunks: Chunks, resources: AsyncExitStack, headers: dict[str, str]) -> EventStream:
    async def events() -> AsyncIterator[dict[str, str]]:
        async for chunk in chunks:
            yield {"text": chunk.decode()}

    return EventStream(events(), resources, headers)


EVERY = pytest.mark.parametrize("kind", [StreamResponse, ServerSentEvents, events_of])
Kind = Callable[[Chunks, AsyncExitStack, dict[str, str]], StreamResponse]


@EVERY
async def test_the_body_comes_in_pieces_and_ends(kind: Kind) -> None:
    caller, closed = Caller(), Closed()
    await caller.take(kind(bytes_of(b"one", b"", b"two"), closed.stack(), {"x-speechd-voice": "v"}))
    assert b"one" in caller.pieces[0]
    assert any(b"two" in piece for piece in caller.pieces[1:])
    assert caller.complete
    assert closed.done
    assert caller.headers["x-speechd-voice"] == "v"
    assert "content-length" not in caller.headers


@EVERY
async def test_a_caller_who_leaves_stops_the_work(kind: Kind) -> None:
    caller, closed = Caller(leaves_after=2), Closed()
    with pytest.raises(ClientDisconnect):
        await caller.take(kind(endless(), closed.stack(), {}))
    assert closed.done
    assert not caller.complete


async def test_audio_that_breaks_does_not_look_whole() -> None:
    caller, closed = Caller(), Closed()
    with pytest.raises(Unavailable):
        await caller.take(StreamResponse(bytes_of(b"one", Unavailable("Full.")), closed.stack(), {}, "audio/wav"))
    assert caller.pieces == [b"one"]
    assert not caller.complete
    assert closed.done


@pytest.mark.parametrize("kind", [ServerSentEvents, events_of])
@pytest.mark.parametrize(("error", "said"), [(Unavailable("Full."), "Full."), (KeyError("secret"), "Quote req_1")])
async def test_events_that_break_end_with_the_error(kind: Kind, error: Exception, said: str) -> None:
    caller, closed = Caller(), Closed()
    await caller.take(kind(bytes_of(b'data: {"text": "one"}\n\n', error), closed.stack(), {}))
    assert said in caller.events[-1]["error"]["message"]
    assert "secret" not in str(caller.events)
    assert b"[DONE]" not in b"".join(caller.pieces)
    assert caller.complete
    assert closed.done


async def test_events_are_not_kept_on_the_way() -> None:
    caller = Caller()
    await caller.take(events_of(bytes_of("Grüße".encode()), AsyncExitStack(), {}))
    assert caller.pieces == ['data: {"text": "Grüße"}\n\n'.encode()]
    assert caller.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert (caller.headers["cache-control"], caller.headers["x-accel-buffering"]) == ("no-store", "no")


async def test_a_file_says_its_size_and_is_closed() -> None:
    caller, content = Caller(), io.BytesIO(b"x" * 600_000)
    await caller.take(FileResponse(content, 600_000, "application/octet-stream", {"content-length": "1"}))
    assert len(b"".join(caller.pieces)) == 600_000
    assert len(caller.pieces) > 1
    assert caller.headers["content-length"] == "600000"
    assert content.closed
