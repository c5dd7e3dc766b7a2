"""Files on loopback, as a mirror, a package index or a registry gives them, and the ways in which that goes wrong."""

import hashlib
import json
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from threading import Event, Thread

CHUNK = 1 << 16


@dataclass
class FileServer:
    """What it has, how it misbehaves, and what it was asked."""

    files: dict[str, bytes] = field(default_factory=dict)
    """By path: `/simple/name/`."""
    status: int = 0
    """Answers everything with this status, if any."""
    silent: bool = False
    """Takes requests and never answers."""
    stalls: dict[str, int] = field(default_factory=dict)
    """Sends so many bytes of a file and then no more."""
    chunk_delay: float = 0.0
    """Seconds between pieces of 64 KiB."""
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Path and Range header of each request."""
    url: str = ""
    closing: Event = field(default_factory=Event)


@contextmanager
def serving_files(server: FileServer) -> Iterator[FileServer]:
    """Serves until the context ends; `server.url` is its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(server)) as httpd:
        thread = Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        server.url = f"http://127.0.0.1:{httpd.server_port}"
        try:
            yield server
        finally:
            server.closing.set()
            httpd.shutdown()
            thread.join()


def _handler(server: FileServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            server.asked.append((self.path, self.headers.get("range", "")))
            if server.silent:
                server.closing.wait()
                self.close_connection = True
                return
            content = server.files.get(self.path)
            if server.status or content is None:
                self.send_response(server.status or 404)
                self.send_header("WWW-Authenticate", 'Basic realm="models"')
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            with suppress(ConnectionError):
                self.give(content)

        do_CONNECT = do_GET  # noqa: N815  (the name that http.server looks for)

        def give(self, content: bytes) -> None:
            wanted = self.headers.get("range", "")
            start = int(wanted[6:-1]) if wanted else 0
            self.send_response(206 if start else 200)
            kind = "text/html" if self.path.endswith("/") else "application/octet-stream"
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            end = server.stalls.get(self.path, len(content))
            for at in range(start, end, CHUNK):
                self.wfile.write(content[at : min(at + CHUNK, end)])
                time.sleep(server.chunk_delay)
            if end < len(content):
                server.closing.wait()
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def wheel(name: str, members: Mapping[str, bytes]) -> bytes:
    """A wheel of version 1.0.0 with these members beside those that pip wants."""
    info = f"{name}-1.0.0.dist-info"
    own = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0.0\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for member, content in {**members, **own, f"{info}/RECORD": b""}.items():
            archive.writestr(zipfile.ZipInfo(member), content, zipfile.ZIP_DEFLATED)  # the same bytes at any time
    return buffer.getvalue()


def index_of(wheels: Mapping[str, bytes], tags: str = "py3-none-any") -> dict[str, bytes]:
    """The files of a package index (PEP 503) that has version 1.0.0 of these wheels, by the package's name."""
    files = {}
    for name, content in wheels.items():
        file = f"{name}-1.0.0-{tags}.whl"
        digest = hashlib.sha256(content).hexdigest()
        page = f'<!DOCTYPE html><html><body><a href="/files/{file}#sha256={digest}">{file}</a></body></html>'
        files |= {f"/simple/{name.replace('_', '-')}/": page.encode(), f"/files/{file}": content}
    return files


def registry_of(name: str, package: bytes, url: str) -> dict[str, bytes]:
    """The files of an npm registry that has version 1.0.0 of one package."""
    address = f"/{name}/-/{name}-1.0.0.tgz"
    version = {"name": name, "version": "1.0.0", "dist": {"tarball": url + address}}
    document = {"name": name, "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": version}}
    return {
        f"/{name}": json.dumps(document).encode(),
        f"/{name}/1.0.0": json.dumps(version).encode(),
        address: package,
    }
