"""What is said of sources and text servers: there, closed, guarded by a password, forbidden by the settings."""

import os
import socket
from pathlib import Path

import pytest

from speechd.api.diagnosis.report import Finding
from speechd.cli.doctor import network
from speechd.settings import Settings
from tests.unit.cli.doctor.conftest import Serve


def one(check: object, settings: Settings) -> Finding:
    (finding,) = check(settings)  # type: ignore[operator]
    return finding


@pytest.fixture
def closed() -> str:
    """An address where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return f"http://127.0.0.1:{taken.getsockname()[1]}"


@pytest.mark.parametrize(("answer", "status"), [(200, "ok"), (404, "warning"), (401, "warning"), (503, "warning")])
def test_the_package_index(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, serve: Serve, answer: int, status: str
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", serve(answer).replace("http://", "http://anna:secret@") + "/simple")
    finding = one(network.package_index, settings)
    assert finding.status == status
    assert "secret" not in finding.message


def test_a_source_that_is_not_reached(settings: Settings, monkeypatch: pytest.MonkeyPatch, closed: str) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", closed)
    finding = one(network.package_index, settings)
    assert (finding.status, "not reached" in finding.message) == ("warning", True)
    assert finding.remedy


def test_the_index_of_pips_configuration_is_asked(tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text("[global]\nindex-url = https://example.org/simple\n")
    environment = {"PIP_CONFIG_FILE": str(tmp_path / "pip.conf"), "PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    assert network.index_address(environment) == "https://example.org/simple"
    assert network.index_address(environment | {"PIP_INDEX_URL": "https://other.org/"}) == "https://other.org/"
    assert network.index_address({"PATH": os.environ["PATH"], "PIP_CONFIG_FILE": os.devnull}) == network.PYPI


def test_an_index_in_a_folder(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", tmp_path.as_uri())
    assert one(network.package_index, settings).status == "ok"
    monkeypatch.setenv("PIP_INDEX_URL", (tmp_path / "nowhere").as_uri())
    assert one(network.package_index, settings).status == "warning"


@pytest.mark.parametrize(("answer", "status"), [(200, "ok"), (502, "warning")])
def test_the_hub(settings: Settings, monkeypatch: pytest.MonkeyPatch, serve: Serve, answer: int, status: str) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", serve(answer))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    assert one(network.hub, settings).status == status


def test_nothing_is_asked_offline(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "_asked", None)
    offline = settings.model_copy(update={"offline": True})
    for check in (network.package_index, network.hub, network.mirror_findings):
        assert one(check, offline).status == "skipped"


@pytest.mark.parametrize(("answer", "status"), [(200, "ok"), (404, "ok"), (401, "problem"), (500, "problem")])
def test_a_text_server(settings: Settings, serve: Serve, answer: int, status: str) -> None:
    asked = settings.model_copy(update={"llm_base_url": f"{serve(answer)}/v1"})
    finding = one(network.text_servers, asked)
    assert (finding.status, bool(finding.remedy)) == (status, status == "problem")


def test_a_text_server_that_is_down(settings: Settings, closed: str) -> None:
    finding = one(network.text_servers, settings.model_copy(update={"llm_base_url": f"{closed}/v1"}))
    assert finding.status == "problem"
    assert "SPEECHD_LLM_BASE_URL" in finding.remedy


def test_a_text_server_whose_address_is_none(settings: Settings) -> None:
    assert one(network.text_servers, settings.model_copy(update={"llm_base_url": "ollama"})).status == "problem"
    assert one(network.text_servers, settings).status == "skipped"
