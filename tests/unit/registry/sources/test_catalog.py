"""What the catalog pins can be brought, and what is brought when nobody says what."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from speechd.errors import InvalidRequest
from speechd.registry.catalog import Model
from speechd.registry.defaults import default_pair, system_language
from speechd.registry.files import LAYOUTS, PULLED_FILES, shipped_models
from speechd.registry.registry import ModelStore
from speechd.registry.sources.base import is_plain
from speechd.registry.sources.hub import HubSource
from speechd.registry.sources.npm import NpmSource
from speechd.registry.sources.packages import PackagesSource
from speechd.registry.transfer.mirroring import write_mirror
from speechd.settings import Settings
from tests.unit.registry.sources.conftest import FILES, MODEL
from tests.unit.registry.sources.test_sources import bring

ROWS = ModelStore(Settings(data_dir=Path("/nonexistent"))).list()
PINNED = [model for model in ROWS if model.pinned]


@pytest.mark.parametrize("model", PINNED, ids=lambda model: model.id)
def test_a_pinned_model_names_all_that_its_engine_loads(model: Model) -> None:
    names = [Path(file.path) for file in model.files]
    assert all(any(name.match(pattern) for name in names) for pattern in LAYOUTS[model.engine])
    assert all(any(name.match(pattern) for pattern in PULLED_FILES[model.engine]) for name in names)
    assert all(re.fullmatch("[0-9a-f]{64}", file.sha256) and file.size > 0 for file in model.files)
    assert all(is_plain(file.path) for file in model.files)
    assert len({file.path for file in model.files}) == len(model.files)


@pytest.mark.parametrize("model", PINNED, ids=lambda model: model.id)
def test_every_source_of_a_pinned_model_has_all_of_its_files(model: Model) -> None:
    assert model.sources
    for source in model.sources:
        if isinstance(source, HubSource):
            assert source.revision
        if isinstance(source, PackagesSource | NpmSource):
            given = {path for archive in source.archives for path, _ in archive.members}
            assert given == {file.path for file in model.files}
            assert all(re.fullmatch("[0-9a-f]{64}", archive.sha256) for archive in source.archives)
            assert all(re.fullmatch(r"[\w.@/-]+(==|@)[\w.]+", archive.requirement) for archive in source.archives)


@pytest.mark.parametrize("model", [model for model in ROWS if model.licence], ids=lambda model: model.id)
def test_a_licence_has_its_text(model: Model) -> None:
    text = (shipped_models() / "licences" / f"{model.licence}.txt").read_text()
    assert model.copyright or "copyright notice" not in text


def test_the_first_minute_needs_no_hub() -> None:
    for name in ("whisper-base", "whisper-tiny.en", "en_US-joe-medium"):
        (model,) = (row for row in PINNED if row.id == name)
        assert any(isinstance(source, PackagesSource) for source in model.sources)


@pytest.mark.parametrize(
    ("language", "voice"),
    [
        ("en", "en_US-joe-medium"),
        ("de", "de_DE-thorsten-medium"),
        ("fr", "fr_FR-siwis-medium"),
        ("ja", "en_US-joe-medium"),
    ],
)
def test_the_default_pair_speaks_the_systems_language(store: ModelStore, language: str, voice: str) -> None:
    assert [model.id for model in default_pair(store, language)] == ["whisper-base", voice]


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "POSIX"}, "en"),
        ({"LANG": "de_AT.UTF-8"}, "de"),
        ({"LANG": "de_AT.UTF-8", "LC_ALL": "fr_FR@euro"}, "fr"),
        ({"LC_ALL": "", "LC_MESSAGES": "es", "LANG": "de_DE"}, "es"),
        ({"LANG": "???"}, "en"),
    ],
)
def test_the_systems_language(environment: dict[str, str], language: str) -> None:
    assert system_language(environment) == language


def test_a_mirror_written_here_serves_there(
    store: ModelStore, tmp_path: Path, folder_mirror: Path, assert_installed: Callable[[Model], None]
) -> None:
    model = bring(store, mirror=str(folder_mirror))
    copy = tmp_path / "copy"
    assert write_mirror([model], copy) == len(FILES)
    assert write_mirror([model], copy) == 0
    assert {path.name for path in copy.iterdir()} == {file.sha256 for file in MODEL.files}
    store.remove(MODEL.id)
    assert_installed(bring(store, mirror=str(copy), offline=True))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"files": ()}, "not pinned"),
        ({"path": None}, "not installed"),
        ({"path": Path("/nonexistent")}, "was not completed"),
    ],
)
def test_what_a_mirror_cannot_hold(tmp_path: Path, change: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        write_mirror([replace(MODEL, **change)], tmp_path / "mirror")
    assert not list(tmp_path.glob("mirror/*"))


def test_a_spoiled_file_does_not_get_into_a_mirror(store: ModelStore, tmp_path: Path, folder_mirror: Path) -> None:
    model = bring(store, mirror=str(folder_mirror))
    (model.path / "model.bin").write_bytes(b"spoiled")
    with pytest.raises(InvalidRequest, match="is not the pinned file"):
        write_mirror([model], tmp_path / "copy")
