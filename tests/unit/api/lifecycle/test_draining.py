"""WebSockets of a server that leaves, and requests that it breaks off, without a server."""

import asyncio
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.responses import StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.types import Message
from starlette.websockets import WebSocket, WebSocketDisconnect

from speechd.api.lifecycle.draining import Draining, DrainMiddleware


class Peer:
    """The server's side of one ASGI call."""

    def __init__(self, kind: str, path: str, draining: Draining) -> None:
        self.sent: list[Message] = []
        self._inbox: asyncio.Queue[Message] = asyncio.Queue()
        scope = {"type": kind, "path": path, "method": "GET", "headers": [], "query_string": b"", "subprotocols": []}
        app = DrainMiddleware(APP, draining)
        self.call = asyncio.create_task(app({**scope, "state": {}}, self._inbox.get, self._send))

    def give(self, kind: str, **fields: Any) -> None:
        self._inbox.put_nowait({"type": kind, **fields})

    async def until(self, number: int) -> Message:
        async with asyncio.timeout(5):
            while len(self.sent) < number:  # noqa: ASYNC110 - the call has no event
                await asyncio.sleep(0.001)
        return self.sent[number - 1]

    async def _send(self, message: Message) -> None:
        self.sent.append(message)


ENDED: list[int] = []


async def echo(socket: WebSocket) -> None:
    await socket.accept()
    try:
        while True:
            await socket.send_text(await socket.receive_text())
    except WebSocketDisconnect as end:
        ENDED.append(end.code)


async def talk(socket: WebSocket) -> None:
    """Sends without end and never listens."""
    await socket.accept()
    for number in range(100):
        await socket.send_text(str(number))
        await asyncio.sleep(0.001)


async def wait(request: object) -> None:
    await asyncio.Event().wait()


async def stream(request: object) -> StreamingResponse:
    async def parts() -> Any:
        yield b"first"
        await asyncio.Event().wait()

    return StreamingResponse(parts())


APP = Starlette(
    routes=[WebSocketRoute("/echo", echo), WebSocketRoute("/talk", talk), Route("/wait", wait), Route("/cut", stream)]
)


@pytest.fixture
def draining() -> Draining:
    ENDED.clear()
    return Draining()


async def test_a_socket_works_while_it_drains_and_is_closed_when_it_leaves(draining: Draining) -> None:
    peer = Peer("websocket", "/echo", draining)
    peer.give("websocket.connect")
    peer.give("websocket.receive", text="one")
    assert (await peer.until(2))["text"] == "one"
    draining.begin()
    peer.give("websocket.receive", text="two")
    assert (await peer.until(3))["text"] == "two"
    await draining.leave()
    assert peer.call.done()
    assert (peer.sent[-1]["type"], peer.sent[-1]["code"]) == ("websocket.close", 1001)
    assert ENDED == [1001]


async def test_a_socket_that_does_not_listen_is_closed_too(draining: Draining) -> None:
    peer = Peer("websocket", "/talk", draining)
    peer.give("websocket.connect")
    await peer.until(5)
    await draining.leave()
    assert peer.call.done()
    closes = [number for number, message in enumerate(peer.sent) if message["type"] == "websocket.close"]
    assert closes == [len(peer.sent) - 1], "nothing is sent after the close"


async def test_a_caller_who_leaves_first_is_seen(draining: Draining) -> None:
    peer = Peer("websocket", "/echo", draining)
    peer.give("websocket.connect")
    peer.give("websocket.disconnect", code=1000, reason="")
    async with asyncio.timeout(5):
        await peer.call
    assert ENDED == [1000]
    await draining.leave()
    assert [message["type"] for message in peer.sent] == ["websocket.accept"]


async def test_a_request_that_is_over_time_is_told_to_come_again(draining: Draining) -> None:
    peer = Peer("http", "/wait", draining)
    await asyncio.sleep(0.01)
    assert draining.requests == 1
    draining.begin()
    draining.abandon()
    await peer.call
    start, body = peer.sent
    assert start["status"] == 503
    headers = dict(start["headers"])
    assert headers[b"connection"] == b"close"
    assert int(headers[b"retry-after"]) > 0
    assert b'"shutting_down"' in body["body"]
    assert draining.requests == 0


async def test_a_stream_that_is_over_time_is_cut_without_an_end(draining: Draining) -> None:
    peer = Peer("http", "/cut", draining)
    assert (await peer.until(2))["body"] == b"first"
    draining.abandon()
    await peer.call
    assert peer.sent[-1].get("more_body") is True


async def test_a_call_that_is_cancelled_by_others_stays_cancelled(draining: Draining) -> None:
    peer = Peer("http", "/wait", draining)
    await asyncio.sleep(0.01)
    peer.call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await peer.call
    assert peer.sent == []
