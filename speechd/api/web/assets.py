"""The files of the page, read once: what they are, and under which rules a browser runs them."""

import base64
import gzip
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath

MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
"""By the file's ending. Licences have none and are text."""
START = "index.html"
NONCE = "{nonce}"
"""Stands in the start page for the number that allows the player its style sheet (CSP Level 3, section 2.3.1)."""
IMPORT_MAP = re.compile(r'<script type="importmap">(.*?)</script>', re.DOTALL)

PAGE_POLICY = (
    "default-src 'self'; script-src 'self' {scripts}; style-src 'self' 'nonce-{nonce}'; img-src 'self' data: blob:;"
    " media-src 'self' blob:; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)
FILE_POLICY = "default-src 'none'; frame-ancestors 'none'"
"""For a file that is opened by itself."""


@dataclass(frozen=True, slots=True)
class WebFile:
    """A file of the page."""

    content: bytes
    zipped: bytes
    """The same, in gzip."""
    media_type: str
    etag: str
    """Of the content, quoted (RFC 9110, section 8.8.3)."""

    @classmethod
    def of(cls, name: str, content: bytes) -> "WebFile":
        media_type = MEDIA_TYPES.get(PurePosixPath(name).suffix, "text/plain; charset=utf-8")
        digest = hashlib.sha256(content).hexdigest()[:32]
        return cls(content, gzip.compress(content, mtime=0), media_type, f'"{digest}"')


@cache
def web_files() -> dict[str, WebFile]:
    """All files below `static/`, by their path there. The first call reads them from the disk."""
    return {name: WebFile.of(name, entry.read_bytes()) for name, entry in _walk(files(__package__) / "static", "")}


@cache
def script_hashes() -> str:
    """The import map's hash: it is the only script that stands in the start page itself."""
    maps = IMPORT_MAP.findall(web_files()[START].content.decode())
    digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in maps]
    return " ".join(f"'sha256-{digest}'" for digest in digests)


def page_policy(nonce: str) -> str:
    """The content security policy of the start page."""
    return PAGE_POLICY.format(scripts=script_hashes(), nonce=nonce)


def _walk(folder: Traversable, prefix: str) -> Iterator[tuple[str, Traversable]]:
    for entry in sorted(folder.iterdir(), key=lambda each: each.name):
        if entry.is_dir():
            yield from _walk(entry, f"{prefix}{entry.name}/")
        else:
            yield prefix + entry.name, entry
