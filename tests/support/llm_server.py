"""A small OpenAI-compatible server for tests: answers by rule, records what it was sent, and fails as it is told.

`fail:NAME` anywhere in a request's body makes it fail in the way that FAILURES or `_misbehave` describes.
"""

import asyncio
import hashlib
import json
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.types import Receive, Scope, Send

CHAT, EMBED, RERANK = "tiny-chat", "tiny-embed", "org/tiny-rerank"
PATH_MODEL = "/home/someone/models/secret folder/tiny.gguf"
WORDS = ("Hel", "lo, ", "wör", "ld", "!")
TEXT = "".join(WORDS)
USAGE = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}
THOUGHT = "Let me think."

FAILURES: dict[str, tuple[int, bytes, dict[str, str]]] = {
    "envelope-400": (
        400,
        b'{"error": {"message": "bad temperature", "type": "invalid_request_error", "param": "temperature",'
        b' "code": "bad", "failed_generation": "xyz"}}',
        {},
    ),
    "int-code": (400, b'{"error": {"message": "too long", "type": "exceed_context_size_error", "code": 400}}', {}),
    "text-500": (500, b"Internal Server Error", {"content-type": "text/plain"}),
    "html-502": (502, b"<html><h1>Bad gateway</h1></html>", {"content-type": "text/html"}),
    "detail-422": (422, b'{"detail": [{"loc": ["body", "messages"], "msg": "field required"}]}', {}),
    "message-400": (400, b'{"object": "error", "message": "no such thing", "code": 40301}', {}),
    "string-400": (400, b'{"error": "model does not support this"}', {}),
    "path-500": (
        500,
        json.dumps({"error": {"message": f"failed to load '{PATH_MODEL}' from /srv/models/x.gguf"}}).encode(),
        {},
    ),
    "key-401": (401, b'{"error": {"message": "Incorrect API key provided: sk-backend"}}', {}),
    "busy-429": (429, b'{"error": {"message": "slow down", "type": "requests"}}', {"retry-after": "7"}),
    "model-404": (404, b'{"error": {"message": "model \'x\' not found, try pulling it first"}}', {}),
    "loading-503": (503, b'{"error": {"message": "Loading model", "type": "unavailable_error", "code": 503}}', {}),
    "redirect": (307, b"", {"location": "http://127.0.0.1:1/"}),
    "html-200": (200, b"<html>hello</html>", {"content-type": "text/html"}),
    "list-200": (200, b"[]", {}),
    "error-200": (200, b'{"error": {"message": "quietly failed"}}', {}),
}


