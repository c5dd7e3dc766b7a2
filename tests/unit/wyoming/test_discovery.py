"""The announcement on the local network."""

import importlib.util
import ipaddress

import pytest
from zeroconf.asyncio import AsyncZeroconf

from speechd.errors import FeatureNotInstalled, Misconfigured
from speechd.wyoming import discovery


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_an_address_of_this_machine_alone_is_not_announced(host: str) -> None:
    with pytest.raises(Misconfigured, match="SPEECHD_WYOMING_HOST"):
        discovery.check_announcing(host)


def test_an_address_that_is_given_is_announced() -> None:
    assert discovery.reachable_address("192.0.2.7") == ipaddress.ip_address("192.0.2.7")


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(FeatureNotInstalled, match=r"speechd\[zeroconf\]"):
        discovery.check_announcing("192.0.2.7")


async def test_it_is_found_while_it_is_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    loopback = ipaddress.ip_address("127.0.0.1")
    monkeypatch.setattr(discovery, "reachable_address", lambda host: loopback)
    monkeypatch.setattr(discovery.socket, "gethostname", lambda: "kitchen.example")
    name = f"speechd-kitchen.{discovery.SERVICE_TYPE}"
    async with AsyncZeroconf(interfaces=["127.0.0.1"]) as network, discovery.announced("0.0.0.0", 10_300):
        found = await network.async_get_service_info(discovery.SERVICE_TYPE, name, 10_000)
    assert found is not None
    assert (found.port, found.addresses) == (10_300, [loopback.packed])
