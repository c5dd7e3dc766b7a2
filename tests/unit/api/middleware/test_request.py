import asyncio
from typing import Any
from urllib.parse import unquote

import pytest
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from speechd.api.middleware.request import RequestMiddleware


class Caller:
    """One request with a body of so many unread pieces; None ends it by hanging up."""

    def __init__(self, *pieces: bytes | None, method: str = "POST", path: str = "/v1/x", declared: bool = True) -> None:
        headers = [(b"content-length", b"99")] if declared else []
        self.scope: Scope = {"type": "http", "method": method, "path": path, "headers": headers}
        self.pieces = list(pieces)
        self.sent: list[Any] = []

    async def receive(self) -> dict[str, Any]:
        if not self.pieces:
            await asyncio.Event().wait()
        piece = self.pieces.pop(0)
        if piece is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": piece, "more_body": bool(piece)}

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    async def call(self, app: ASGIApp) -> dict[bytes, bytes]:
        await RequestMiddleware(app)(self.scope, self.receive, self.send)
        return dict(self.sent[0]["headers"]) if self.sent else {}


def answering(status: int, body: str = "answer") -> ASGIApp:
    return PlainTextResponse(body, status)


def raising(error: Exception) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise error

    return app


async def test_a_refusal_is_sent_first_and_then_the_upload_is_drained() -> None:
    caller = Caller(b"x", b"y", b"")
    headers = await caller.call(answering(413))
    assert headers[b"connection"] == b"close"
    assert [message.get("more_body") for message in caller.sent[1:]] == [True, None]
    assert caller.sent[1]["body"] == b"answer"
    assert caller.pieces == []


async def test_draining_ends_when_the_caller_leaves() -> None:
    caller = Caller(b"x", None, b"never")
    await caller.call(answering(413))
    assert caller.pieces == [b"never"]


async def test_draining_is_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("speechd.api.middleware.request.DRAIN_BYTES", 2)
    caller = Caller(b"xx", b"never")
    await caller.call(answering(413))
    assert caller.pieces == [b"never"]


async def test_draining_is_bounded_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("speechd.api.middleware.request.DRAIN_SECONDS", 0.01)
    caller = Caller(b"x")
    await caller.call(answering(413))
    assert len(caller.sent) == 3


@pytest.mark.parametrize(("status", "declared"), [(200, True), (404, False)])
async def test_nothing_is_drained_without_need(status: int, declared: bool) -> None:
    caller = Caller(b"unread", declared=declared)
    headers = await caller.call(answering(status))
    assert caller.pieces == [b"unread"]
    assert b"connection" not in headers


async def test_a_caller_who_left_gets_nothing() -> None:
    caller = Caller()
    assert await caller.call(raising(ClientDisconnect())) == {}


async def test_a_crash_becomes_an_envelope() -> None:
    caller = Caller(declared=False)
    headers = await caller.call(raising(RuntimeError("a secret")))
    assert caller.sent[0]["status"] == 500
    assert headers[b"x-request-id"].decode() in caller.sent[1]["body"].decode()
    assert b"a secret" not in caller.sent[1]["body"]


async def test_a_crash_after_the_start_cuts_the_connection() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await Caller().call(app)


async def test_what_the_application_sees() -> None:
    seen: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope)
        await answering(200)(scope, receive, send)

    caller = Caller(method="HEAD", path="/openai/v1/openai/v1/models", declared=False)
    headers = await caller.call(app)
    assert (seen[0]["method"], seen[0]["path"], seen[0]["raw_path"]) == (
        "GET",
        "/openai/v1/models",
        b"/openai/v1/models",
    )
    assert seen[0]["state"]["request_id"].encode() == headers[b"x-request-id"]
    assert caller.scope["method"] == "HEAD"
    assert (headers[b"content-length"], caller.sent[1]["body"]) == (b"6", b"")


@pytest.mark.parametrize(
    ("sent", "path"),
    [
        ("/v1//audio/transcriptions", "/v1/audio/transcriptions"),
        ("//v1///models", "/v1/models"),
        ("/v1/audio/transcriptions/", "/v1/audio/transcriptions"),
        ("/v1/models//", "/v1/models"),
        ("/v1//openai/v1//models/", "/openai/v1/models"),
        ("/v1//models/org%2Fname/", "/v1/models/org/name"),
        ("/", "/"),
        ("//", "/"),
        ("/v1/%2Fmodels", "/v1//models"),
        ("/v1/models/a%2F%2Fb", "/v1/models/a//b"),
        ("/v1/models/a%2F", "/v1/models/a/"),
        ("/v1//models/%252F", "/v1/models/%2F"),
        ("http://host//v1/models", "http://host//v1/models"),
    ],
)
async def test_extra_slashes_are_rewritten_and_escaped_ones_are_not(sent: str, path: str) -> None:
    seen: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope)
        await answering(200)(scope, receive, send)

    caller = Caller(b"", path=unquote(sent))
    caller.scope["raw_path"] = sent.encode()
    await caller.call(app)
    assert seen[0]["path"] == path
    assert (seen[0]["raw_path"] == sent.encode()) == (unquote(sent) == path)
