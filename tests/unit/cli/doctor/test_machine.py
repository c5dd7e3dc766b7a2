"""What is said of folders, disks, ports, keys and GPUs in each state that they can be in."""

import shutil
import socket
from collections import namedtuple
from pathlib import Path

import pytest

from speechd.api.diagnosis import machine
from speechd.api.diagnosis.report import Finding
from speechd.cli.doctor import port as port_check
from speechd.settings import Settings
from tests.unit.cli.doctor.conftest import Serve


def one(check: object, settings: Settings) -> Finding:
    (finding,) = check(settings)  # type: ignore[operator]
    return finding


def test_a_folder_that_is_there_or_can_be_made_is_fine(settings: Settings) -> None:
    assert one(machine.data_folder, settings).status == "ok"
    assert not settings.data_dir.exists(), "nothing was changed"
    (settings.data_dir / "models").mkdir(parents=True)
    assert one(machine.data_folder, settings) == Finding("ok", f"{settings.data_dir}.")
    assert [path.name for path in settings.data_dir.iterdir()] == ["models"]


@pytest.mark.parametrize("inner", ["", "data"])
def test_a_folder_that_cannot_be_written_is_a_problem(tmp_path: Path, inner: str) -> None:
    (tmp_path / "file").touch()
    finding = one(machine.data_folder, Settings(data_dir=tmp_path / "file" / inner))
    assert finding.status == "problem"
    assert "SPEECHD_DATA_DIR" in finding.remedy


def test_a_models_folder_of_another_user_is_a_problem(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    (settings.data_dir / "models").mkdir(parents=True)
    monkeypatch.setattr("os.access", lambda path, _: Path(path).name != "models")
    assert one(machine.data_folder, settings).status == "problem"


@pytest.mark.parametrize(("free", "status"), [(5e6, "problem"), (1e9, "warning"), (9e9, "ok")])
def test_a_full_disk(settings: Settings, monkeypatch: pytest.MonkeyPatch, free: float, status: str) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(1e12, 0, int(free)))
    assert one(machine.disk, settings).status == status


def test_a_free_port(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        free = taken.getsockname()[1]
    assert one(port_check.port, settings.model_copy(update={"port": free})).status == "ok"
    assert one(port_check.port, settings).status == "ok"


def test_a_port_that_something_else_has(settings: Settings, serve: Serve) -> None:
    port = int(serve(200, '{"name": "something else"}').rpartition(":")[2])
    finding = one(port_check.port, settings.model_copy(update={"port": port}))
    assert finding.status == "problem"
    assert str(port) in finding.message
    assert "SPEECHD_PORT" in finding.remedy


def test_a_port_that_speechd_has(settings: Settings, serve: Serve) -> None:
    port = int(serve(200, '{"name": "speechd"}').rpartition(":")[2])
    finding = one(port_check.port, settings.model_copy(update={"port": port}))
    assert finding.status == "ok"
    assert "serving" in finding.message


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({}, "ok"),
        ({"host": "0.0.0.0"}, "problem"),
        ({"host": "0.0.0.0", "api_key": "secret"}, "ok"),
        ({"host": "0.0.0.0", "allow_anonymous": True}, "warning"),
    ],
)
def test_who_may_call(settings: Settings, given: dict[str, object], status: str) -> None:
    assert one(machine.access, Settings(data_dir=settings.data_dir, **given)).status == status  # type: ignore[arg-type]


def test_a_damaged_key_file_is_a_problem(settings: Settings) -> None:
    settings.data_dir.mkdir()
    settings.keys_path.write_text("{")
    assert one(machine.access, settings).status == "problem"


@pytest.mark.parametrize(
    ("wanted", "count", "driver", "libraries", "status", "says"),
    [
        ("auto", 0, False, False, "ok", "no GPU"),
        ("cpu", 2, True, False, "ok", "2 GPUs are not used"),
        ("auto", 2, True, True, "ok", "2 GPUs"),
        ("auto", 0, True, False, "warning", "no CUDA device"),
        ("cuda", 0, False, False, "problem", "no CUDA device"),
        ("cuda:0", 0, True, True, "problem", "no CUDA device"),
        ("auto", 1, True, False, "problem", "libcublas.so.12 and libcudnn.so.9"),
    ],
)
def test_gpus(wanted: str, count: int, driver: bool, libraries: bool, status: str, says: str) -> None:
    (finding,) = machine.device_findings(wanted, count, driver, lambda _: libraries)
    assert (finding.status, says in finding.message) == (status, True), finding
    assert bool(finding.remedy) == (status != "ok")


def test_the_gpus_of_this_machine_are_looked_at(settings: Settings) -> None:
    assert one(machine.devices, settings.model_copy(update={"device": "cpu"})).status == "ok"
