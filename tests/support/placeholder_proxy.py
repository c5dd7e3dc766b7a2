"""A proxy for suites written against a mock server: real ids, models and audio in place of their placeholders.

The tests that the SDKs ship call `files.retrieve("file_id")` or send `b"Example data"` as a recording, because their
mock server looks at nothing. This proxy puts a real thing in the place of each placeholder and passes everything else
on to a running speechd, unchanged in both directions.
"""

import asyncio
import json
import re
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Thread
from typing import Any
from urllib.parse import urlencode

import httpx2
import uvicorn
from starlette.types import Receive, Scope, Send

from tests.support.llm_server import CHAT, EMBED

LINE = {"custom_id": "1", "method": "POST", "url": "/v1/chat/completions"}
LINE |= {"body": {"model": CHAT, "messages": [{"role": "user", "content": "hi"}]}}  # type: ignore[dict-item]
BATCH_INPUT = json.dumps(LINE).encode() + b"\n"
TEXT_MODELS = {"/chat/completions": CHAT, "/completions": CHAT, "/responses": CHAT, "/embeddings": EMBED}
FIELDS = {"language": b"en", "languages": b"en"}
"""Form fields whose placeholder is the word `language` or `string`."""
PLACEHOLDER_BYTES = (b"Example data", b"raw file contents")
HOP_BY_HOP = {b"connection", b"transfer-encoding", b"keep-alive"}
NOT_PASSED_ON = HOP_BY_HOP | {b"host", b"content-length"}


