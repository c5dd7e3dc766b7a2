"""Access control: bearer keys, or without any key only programs on this machine.

A keyless server on loopback can be attacked through browsers: by a page of another site (seen in `Origin`) and by DNS
rebinding, where a foreign name resolves to 127.0.0.1 (seen in `Host`). All checks are pure functions of headers.
"""

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection

from speechd.api.middleware.socket_keys import key_of_socket
from speechd.api.routes.docs import ASSETS
from speechd.auth.client_secrets import EPHEMERAL, ClientSecret, ClientSecrets
from speechd.auth.keys import Key, KeyRing
from speechd.errors import AuthenticationFailed, HostNotAllowed, Misconfigured, OriginNotAllowed
from speechd.settings import Settings

OPEN_PATHS = frozenset({"/", "/healthz", "/readyz", "/docs", *ASSETS, "/openapi.json", "/app"})
"""Served without a key: they reveal nothing about callers."""
OPEN_BELOW = "/app/"
"""The files of the page are served without a key too. They hold no data."""
FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")
"""Headers by which a proxy on this machine says that it asks for somebody else."""
PROBE_PATHS = frozenset({"/healthz", "/readyz"})
"""Served under any host name: orchestrators send probes to an address."""


@dataclass(frozen=True, slots=True)
class Access:
    """The rules of access, from the settings."""

    keys: KeyRing
    """The bearer keys, one of which callers must send. Without any, no key is required."""
    any_host: bool
    """Whether the operator allows every caller under any host name without a key."""
    origins: frozenset[str]
    """Origins of web pages that may call; `*` is all."""
    secrets: ClientSecrets
    """Short-lived keys, which open sockets only."""

    @classmethod
    def of(cls, settings: Settings) -> "Access":
        keys = KeyRing(settings)
        signing = settings.keys_path.with_name("client_secrets.key") if keys.required else None
        return cls(
            keys=keys,
            any_host=settings.allow_anonymous,
            origins=frozenset(origin.rstrip("/").lower() for origin in settings.cors_origins),
            secrets=ClientSecrets(signing),
        )

    def allows_origin(self, origin: str) -> bool:
        """Whether web pages of that origin may call."""
        return "*" in self.origins or origin.lower() in self.origins

    def check(self, path: str, headers: Headers) -> Key | None:
        """The caller's key, where one is required.

        Raises:
            AuthenticationFailed: the key is missing or wrong.
            HostNotAllowed, OriginNotAllowed: a web page may be behind this request.
        """
        if not self.keys.required:
            self._check_browser(path, headers)
        elif path not in OPEN_PATHS and not path.startswith(OPEN_BELOW):
            return self._check_key(headers)
        return None

    def check_socket(self, path: str, headers: Headers, query: bytes) -> tuple[Key | None, ClientSecret | None]:
        """The same for a WebSocket, which web pages open without asking first: whose key it is, and the client secret
        that was sent in its place.

        Args:
            query: of the URL, as it was sent.

        Raises:
            AuthenticationFailed, HostNotAllowed, OriginNotAllowed: as in `check`.
        """
        given = key_of_socket(headers, query)
        if not self.keys.required:
            self._check_browser(path, headers)
            return None, self.secrets.read(given) if given.startswith(EPHEMERAL) else None
        if given.startswith(EPHEMERAL):
            secret = self.secrets.read(given)
            return self._valid(self.keys.with_id(secret.key)), secret
        return self._key(given), None

    def check_preflight(self, headers: Headers) -> None:
        """
        Raises:
            OriginNotAllowed: pages of that origin may not call.
        """
        origin = headers.get("origin", "")
        if not self.allows_origin(origin):
            raise _origin_not_allowed(origin)

    def _check_key(self, headers: Headers) -> Key:
        scheme, _, credentials = headers.get("authorization", "").partition(" ")
        return self._key(credentials.strip() if scheme.lower() == "bearer" else "")

    def _key(self, given: str) -> Key:
        if not given:
            raise AuthenticationFailed("The API key is missing. Send it as `Authorization: Bearer <key>`.")
        return self._valid(self.keys.find(given.encode("latin-1", "replace")))

    def _valid(self, key: Key | None) -> Key:
        if key is None:
            raise AuthenticationFailed
        return key

    def _check_browser(self, path: str, headers: Headers) -> None:
        host = headers.get("host", "")
        if not (self.any_host or path in PROBE_PATHS or is_loopback(_host_name(host))):
            raise _host_not_allowed(host)
        origin = headers.get("origin")
        if origin is None or self.allows_origin(origin):
            return
        if not _same_site(origin, host):
            raise _origin_not_allowed(origin)


def is_loopback(host: str) -> bool:
    """Whether a name or address is loopback: `localhost`, `x.localhost` (RFC 6761), 127.0.0.0/8, ::1."""
    name = host.lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def is_this_machine(connection: HTTPConnection) -> bool:
    """Whether a program of this machine asks, and not for somebody else as a proxy does."""
    client = connection.client.host if connection.client else ""
    return is_loopback(client) and not any(name in connection.headers for name in FORWARDED)


def refuse_unsafe_binding(settings: Settings) -> None:
    """Checks the address before the server listens.

    Raises:
        Misconfigured: the address can be reached from outside and neither a key nor `allow_anonymous` is set.
    """
    if settings.allow_anonymous or is_loopback(settings.host) or KeyRing(settings).required:
        return
    raise Misconfigured(
        f"Refusing to listen on {settings.host or 'every address'} without an API key. Set SPEECHD_API_KEY, "
        "make one with `speechd keys add`, or set SPEECHD_ALLOW_ANONYMOUS=true"
        " if everybody on the network may use this server."
    )


def _host_not_allowed(host: str) -> HostNotAllowed:
    return HostNotAllowed(
        f"Without API keys this server answers only under a loopback host name such as localhost, not {host[:80]!a}."
        " Set SPEECHD_API_KEY on the server, or make keys with `speechd keys add`, and send one. Set SPEECHD_HOST too"
        " if other machines are to reach it."
    )


def _origin_not_allowed(origin: str) -> OriginNotAllowed:
    return OriginNotAllowed(
        f"Web pages of the origin {origin[:80]!a} may not call this server. Add the origin to SPEECHD_CORS_ORIGINS on"
        " the server, or `*` for every page."
    )


def _host_name(host: str) -> str:
    """`[::1]:8000` -> `::1`, `localhost:8000` -> `localhost`; empty when malformed."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _same_site(origin: str, host: str) -> bool:
    """Whether the page came from this server; `null` and malformed origins did not."""
    try:
        return bool(host) and urlsplit(origin).netloc.lower() == host.lower()
    except ValueError:
        return False
