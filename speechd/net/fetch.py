"""The `url` parameter: an http(s) URL, a `data:` URL or base64 text becomes an open file.

`safe_client.py` checks each address. A redirect is checked in the same way.
"""

import asyncio
import re
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, Final, cast
from urllib.parse import urljoin

import httpx2

from speechd.errors import FailedDependency, InvalidRequest, SpeechdError, UrlNotAllowed
from speechd.net.inline import InlineDecoder, too_large
from speechd.net.safe_client import (
    GuardedRequest,
    Resolver,
    allowed_addresses,
    answer_of,
    failed,
    guarded_client,
    system_resolver,
)
from speechd.net.ssrf import AddressPolicy, Target, parse_url

MEMORY_BYTES: Final = 4_000_000
"""A fetched file up to this size stays in memory; a larger one goes to an unnamed temporary file."""

MAX_REDIRECTS: Final = 5

FILE_PLEASE: Final = GuardedRequest(headers={"Accept": "audio/*, video/*;q=0.9, */*;q=0.5"})

_SLICE: Final = 1 << 16
"""Characters of a `data:` URL that are decoded at a time."""

_SCHEME: Final = re.compile(r"\s*[A-Za-z][A-Za-z0-9+.-]*:")


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """Limits on the size, the time and the addresses of a `url`."""

    max_bytes: int = 100_000_000
    """Largest file accepted, in bytes; also for `data:` URLs."""
    timeout: float = 60.0
    """Seconds for all of it: resolving, connecting, redirects and the transfer."""
    allow_hosts: tuple[str, ...] = ()
    """Host names, addresses or networks (CIDR) that may be reached although they are not public."""


async def fetch_audio(
    url: str,
    limits: FetchLimits,
    *,
    resolver: Resolver = system_resolver,
    transport: httpx2.AsyncBaseTransport | None = None,
) -> BinaryIO:
    """Opens what a `url` parameter names, as a file at its start. The caller closes it.

    Args:
        url: http(s) URL, `data:` URL (RFC 2397), or base64 or base64url text.
        limits: bounds on size, time and reach.
        resolver: how names become addresses.
        transport: how requests travel; the network when None.

    Raises:
        InvalidRequest: it is none of these, or malformed.
        UrlNotAllowed: it leads, directly or by a redirect, to an address that is not allowed.
        TooLarge: there are more than `limits.max_bytes`.
        FailedDependency: the host is unknown, unreachable, too slow, or answers with an error.
    """
    if not is_inline(url):
        return await _download(parse_url(url.strip()), limits, resolver, transport)
    return await asyncio.to_thread(_inline, url, limits.max_bytes)


def is_inline(url: str) -> bool:
    """The recording is in the parameter itself: a `data:` URL or base64 text."""
    scheme = _SCHEME.match(url)
    return scheme is None or scheme[0].strip().lower() == "data:"


def check_url(url: str, limits: FetchLimits) -> None:
    """Checks an http(s) URL before its host is resolved.

    Raises:
        InvalidRequest: it is malformed.
        UrlNotAllowed: it leads to an address that is not allowed.
    """
    AddressPolicy(limits.allow_hosts).check_host(parse_url(url.strip()))


async def _download(
    target: Target, limits: FetchLimits, resolver: Resolver, transport: httpx2.AsyncBaseTransport | None
) -> BinaryIO:
    file = _spool()
    client = guarded_client(limits.timeout, transport)
    try:
        async with asyncio.timeout(limits.timeout), client:
            await _follow(client, target, file, limits, resolver)
    except TimeoutError as error:
        file.close()
        message = f"The url's host {target.host} did not deliver within {limits.timeout:g} seconds."
        raise FailedDependency(message, param="url") from error
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file


async def _follow(
    client: httpx2.AsyncClient, target: Target, file: BinaryIO, limits: FetchLimits, resolver: Resolver
) -> None:
    """Follows redirects and writes the body of the last answer."""
    policy = AddressPolicy(limits.allow_hosts)
    for _ in range(MAX_REDIRECTS + 1):
        addresses = await allowed_addresses(target, policy, resolver)
        async with answer_of(FILE_PLEASE, client, target, addresses) as response:
            if not response.has_redirect_location:
                await _receive(response, target, file, limits.max_bytes)
                return
            target = _redirected(target, response.headers["location"])
        client.cookies.clear()
    raise FailedDependency(f"The url redirects more than {MAX_REDIRECTS} times.", param="url")


def _redirected(target: Target, location: str) -> Target:
    """
    Raises:
        UrlNotAllowed: from https to http, or to another scheme.
        FailedDependency: the location is malformed.
    """
    try:
        following = parse_url(urljoin(f"{target.scheme}://{target.host_header}{target.path}", location))
    except (ValueError, InvalidRequest) as error:
        raise failed(target, "redirects to a malformed address") from error
    if target.scheme == "https" and following.scheme != "https":
        raise UrlNotAllowed("The url redirects from https to http.", param="url")
    return following


async def _receive(response: httpx2.Response, target: Target, file: BinaryIO, max_bytes: int) -> None:
    """
    Raises:
        FailedDependency: the answer is not a file.
        TooLarge: its announced or real size is too large.
    """
    if not response.is_success:
        raise failed(target, f"answered {response.status_code}")
    if response.headers.get("content-encoding", "identity").lower() not in ("", "identity"):
        raise failed(target, "sent a compressed body against the request")
    declared = response.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > max_bytes:
        raise too_large(max_bytes)
    received = 0
    async for piece in response.aiter_raw():
        received += len(piece)
        if received > max_bytes:
            raise too_large(max_bytes)
        file.write(piece)


def _inline(url: str, max_bytes: int) -> BinaryIO:
    """The file that is in the parameter itself.

    Raises:
        InvalidRequest: it is empty or malformed.
        TooLarge
    """
    file, decoder = _spool(), InlineDecoder(max_bytes)
    try:
        for start in range(0, len(url), _SLICE):
            file.write(decoder.feed(url[start : start + _SLICE].encode("utf-8", "replace")))
        file.write(decoder.feed(b"", last=True))
    except SpeechdError:
        file.close()
        raise
    file.seek(0)
    return file


def _spool() -> BinaryIO:
    return cast(BinaryIO, SpooledTemporaryFile(max_size=MEMORY_BYTES))
