"""Models in one file, for machines without a hub: a tar whose first member names every file with its SHA-256."""

import hashlib
import io
import json
import re
import shutil
import tarfile
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import IO, Any

from speechd.errors import EmbeddedModel, InvalidRequest
from speechd.registry.catalog import UNKNOWN, Model
from speechd.registry.files import engine_of
from speechd.registry.registry import ModelStore
from speechd.registry.sources.base import CHUNK

CONTENTS = "speechd-models.json"
MAX_CONTENTS = 4 << 20
"""Bytes; far more than any honest list of files takes."""
MODEL_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9][\w.-]{0,95})?")

Contents = dict[str, dict[str, dict[str, Any]]]
"""By model and file name: `{"size", "sha256"}`."""


def export_models(models: Sequence[Model], target: Path) -> None:
    """Writes models into one file, which appears when it is complete.

    Raises:
        InvalidRequest: one of them is not installed, or none is named.
        EmbeddedModel: one comes with speechd itself.
    """
    folders = {model.id: _folder(model) for model in models}
    if not folders:
        raise InvalidRequest("Name at least one model.")
    contents = {name: {file: _entry(folder / file) for file in _files(folder)} for name, folder in folders.items()}
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as output:
        try:
            with tarfile.open(fileobj=output, mode="w") as tar:
                _add(tar, CONTENTS, io.BytesIO(document := _document(contents)), len(document))
                for name, files in contents.items():
                    for file, entry in files.items():
                        with (folders[name] / file).open("rb") as stream:
                            _add(tar, f"{name}/{file}", stream, entry["size"])
            Path(output.name).chmod(0o644)
            Path(output.name).replace(target)
        except BaseException:
            Path(output.name).unlink(missing_ok=True)
            raise


def _folder(model: Model) -> Path:
    if model.embedded:
        raise EmbeddedModel(f"The model `{model.id}` comes with speechd, so the other machine has it.")
    if model.path is None:
        raise InvalidRequest(f"The model `{model.id}` is not installed.")
    return model.path


def _files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def _entry(path: Path) -> dict[str, Any]:
    with path.open("rb") as stream:
        return {"size": path.stat().st_size, "sha256": hashlib.file_digest(stream, "sha256").hexdigest()}


def _document(contents: Contents) -> bytes:
    return json.dumps({"format": 1, "models": contents}, indent=1).encode()


def _add(tar: tarfile.TarFile, name: str, stream: IO[bytes], size: int) -> None:
    member = tarfile.TarInfo(name)
    member.size = size
    tar.addfile(member, stream)


def import_models(source: Path, store: ModelStore) -> list[Model]:
    """Installs the models of a file that `export_models` wrote; installed models are not changed.

    Every member must be a plain file that the list of contents names, with its hash; nothing else is written, and
    nothing is installed unless the whole file is right.

    Raises:
        InvalidRequest: it is not such a file, or it is damaged.
        EmbeddedModel: it wants to replace a model that comes with speechd.
    """
    store.folder.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(dir=store.folder, prefix=".import-"))
    try:
        with tarfile.open(source, mode="r|*") as tar:
            contents = _read_contents(tar)
            installed = {model.id: model for model in store.list() if model.installed}
            _refuse_embedded(contents, installed)
            _extract(tar, contents, staging)
        missing = [name for name in _members(contents) if not (staging / name).is_file()]
        if missing:
            raise InvalidRequest(f"{source.name} is incomplete: `{missing[0]}` is missing.")
        return [_install(name, staging / name, store) for name in contents if name not in installed]
    except (tarfile.TarError, EOFError) as error:
        raise InvalidRequest(f"{source.name} is not a file of models, or it is damaged: {error}.") from error
    finally:
        shutil.rmtree(staging)


def _read_contents(tar: tarfile.TarFile) -> Contents:
    member = tar.next()
    stream = tar.extractfile(member) if member and member.name == CONTENTS and member.size <= MAX_CONTENTS else None
    if stream is None:
        raise InvalidRequest("The file does not begin with a list of models.")
    try:
        contents: Contents = json.loads(stream.read())["models"]
        plain = all(MODEL_ID.fullmatch(name) and all(map(_is_plain, files)) for name, files in contents.items())
        whole = all(set(entry) >= {"size", "sha256"} for files in contents.values() for entry in files.values())
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InvalidRequest("The file's list of models is damaged.") from error
    if not plain or not whole:
        raise InvalidRequest("The file's list of models names paths outside the folders of the models.")
    return contents


def _is_plain(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return bool(parts) and not name.startswith("/") and not {"..", "\\", "\0"} & {*parts, *name}


def _refuse_embedded(contents: Contents, installed: dict[str, Model]) -> None:
    for name in contents:
        if name in installed and installed[name].embedded:
            raise EmbeddedModel(f"The model `{name}` comes with speechd and is not replaced.")


def _members(contents: Contents) -> dict[str, dict[str, Any]]:
    return {f"{name}/{file}": entry for name, files in contents.items() for file, entry in files.items()}


def _extract(tar: tarfile.TarFile, contents: Contents, staging: Path) -> None:
    wanted = _members(contents)
    while member := tar.next():  # iteration would begin with the list of contents again
        entry = wanted.get(member.name)
        stream = tar.extractfile(member) if entry and member.isreg() and member.size == entry["size"] else None
        if stream is None or entry is None:
            raise InvalidRequest(f"The file contains `{member.name}`, which its list of models does not name.")
        target = staging / member.name
        target.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        with target.open("wb") as output:
            while chunk := stream.read(CHUNK):
                digest.update(chunk)
                output.write(chunk)
        if digest.hexdigest() != entry["sha256"]:
            raise InvalidRequest(f"`{member.name}` is damaged: its hash is wrong.")


def _install(name: str, folder: Path, store: ModelStore) -> Model:
    known = next((model for model in store.list() if model.id == name), None)
    model = known or replace(UNKNOWN, id=name, engine=engine_of(folder) or "whisper")
    return store.install(folder, model)
