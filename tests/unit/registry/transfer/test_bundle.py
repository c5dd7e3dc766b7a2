"""Models in one file: the same on the other side, and nothing from a hostile file."""

import io
import json
import tarfile
from pathlib import Path

import pytest

from speechd.errors import EmbeddedModel, InvalidRequest, SpeechdError
from speechd.registry.registry import ModelStore
from speechd.registry.transfer.bundle import CONTENTS, export_models, import_models
from speechd.settings import Settings

FILES = {"config.json": b"{}", "model.bin": b"weights" * 1000, "tokenizer.json": b"[]"}


def store(folder: Path, *names: str) -> ModelStore:
    for name in names:
        (folder / "models" / name).mkdir(parents=True)
        for file, content in FILES.items():
            (folder / "models" / name / file).write_bytes(content)
    return ModelStore(Settings(data_dir=folder))


def test_a_set_of_models_comes_out_as_it_went_in(tmp_path: Path) -> None:
    here, there = store(tmp_path / "here", "whisper-tiny", "org/mine", "local"), store(tmp_path / "there")
    names = ["whisper-tiny", "org/mine", "local"]
    export_models([here.get(name) for name in names], tmp_path / "set.tar")
    installed = import_models(tmp_path / "set.tar", there)
    assert [model.id for model in installed] == names
    for name in names:
        path = there.get(name).path
        assert {file.name: file.read_bytes() for file in path.iterdir()} == FILES
    assert import_models(tmp_path / "set.tar", there) == []
    assert {entry.name for entry in there.folder.iterdir()} == {"whisper-tiny", "org", "local"}


def test_only_installed_models_that_the_other_side_lacks(tmp_path: Path) -> None:
    models = store(tmp_path)
    with pytest.raises(InvalidRequest, match="not installed"):
        export_models([models.get("whisper-tiny")], tmp_path / "set.tar")
    with pytest.raises(EmbeddedModel):
        export_models([models.get("whisper-pocket")], tmp_path / "set.tar")
    with pytest.raises(InvalidRequest):
        export_models([], tmp_path / "set.tar")
    assert not list(tmp_path.iterdir())


def test_a_damaged_file_installs_nothing(tmp_path: Path) -> None:
    target = tmp_path / "set.tar"
    export_models([store(tmp_path / "here", "whisper-tiny").get("whisper-tiny")], target)
    good = target.read_bytes()
    there = store(tmp_path / "there")
    spot = good.index(b"weightsweights")
    damages = [good[:spot] + b"W" + good[spot + 1 :], good[: len(good) // 2], good[:100], b"", b"x" * 5000]
    for damage in damages:
        target.write_bytes(damage)
        with pytest.raises(InvalidRequest):
            import_models(target, there)
        assert not there.get("whisper-tiny").installed
        assert not list(there.folder.iterdir())


def entry(content: bytes) -> dict[str, object]:
    import hashlib

    return {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def member(name: str, content: bytes = b"", **attributes: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in attributes.items():
        setattr(info, key, value)
    return info, content


HOSTILE = {
    "outside by its list": ({"m": {"../../evil": entry(b"x")}}, [member("m/../../evil", b"x")]),
    "outside by the model's name": ({"../evil": {"f": entry(b"x")}}, [member("../evil/f", b"x")]),
    "hidden folder": ({".pulling": {"f": entry(b"x")}}, [member(".pulling/f", b"x")]),
    "absolute": ({"m": {"/tmp/evil": entry(b"x")}}, [member("m//tmp/evil", b"x")]),
    "not in the list": ({"m": {"f": entry(b"x")}}, [member("m/f", b"x"), member("evil", b"x")]),
    "symbolic link": ({"m": {"f": entry(b"")}}, [member("m/f", type=tarfile.SYMTYPE, linkname="/etc/passwd")]),
    "hard link": ({"m": {"f": entry(b"")}}, [member("m/f", type=tarfile.LNKTYPE, linkname="/etc/passwd")]),
    "device": ({"m": {"f": entry(b"")}}, [member("m/f", type=tarfile.CHRTYPE)]),
    "longer than promised": ({"m": {"f": entry(b"x")}}, [member("m/f", b"xx")]),
    "other content": ({"m": {"f": entry(b"x")}}, [member("m/f", b"y")]),
    "missing": ({"m": {"f": entry(b"x")}}, []),
    "embedded": ({"whisper-pocket": {"config.json": entry(b"x")}}, [member("whisper-pocket/config.json", b"x")]),
    "not a model": ({"m": {"f": entry(b"x")}}, [member("m/f", b"x")]),
    "no hashes": ({"m": {"f": {}}}, [member("m/f", b"x")]),
    "list of another shape": ([1], []),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_write_nothing_outside(tmp_path: Path, name: str) -> None:
    contents, members = HOSTILE[name]
    with tarfile.open(tmp_path / "set.tar", "w") as tar:
        for info, content in [member(CONTENTS, json.dumps({"models": contents}).encode()), *members]:
            tar.addfile(info, io.BytesIO(content))
    models = store(tmp_path / "data")
    with pytest.raises(SpeechdError):
        import_models(tmp_path / "set.tar", models)
    assert not list(tmp_path.rglob("evil*"))
    assert not list(models.folder.iterdir())
