"""Announces the server on the local network with multicast DNS (RFC 6762, 6763), as Home Assistant looks for it."""

import importlib.util
import ipaddress
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from speechd.errors import FeatureNotInstalled, Misconfigured

SERVICE_TYPE = "_wyoming._tcp.local."
ANY_MULTICAST = ("224.0.0.251", 5353)
"""Of mDNS: nothing is sent there to find the address of this machine's way to it."""


@asynccontextmanager
async def announced(host: str, port: int) -> AsyncGenerator[None]:
    """The server can be found during the block.

    Args:
        host: address that it listens on.

    Raises:
        FeatureNotInstalled, Misconfigured: see check_announcing.
    """
    address = check_announcing(host)
    from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

    name = f"speechd-{socket.gethostname().partition('.')[0]}"
    info = AsyncServiceInfo(SERVICE_TYPE, f"{name}.{SERVICE_TYPE}", addresses=[address.packed], port=port)
    async with AsyncZeroconf(interfaces=[str(address)]) as network:
        await network.async_register_service(info, allow_name_change=True)
        yield
        await network.async_unregister_service(info)


def check_announcing(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The address to announce.

    Raises:
        FeatureNotInstalled: the package zeroconf is not installed.
        Misconfigured: other machines cannot reach that address.
    """
    if importlib.util.find_spec("zeroconf") is None:
        raise FeatureNotInstalled("Announcing needs the package zeroconf: pip install 'speechd[zeroconf]'")
    return reachable_address(host)


def reachable_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The address of this machine to announce.

    Args:
        host: address that is listened on; the unspecified one stands for that of the way to the network.

    Raises:
        Misconfigured: other machines cannot reach it.
    """
    address = ipaddress.ip_address(host)
    if address.is_unspecified:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect(ANY_MULTICAST)
            except OSError as error:
                raise Misconfigured(f"SPEECHD_WYOMING_ZEROCONF: this machine is on no network ({error}).") from error
            address = ipaddress.ip_address(probe.getsockname()[0])
    if address.is_loopback:
        raise Misconfigured("SPEECHD_WYOMING_ZEROCONF needs an address that others can reach: SPEECHD_WYOMING_HOST.")
    return address