@dataclass(frozen=True)
class Seen:
    """One request as the backend saw it."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class FakeLlm:
    """The server's state, and how it behaves."""

    url: str = ""
    """Base URL, with /v1."""
    lacks: set[str] = field(default_factory=set)
    """Paths below /v1 that it does not have."""
    key: str = ""
    """It answers nobody without this key, if there is one."""
    models: list[dict[str, Any]] = field(
        default_factory=lambda: [{"id": name, "object": "model", "created": 5} for name in (CHAT, EMBED, RERANK)]
    )
    ignores_base64: bool = True
    logits: bool = True
    pause: float = 0.0
    """Seconds between the events of a stream."""
    seen: list[Seen] = field(default_factory=list)
    streaming: int = 0
    """Streams under way."""
    meeting: int = 0
    """No stream goes on after its first event before this many are under way."""
    met: asyncio.Event = field(default_factory=asyncio.Event)
    abandoned: asyncio.Event = field(default_factory=asyncio.Event)
    """A caller hung up before the end."""

    def asked(self, path: str) -> list[Seen]:
        return [seen for seen in self.seen if seen.path == f"/v1{path}"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
        self.seen.append(Seen(scope["method"], scope["path"], headers, body))
        await Exchange(self, self.seen[-1], receive, send).run()


@dataclass
class Exchange:
    """One request and its reply."""

    server: FakeLlm
    seen: Seen
    receive: Receive
    send: Send

    async def run(self) -> None:
        path = self.seen.path.removeprefix("/v1")
        if self.server.key and self.seen.headers.get("authorization") != f"Bearer {self.server.key}":
            await self.reply(401, {"error": {"message": "Incorrect API key provided"}})
        elif path in self.server.lacks or path.split("/")[1] in {name.strip("/") for name in self.server.lacks}:
            await self.reply(404, {"error": {"code": 404, "message": "File Not Found", "type": "not_found_error"}})
        elif fault := re.search(rb"fail:([\w-]+)", self.seen.body):
            await self.misbehave(fault[1].decode())
        elif path.startswith("/fine_tunings"):
            await self.fine_tunings(path)
        else:
            await self.ROUTES.get(path, Exchange.unknown)(self)

    async def unknown(self) -> None:
        await self.reply(404, {"detail": "Not Found"})

    async def list_models(self) -> None:
        await self.reply(200, {"object": "list", "data": self.server.models})

    async def chat(self) -> None:
        asked = self.seen.json
        if asked.get("stream"):
            await self.stream(list(self.chat_chunks(asked)))
            return
        message: dict[str, Any] = {"role": "assistant", "content": TEXT}
        if asked.get("tools"):
            message = {"role": "assistant", "content": None, "tool_calls": [tool_call('{"city": "Oslo"}')]}
        if asked.get("reasoning_effort"):
            message["reasoning_content"] = THOUGHT
        reason = "length" if asked.get("max_tokens") == 1 else "stop"
        choice = {"index": 0, "message": message, "finish_reason": reason}
        frame = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": asked["model"]}
        await self.reply(200, frame | {"choices": [choice], "usage": USAGE, "timings": {"vendor": 1.5}})

    def chat_chunks(self, asked: dict[str, Any]) -> list[bytes]:
        frame = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": asked["model"]}
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": None}]
        if asked.get("reasoning_effort"):
            deltas += [{"reasoning_content": part} for part in (THOUGHT[:5], THOUGHT[5:])]
        if asked.get("tools"):
            deltas += [{"tool_calls": [{"index": 0} | tool_call(part)]} for part in ('{"city": ', '"Oslo"}')]
        else:
            deltas += [{"content": word} for word in WORDS]
        chunks = [frame | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
        chunks.append(frame | {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        if (asked.get("stream_options") or {}).get("include_usage"):
            chunks = [chunk | {"usage": None} for chunk in chunks]
            chunks.append(frame | {"choices": [], "usage": USAGE})
        return [event(chunk) for chunk in chunks] + [b"data: [DONE]\n\n"]

    async def complete(self) -> None:
        asked = self.seen.json
        frame = {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": asked["model"]}
        if asked.get("stream"):
            chunks = [event(frame | {"choices": [{"index": 0, "text": word}]}) for word in WORDS]
            await self.stream([*chunks, b"data: [DONE]\n\n"])
            return
        choice = {"index": 0, "text": TEXT, "finish_reason": "stop"}
        await self.reply(200, frame | {"choices": [choice], "usage": USAGE})

    async def respond(self) -> None:
        asked = self.seen.json
        part = {"type": "output_text", "text": TEXT, "annotations": []}
        item = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part]}
        response = {"id": "resp_native", "object": "response", "created_at": 1, "status": "completed"}
        response |= {"model": asked["model"], "output": [item], "tools": [], "tool_choice": "auto"}
        if not asked.get("stream"):
            await self.reply(200, response | {"parallel_tool_calls": True, "metadata": {}})
            return
        delta = {"type": "response.output_text.delta", "item_id": "msg_1", "output_index": 0, "content_index": 0}
        await self.stream(
            [named_event(delta | {"delta": word, "sequence_number": n}) for n, word in enumerate(WORDS)]
            + [named_event({"type": "response.completed", "response": response, "sequence_number": 9})]
        )

    async def embed(self) -> None:
        asked = self.seen.json
        given = asked["input"]
        texts = [given] if isinstance(given, str) or isinstance(given[0], int) else given
        rows: list[dict[str, Any]] = [
            {"object": "embedding", "index": index, "embedding": vector(str(text))} for index, text in enumerate(texts)
        ]
        if asked.get("encoding_format") == "base64" and not self.server.ignores_base64:
            rows = [row | {"embedding": "AACAPwAAAEA="} for row in rows]
        usage = {"prompt_tokens": 3, "total_tokens": 3}
        await self.reply(200, {"object": "list", "data": rows, "model": asked["model"], "usage": usage})

    async def rerank(self) -> None:
        asked = self.seen.json
        scores = [3.0 * len(set(asked["query"]) & set(text)) - 10 for text in asked["documents"]]
        if not self.server.logits:
            scores = [(score + 10) / 200 for score in scores]
        rows = [{"index": index, "relevance_score": score} for index, score in enumerate(scores)]
        await self.reply(200, {"model": asked["model"], "object": "list", "results": rows[::-1]})

    async def fine_tunings(self, path: str) -> None:
        row = {"id": "ft_1", "name": "mine", "base_model": CHAT, "type": "lora", "input_file_id": "file_1"}
        row |= {"created_at": 1, "fine_tuned_model": "mine"}
        if self.seen.method == "DELETE":
            await self.reply(200, {"id": "ft_1", "object": "fine_tuning", "deleted": True})
        elif path == "/fine_tunings" and self.seen.method == "GET":
            await self.reply(200, {"object": "list", "data": [row]})
        else:
            await self.reply(200, {"id": "ft_1", "object": "object", "data": row})

    async def misbehave(self, fault: str) -> None:
        if fault in FAILURES:
            status, body, headers = FAILURES[fault]
            await self.start(status, {"content-type": "application/json"} | headers)
            await self.send({"type": "http.response.body", "body": body})
        elif fault == "slow":
            await self.wait_for_hang_up()
        elif fault in ("cut", "cut-inside"):
            half = b'data: {"half' if fault == "cut-inside" else b""
            await self.stream([*self.chat_chunks(self.seen.json)[:3]], half)
            raise ConnectionAbortedError
        elif fault == "no-done":
            await self.stream(self.chat_chunks(self.seen.json)[:3])
        elif fault == "stall":
            await self.stream(self.chat_chunks(self.seen.json)[:3], more=True)
            await self.wait_for_hang_up()
        elif fault == "error-event":
            said = {"error": {"code": 500, "message": f"lost {PATH_MODEL.replace(' ', '_')}", "type": "server_error"}}
            await self.stream([*self.chat_chunks(self.seen.json)[:2], event(said)])
        elif fault == "old-error-event":
            said = {"code": 500, "message": "gone", "type": "server_error"}
            await self.stream([*self.chat_chunks(self.seen.json)[:2], f"error: {json.dumps(said)}\n\n".encode()])

    async def start(self, status: int, headers: dict[str, str]) -> None:
        extra = {"x-vendor": "kept", "set-cookie": "session=1", "connection": "x-hop", "x-hop": "1"}
        raw = [(name.encode(), value.encode()) for name, value in (extra | headers).items()]
        await self.send({"type": "http.response.start", "status": status, "headers": raw})

    async def reply(self, status: int, body: Any) -> None:
        await self.start(status, {"content-type": "application/json"})
        data = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
        await self.send({"type": "http.response.body", "body": data})

    async def stream(self, events: list[bytes], half: bytes = b"", more: bool = False) -> None:
        """The events, one by one; a caller who hangs up in between is noticed."""
        await self.start(200, {"content-type": "text/event-stream"})
        self.server.streaming += 1
        if self.server.streaming >= self.server.meeting:
            self.server.met.set()
        try:
            for data in events:
                await self.send({"type": "http.response.body", "body": data, "more_body": True})
                await self.server.met.wait()
                if self.server.pause and await self.hung_up(self.server.pause):
                    return
            more = more or bool(half) or b"fail:cut" in self.seen.body
            if half or not more:
                await self.send({"type": "http.response.body", "body": half, "more_body": more})
        finally:
            self.server.streaming -= 1

    async def hung_up(self, seconds: float | None) -> bool:
        try:
            message = await asyncio.wait_for(self.receive(), seconds)
        except TimeoutError:
            return False
        if message["type"] == "http.disconnect":
            self.server.abandoned.set()
            return True
        return False

    async def wait_for_hang_up(self) -> None:
        while not await self.hung_up(None):
            pass

    ROUTES = {  # noqa: RUF012 - a constant table
        "/models": list_models,
        "/chat/completions": chat,
        "/completions": complete,
        "/responses": respond,
        "/embeddings": embed,
        "/rerank": rerank,
    }


def event(value: Any) -> bytes:
    return f"data: {json.dumps(value, separators=(',', ':'), ensure_ascii=False)}\n\n".encode()


def named_event(value: dict[str, Any]) -> bytes:
    return f"event: {value['type']}\n".encode() + event(value)


def tool_call(arguments: str) -> dict[str, Any]:
    return {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": arguments}}


def vector(text: str) -> list[float]:
    """Eight numbers that depend on the text alone, exact in float32."""
    return [byte / 256 for byte in hashlib.sha256(text.encode()).digest()[:8]]


@asynccontextmanager
async def serving_llm(llm: FakeLlm | None = None) -> AsyncIterator[FakeLlm]:
    """The server on a free port of loopback, in the running event loop."""
    llm = llm or FakeLlm()
    # the protocol by its number: asyncio turns Nagle's delay off only where it sees TCP
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1024)
        config = uvicorn.Config(llm, log_level="critical", ws="none", lifespan="off", timeout_graceful_shutdown=1)
        running = uvicorn.Server(config)
        task = asyncio.create_task(running.serve(sockets=[listener]))
        while not running.started:  # noqa: ASYNC110 - uvicorn offers no event
            await asyncio.sleep(0.01)
        llm.url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        yield llm
        running.should_exit = True
        await task
