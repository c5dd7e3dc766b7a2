"""The guard against server-side request forgery (SSRF): which URLs of callers are allowed.

Nothing here opens a connection. A host passes when it is spelt plainly and every address it stands for is public, or
when the operator allows it. No library serves: drawbridge and ssrfguard guard so too, but wrap httpx, and our client is
httpx2.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final
from urllib.parse import SplitResult, urlsplit

from speechd.errors import InvalidRequest, UrlNotAllowed

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_REFUSED: Final[tuple[Network, ...]] = tuple(
    ip_network(network)
    # On top of all that `is_global` knows to be private, loopback, link-local, shared (RFC 6598), reserved, and so on
    # (IANA's registries of special-purpose addresses): forms that carry another address inside, and cloud metadata.
    for network in (
        "168.63.129.16/32",  # Azure's wire server
        "192.0.0.0/24",  # protocol assignments and Oracle's metadata, which Python 3.11 calls global
        "192.88.99.0/24",  # 6to4 relays, RFC 7526
        "2001::/23",  # protocol assignments, with Teredo
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4
        "3fff::/20",  # documentation, RFC 9637
    )
)

_GLOBAL_UNICAST: Final = ip_network("2000::/3")
"""RFC 4291; what is outside has an IPv4 address inside (mapped, compatible, NAT64) or is no host on the internet."""

_LOCAL_NAMES: Final = ("localhost", "local", "internal", "intranet", "lan", "home.arpa", "localdomain")
"""Names that only mean something on the server's own network (RFC 6761, RFC 6762, RFC 8375, ICANN's `.internal`)."""

_LABEL: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")

_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
"""A last label like this makes resolvers read the whole host as an IPv4 address (WHATWG URL, "ends in a number")."""

_WEB_PORTS: Final = frozenset({80, 443})

# Listening above 1023 and no web servers: proxies, brokers, databases, desktops, clusters.
# fmt: off
_SERVICE_PORTS: Final = frozenset({
    1080, 1433, 1521, 1883, 2049, 2181, 2375, 2376, 2379, 2380, 3128, 3306, 3389, 5060, 5061, 5432, 5672, 5900, 5984,
    5985, 5986, 6000, 6379, 6443, 6665, 6666, 6667, 6668, 6669, 6697, 7001, 8500, 9042, 9092, 9100, 9200, 9300, 10250,
    10255, 11211, 27017, 27018, 50070,
})
# fmt: on


@dataclass(frozen=True, slots=True)
class Target:
    """One http(s) URL in an unambiguous spelling."""

    scheme: str
    host: str
    """Lower case, without a trailing dot and without brackets."""
    port: int
    path: str
    """Path and query as the request line has them."""

    @property
    def host_header(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _default_port(self.scheme) else f"{host}:{self.port}"

    def at(self, address: Address) -> str:
        """The URL of the same thing at this address."""
        host = f"[{address}]" if address.version == 6 else str(address)
        return f"{self.scheme}://{host}:{self.port}{self.path}"


class AddressPolicy:
    """Public addresses, plus the hosts and networks that the operator allows."""

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        """
        Args:
            allowed: host names, addresses and networks in CIDR notation.
        """
        self._names: set[str] = set()
        self._networks: list[Network] = []
        for entry in allowed:
            try:
                self._networks.append(ip_network(entry.strip(), strict=False))
            except ValueError:
                self._names.add(entry.strip().lower().rstrip("."))

    def check_host(self, target: Target) -> None:
        """Checks a target before its name is resolved.

        Raises:
            UrlNotAllowed: a literal address or a name that may not be reached, or a port that is not the web's.
        """
        literal = literal_address(target.host)
        if literal is not None:
            self.check_address(target, literal)
        elif _is_local_name(target.host) and target.host not in self._names and not self._networks:
            raise _refusal(target)
        if target.port in _WEB_PORTS or (target.port >= 1024 and target.port not in _SERVICE_PORTS):
            return
        if target.host not in self._names and (literal is None or not self._in_networks(literal)):
            raise UrlNotAllowed(f"The url names port {target.port}, which is not a web server's.", param="url")

    def check_address(self, target: Target, address: Address) -> None:
        """
        Raises:
            UrlNotAllowed: the host stands for an address that may not be reached.
        """
        if target.host not in self._names and not self._in_networks(address) and not is_public(address):
            raise _refusal(target)

    def _in_networks(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


def is_public(address: Address) -> bool:
    """Whether an address is a public host, without another address inside."""
    if isinstance(address, IPv6Address) and (address.scope_id or address not in _GLOBAL_UNICAST):
        return False
    if not address.is_global or address.is_multicast or address.is_reserved:
        return False
    return not any(address in network for network in _REFUSED)


def parse_url(url: str) -> Target:
    """Parses an http or https URL strictly: what two parsers could read differently is refused.

    Raises:
        InvalidRequest: it is malformed.
        UrlNotAllowed: another scheme, credentials, or an address in an unusual spelling.
    """
    if not url.isascii() or any(char <= " " or char in '\\"<>^`{|}\x7f' for char in url):
        raise InvalidRequest("The url has characters that must be percent-encoded or written as xn--.", param="url")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InvalidRequest("The url is malformed.", param="url") from error
    if parts.scheme not in ("http", "https"):
        raise UrlNotAllowed("The url must begin with http:// or https://, or be a data: URL.", param="url")
    if "@" in parts.netloc:
        raise UrlNotAllowed("The url must not contain credentials.", param="url")
    if port == 0 or parts.netloc.endswith(":"):
        raise InvalidRequest("The url has no valid port.", param="url")
    return Target(parts.scheme, _plain_host(parts), port or _default_port(parts.scheme), _path(parts))


def literal_address(host: str) -> Address | None:
    """The address that a host is written as; None for a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def _plain_host(parts: SplitResult) -> str:
    host = (parts.hostname or "").lower()
    if parts.netloc.startswith("["):
        if not isinstance(literal_address(host), IPv6Address) or "%" in host:
            raise UrlNotAllowed("The url's host is not a plain IPv6 address.", param="url")
        return host
    host = host.removesuffix(".")
    if isinstance(literal_address(host), IPv4Address):
        return host
    labels = host.split(".")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise InvalidRequest("The url has no valid host name.", param="url")
    if _NUMBER.fullmatch(labels[-1]):
        raise UrlNotAllowed("The url's host is an address in an unusual spelling.", param="url")
    return host


def _is_local_name(host: str) -> bool:
    return any(f".{host}".endswith(f".{name}") for name in _LOCAL_NAMES)


def _path(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _default_port(scheme: str) -> int:
    return 443 if scheme == "https" else 80


def _refusal(target: Target) -> UrlNotAllowed:
    return UrlNotAllowed(
        f"The url's host {target.host} has an address that is not public. This server does not fetch from"
        " it unless its operator lists it in SPEECHD_FETCH_ALLOW_HOSTS.",
        param="url",
    )
