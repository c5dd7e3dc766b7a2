"""Short-lived keys that a key's owner makes for a browser: signed, so that nothing is stored for each.

A secret names its owner's key, the time until which it is valid, and the settings of its sessions. It is as long valid
as that key exists, and counts against that key's limits. The signing key is kept beside the keys' file, so that all
processes of a data folder accept each other's secrets. A server without keys signs with one of its own process. Servers
that share a PostgreSQL have one in it.
"""

import base64
import binascii
import hmac
import json
import os
import secrets
import time
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from speechd.auth.keys import keys_unavailable
from speechd.errors import AuthenticationFailed, InvalidRequest, Misconfigured

EPHEMERAL = "ek_"
MAX_SETTINGS = 3000
"""Bytes of a session's compressed settings: a secret travels in one header, for which clients and proxies take 8 kB."""
MAX_JSON = 64_000
"""Bytes of what is inside, uncompressed."""
SIGNATURE_BYTES = 32


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """What a secret says."""

    key: str
    """Id of its owner's key; "" on a server without keys."""
    expires_at: int
    """Unix seconds."""
    session: Mapping[str, Any]
    """Settings that sessions begin with."""


class ClientSecrets:
    """Makes and reads secrets."""

    def __init__(
        self, path: Path | None, clock: Callable[[], float] = time.time, *, awaits_shared: bool = False
    ) -> None:
        """
        Args:
            path: file of the signing key, which is made when it is first needed; None: one of this process.
            clock: Unix seconds.
            awaits_shared: `adopt` gives the signing key. Until then there is none.
        """
        self._path = path
        self.awaits_shared = awaits_shared
        self._clock = clock
        self._signing_key = b""

    def adopt(self, signing_key: bytes) -> None:
        """Signs with the key that servers share."""
        self._signing_key = signing_key
        self.awaits_shared = False

    def make(self, key: str, seconds: int, session: Mapping[str, Any]) -> tuple[str, int]:
        """A secret and the Unix second until which it is valid; it may read and write the signing key's file.

        Raises:
            InvalidRequest: the settings are too long.
            Misconfigured: the signing key cannot be kept.
            StorageUnavailable: the shared signing key was not read yet.
        """
        expires_at = int(self._clock()) + seconds
        content = zlib.compress(json.dumps([key, expires_at, secrets.token_hex(8), session]).encode(), 9)
        if len(content) > MAX_SETTINGS:
            raise InvalidRequest("The settings of the session are too long for a client secret.", param="session")
        return EPHEMERAL + _encoded(self._signature(content) + content), expires_at

    def read(self, value: str) -> ClientSecret:
        """
        Raises:
            AuthenticationFailed: it was not made here, or is not valid any more.
            StorageUnavailable: the shared signing key was not read yet.
        """
        try:
            signed = base64.urlsafe_b64decode(value.removeprefix(EPHEMERAL) + "==")
        except (binascii.Error, ValueError):
            raise AuthenticationFailed from None
        signature, content = signed[:SIGNATURE_BYTES], signed[SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, self._signature(content)):
            raise AuthenticationFailed
        key, expires_at, _, session = json.loads(zlib.decompressobj().decompress(content, MAX_JSON))
        if expires_at < self._clock():
            raise AuthenticationFailed("The client secret has expired.", code="client_secret_expired")
        return ClientSecret(key, expires_at, session)

    def _signature(self, content: bytes) -> bytes:
        if self.awaits_shared:
            raise keys_unavailable()
        if not self._signing_key:
            self._signing_key = _stored_key(self._path) if self._path else secrets.token_bytes(32)
        return hmac.digest(self._signing_key, content, "sha256")


def _stored_key(path: Path) -> bytes:
    """The key in the file. Of two processes that make it at once, one has its own kept."""
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
            draft.touch(mode=0o600)
            draft.write_text(secrets.token_hex(32))
            with suppress(FileExistsError):
                os.link(draft, path)
            draft.unlink()
        return bytes.fromhex(path.read_text())
    except (OSError, ValueError) as error:
        raise Misconfigured(f"The file {path.name}, which signs client secrets, cannot be used.") from error


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