@dataclass
class Placeholders:
    """Makes what the placeholders stand for."""

    client: httpx2.AsyncClient
    """Its base URL is the server's, with `/v1`."""
    recording: bytes
    """The bytes of a file with speech."""
    recogniser: str
    spare_models: list[str]
    """Models that may be deleted, one for each deletion."""

    async def file(self) -> str:
        form = {"data": {"purpose": "batch"}, "files": {"file": ("input.jsonl", BATCH_INPUT)}}
        return str((await self.client.post("/files", **form)).json()["id"])  # type: ignore[arg-type]

    async def batch(self) -> str:
        body = {"input_file_id": await self.file(), "endpoint": "/v1/chat/completions", "completion_window": "24h"}
        return str((await self.client.post("/batches", json=body)).json()["id"])

    async def upload(self) -> str:
        """An upload with room for the bytes of one part."""
        body = {"bytes": len(BATCH_INPUT), "filename": "in.jsonl", "mime_type": "text/jsonl", "purpose": "batch"}
        made = await self.client.post("/uploads", json=body)
        return str(made.json().get("id", "upload_abc123"))

    async def part(self, upload: str) -> str:
        made = await self.client.post(f"/uploads/{upload}/parts", files={"data": BATCH_INPUT})
        return str(made.json().get("id", "string"))

    async def path(self, method: str, path: str) -> str:
        """A path below the prefix, with real ids."""
        match path.split("/")[1:]:
            case ["files", _, *rest]:
                return "/".join(["/files", await self.file(), *rest])
            case ["batches", _, *rest]:
                return "/".join(["/batches", await self.batch(), *rest])
            case ["uploads", _, *rest]:
                return "/".join(["/uploads", await self.upload(), *rest])
            case ["models", *_] if path != "/models":
                return f"/models/{self.spare_models.pop() if method == 'DELETE' else self.recogniser}"
        return path

    async def json(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        if path in TEXT_MODELS:
            return body | {"model": TEXT_MODELS[path]}
        real: dict[str, Any] = {}
        if body.get("input_file_id") == "input_file_id":
            real["input_file_id"] = await self.file()
        if body.get("completion_window") == "completion_window":
            real["completion_window"] = "24h"
        if "part_ids" in body:
            real["part_ids"] = [await self.part(path.split("/")[2])]
            body.pop("md5", None)
        return body | real

    def form(self, path: str, boundary: bytes, body: bytes) -> bytes:
        """The parts of a multipart body, those that hold a placeholder with another content."""
        parts = body.split(b"--" + boundary)
        fields = [self.part_content(path, part) for part in parts[1:-1]]
        names = {name for name, _ in map(name_and_head, parts[1:-1])}
        if "/audio/" in path and "file" not in names:  # their "either condition": a file or a URL
            fields = [part for part in fields if name_and_head(part)[0] != "url"]
            head = b'\r\nContent-Disposition: form-data; name="file"; filename="upload"\r\n\r\n'
            fields.append(head + self.recording + b"\r\n")
        elif {"file", "url"} <= names:
            fields = [part for part in fields if name_and_head(part)[0] != "url"]
        return (b"--" + boundary).join([parts[0], *fields, parts[-1]])

    def part_content(self, path: str, part: bytes) -> bytes:
        name, head = name_and_head(part)
        content = part[len(head) :].removesuffix(b"\r\n")
        if content in PLACEHOLDER_BYTES:
            content = self.recording if "/audio/" in path else BATCH_INPUT
        elif content in (b"language", b"string"):
            content = FIELDS.get(name.removesuffix("[]"), content)
        return head + content + b"\r\n"


def name_and_head(part: bytes) -> tuple[str, bytes]:
    """The name of a form field, and its bytes up to the content."""
    head = part[: part.index(b"\r\n\r\n") + 4]
    found = re.search(rb'name="([^"]*)"', head)
    return (found[1].decode() if found else ""), head


@dataclass
class PlaceholderProxy:
    """An ASGI application in front of a running speechd."""

    target: str
    """The server's address, without a prefix."""
    recording: bytes
    recogniser: str = "whisper-pocket"
    spare_models: list[str] = field(default_factory=list)
    url: str = ""
    passed_on: int = 0
    """How many requests reached the server."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await read(receive)
        async with httpx2.AsyncClient(base_url=f"{self.target}/v1", timeout=120, trust_env=False) as client:
            placeholders = Placeholders(client, self.recording, self.recogniser, self.spare_models)
            url = await self.address(placeholders, scope)
            path = url.partition("?")[0].rpartition("/v1")[2]
            headers = [(name, value) for name, value in scope["headers"] if name not in NOT_PASSED_ON]
            content = await rewritten(placeholders, path, dict(headers), body)
            self.passed_on += 1
            async with client.stream(scope["method"], url, content=content, headers=headers) as reply:
                await pass_back(reply, send)

    async def address(self, placeholders: Placeholders, scope: Scope) -> str:
        head, _, rest = scope["path"].rpartition("/v1")
        path = await placeholders.path(scope["method"], rest)
        query = dict(httpx2.QueryParams(scope["query_string"].decode()))
        if query.get("after") == "after":
            query["after"] = await (placeholders.batch() if path == "/batches" else placeholders.file())
        return f"{self.target}{head}/v1{path}" + (f"?{urlencode(query)}" if query else "")


async def read(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


async def rewritten(placeholders: Placeholders, path: str, headers: dict[bytes, bytes], body: bytes) -> bytes:
    """The body of a request, with real things in it."""
    kind = headers.get(b"content-type", b"")
    if kind.startswith(b"multipart/") and (found := re.search(rb'boundary="?([^";]+)', kind)):
        return placeholders.form(path, found[1], body)
    if body and kind.startswith(b"application/json"):
        return json.dumps(await placeholders.json(path, json.loads(body))).encode()
    return body


async def pass_back(reply: httpx2.Response, send: Send) -> None:
    """The server's reply, as it arrives; a caller that hangs up ends it."""
    headers = [
        (name, value) for name, value in reply.headers.raw if name.lower() not in HOP_BY_HOP - {b"content-length"}
    ]
    await send({"type": "http.response.start", "status": reply.status_code, "headers": headers})
    with suppress(OSError):
        async for piece in reply.aiter_raw():
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


@contextmanager
def placeholder_proxy(proxy: PlaceholderProxy) -> Iterator[PlaceholderProxy]:
    """It listens on a free port of loopback until the block ends."""
    started: Future[tuple[uvicorn.Server, str]] = Future()

    async def serve() -> None:
        config = uvicorn.Config(proxy, port=0, log_level="critical", ws="none", lifespan="off")
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110 - uvicorn offers no event
            await asyncio.sleep(0.01)
        host, port = server.servers[0].sockets[0].getsockname()[:2]
        started.set_result((server, f"http://{host}:{port}"))
        await task

    thread = Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    server, proxy.url = started.result(timeout=20)
    try:
        yield proxy
    finally:
        server.should_exit = True
        thread.join()
