"""A model hub on loopback: as much of the hub's protocol as pulling needs, and the ways in which it goes wrong."""

import contextlib
import hashlib
import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from speechd.registry.files import shipped_models

COMMIT = "0123456789abcdef0123456789abcdef01234567"
PIPER_VOICES = "rhasspy/piper-voices"
EMBEDDED_VOICE = shipped_models() / "en_US-pocket-x_low"


def piper_voice(name: str, source: Path = EMBEDDED_VOICE) -> dict[str, bytes]:
    """The files of the voice in a folder, at the place where Piper's repository has one of this name."""
    language, speaker, quality = name.split("-")
    folder = f"{language.partition('_')[0]}/{language}/{speaker}/{quality}"
    (model,) = source.glob("*.onnx")
    return {
        f"{folder}/{name}.onnx": model.read_bytes(),
        f"{folder}/{name}.onnx.json": model.with_name(f"{model.name}.json").read_bytes(),
        f"{folder}/MODEL_CARD": b"# Model card\n",
        f"{folder}/samples/speaker_0.mp3": b"not needed",
    }


@dataclass
class Hub:
    """What it holds, how it misbehaves, and what it was asked."""

    repositories: dict[str, dict[str, bytes]] = field(default_factory=dict)
    """Name of a repository, and its files."""
    commit: str = COMMIT
    token: str = ""
    """Wanted as bearer token, if any."""
    cuts: list[int] = field(default_factory=list)
    """Each of the next answers with a file's content breaks off after so many bytes."""
    damaged: set[str] = field(default_factory=set)
    """Files that arrive with a wrong byte."""
    knows_ranges: bool = True
    chunk_delay: float = 0.0
    """Seconds between pieces of 64 KiB."""
    status: int = 0
    """Answers everything with this status, if any."""
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Path and Range header of each request for a file."""
    tokens: list[str] = field(default_factory=list)
    url: str = ""

    def describe(self, name: str) -> dict[str, Any]:
        return {
            "id": name,
            "modelId": name,
            "sha": self.commit,
            "private": False,
            "tags": [],
            "downloads": 0,
            "siblings": [_sibling(file, content) for file, content in self.repositories[name].items()],
        }


def _sibling(name: str, content: bytes) -> dict[str, Any]:
    blob = hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest()
    sibling: dict[str, Any] = {"rfilename": name, "size": len(content), "blobId": blob}
    if name.endswith((".bin", ".onnx")):
        sibling["lfs"] = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 134}
    return sibling


@contextmanager
def running_hub(hub: Hub) -> Iterator[Hub]:
    """Serves until the context ends; `hub.url` is its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(hub)) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        hub.url = f"http://127.0.0.1:{server.server_port}"
        yield hub
        server.shutdown()
        thread.join()


def _handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            hub.tokens.append(self.headers.get("authorization", ""))
            file = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path)
            about = re.fullmatch(r"/api/models/([^/]+/[^/]+)", path)
            if hub.status:
                self.refuse(hub.status)
            elif hub.token and self.headers.get("authorization") != f"Bearer {hub.token}":
                self.refuse(401, "GatedRepo")
            elif about and about[1] in hub.repositories:
                self.answer(json.dumps(hub.describe(about[1])).encode(), "application/json")
            elif file and file[3] in hub.repositories.get(file[1], {}):
                self.send_file(file[1], file[3])
            else:
                self.refuse(404, "RepoNotFound")

        def send_file(self, repository: str, name: str) -> None:
            content = hub.repositories[repository][name]
            if name in hub.damaged:
                content = bytes([content[0] ^ 1]) + content[1:]
            wanted = self.headers.get("range", "")
            hub.asked.append((name, wanted))
            start = int(wanted[6:-1]) if wanted and hub.knows_ranges else 0
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
            self.send_header("X-Repo-Commit", hub.commit)
            self.send_header("X-Linked-Size", str(len(content)))
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            end = start + hub.cuts.pop(0) if hub.cuts else len(content)
            with contextlib.suppress(ConnectionError):
                for at in range(start, min(end, len(content)), 1 << 16):
                    self.wfile.write(content[at : min(at + (1 << 16), end)])
                    time.sleep(hub.chunk_delay)
            self.close_connection = end < len(content)

        def answer(self, body: bytes, kind: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def refuse(self, status: int, code: str = "") -> None:
            self.send_response(status)
            self.send_header("X-Error-Code", code)
            self.send_header("X-Error-Message", "refused")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    return Handler
