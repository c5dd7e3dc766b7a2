"""The other files of deploy/, each read by the program that it is for."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from speechd.api.lifecycle.graceful_server import LeavingTimes
from speechd.settings import Settings
from tests.conftest import ROOT
from tests.integration.deploy.conftest import DEPLOY, tool

UNIT = DEPLOY / "systemd" / "speechd.service"
COMPOSE = (ROOT / "compose.yaml", DEPLOY / "compose" / "several.yaml")


def seconds(text: str) -> float:
    return float(text.removesuffix("s"))


def test_nobody_kills_a_server_that_still_drains() -> None:
    needed = LeavingTimes.of(Settings()).total
    stop = next(line for line in UNIT.read_text().splitlines() if line.startswith("TimeoutStopSec="))
    assert seconds(stop.partition("=")[2]) > needed
    for file in COMPOSE:
        services = yaml.safe_load(file.read_text())["services"]
        servers = [each for each in services.values() if "build" in each and each.get("command") != ["worker"]]
        assert servers
        assert all(seconds(each["stop_grace_period"]) > needed for each in servers)


@pytest.mark.extra
def test_systemd_reads_the_unit(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace("/opt/speechd/bin/speechd", "/bin/true"))
    done = subprocess.run(["systemd-analyze", "verify", copy], capture_output=True, text=True, check=False)
    assert (done.returncode, copy.name in done.stderr) == (0, False), done.stderr


@pytest.mark.extra
@pytest.mark.parametrize("file", COMPOSE, ids=lambda path: path.name)
def test_compose_files_have_its_schema(file: Path) -> None:
    done = tool("check-jsonschema", "--builtin-schema", "vendor.compose-spec", file)
    assert done.returncode == 0, done.stdout


@pytest.mark.extra
@pytest.mark.parametrize("file", ["proxies/Caddyfile", "compose/Caddyfile"])
def test_caddy_reads_its_files(file: str) -> None:
    done = tool("caddy", "validate", "--adapter", "caddyfile", "--config", DEPLOY / file)
    assert done.returncode == 0, done.stderr


def test_traefik_is_told_where_the_servers_are() -> None:
    """Traefik is in no package index: only its YAML and the names in it are checked."""
    http = yaml.safe_load((DEPLOY / "proxies" / "traefik.yaml").read_text())["http"]
    router = http["routers"]["speechd"]
    assert set(router["middlewares"]) == set(http["middlewares"])
    assert router["service"] in http["services"]
    assert http["services"]["speechd"]["loadBalancer"]["healthCheck"]["path"] == "/readyz"
