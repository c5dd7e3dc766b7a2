"""Requests to addresses that callers name. Each goes to a checked address only.

A name is resolved once, and every address of it must be allowed (`ssrf.py`). The connection goes to exactly such an
address, so that a second, different answer of the name server has no effect (DNS rebinding).
"""

import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Final

import httpx2

from speechd.errors import FailedDependency
from speechd.executors import DNS, run_in
from speechd.net.ssrf import Address, AddressPolicy, Target, literal_address

MAX_ADDRESSES: Final = 3
"""Addresses of one host that are tried, one after the other."""

CONNECT_SECONDS: Final = 10.0

Resolver = Callable[[str, int], Awaitable[list[Address]]]


@dataclass(frozen=True, slots=True)
class GuardedRequest:
    """A request, before the address of its host is known."""

    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""

    def to(self, client: httpx2.AsyncClient, target: Target, address: Address) -> httpx2.Request:
        """The request to the IP address, with the name as its host: TLS verifies the certificate against the name."""
        own = {
            "Host": target.host_header,
            "Accept-Encoding": "identity",  # no decompression, so no decompression bomb
            "User-Agent": "speechd",
        }
        return client.build_request(
            self.method,
            target.at(address),
            headers=own | dict(self.headers),
            content=self.content or None,
            extensions={"sni_hostname": target.host},
        )


async def system_resolver(host: str, port: int) -> list[Address]:
    """The addresses of a host by the system's resolver, in its order of preference."""
    found = await run_in(DNS, socket.getaddrinfo, host, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    addresses = [literal_address(str(entry[4][0])) for entry in found]
    return [address for address in dict.fromkeys(addresses) if address is not None]


def guarded_client(timeout: float, transport: httpx2.AsyncBaseTransport | None = None) -> httpx2.AsyncClient:
    """A client without proxies, .netrc and redirects of its own."""
    return httpx2.AsyncClient(
        transport=transport or httpx2.AsyncHTTPTransport(verify=_tls(), trust_env=False),
        trust_env=False,
        follow_redirects=False,
        timeout=httpx2.Timeout(timeout, connect=min(CONNECT_SECONDS, timeout)),
    )


async def allowed_addresses(target: Target, policy: AddressPolicy, resolver: Resolver) -> list[Address]:
    """The host's addresses, resolved once. One that is not allowed refuses the host.

    Raises:
        UrlNotAllowed, FailedDependency
    """
    policy.check_host(target)
    literal = literal_address(target.host)
    try:
        addresses = [literal] if literal else await resolver(target.host, target.port)
    except (OSError, UnicodeError) as error:
        raise failed(target, "could not be resolved") from error
    if not addresses:
        raise failed(target, "could not be resolved")
    for address in addresses:
        policy.check_address(target, address)
    return addresses[:MAX_ADDRESSES]


@asynccontextmanager
async def answer_of(
    message: GuardedRequest, client: httpx2.AsyncClient, target: Target, addresses: list[Address]
) -> AsyncIterator[httpx2.Response]:
    """The response of the first address that accepts a connection. Its body is not read yet.

    Raises:
        FailedDependency: none does, or the answer is not HTTP.
    """
    response = None
    try:
        for place, address in enumerate(addresses, start=1):
            try:
                response = await client.send(message.to(client, target, address), stream=True)
                break
            except (httpx2.ConnectError, httpx2.ConnectTimeout):
                if place == len(addresses):
                    raise
        assert response is not None  # noqa: S101 - there is at least one address
        yield response
    except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
        raise failed(target, "could not be reached") from error
    except httpx2.TimeoutException as error:
        raise failed(target, "is too slow") from error
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise failed(target, "broke off the transfer") from error
    finally:
        if response is not None:
            await response.aclose()


@cache
def _tls() -> ssl.SSLContext:
    """Reading the root certificates is slow, so it happens once."""
    return httpx2.create_ssl_context(trust_env=False)


def failed(target: Target, what: str) -> FailedDependency:
    return FailedDependency(f"The url's host {target.host} {what}.", param="url")
