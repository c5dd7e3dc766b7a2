"""Tensors out of files for PyTorch, without PyTorch, and nothing else out of them."""

import io
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np
import pytest

from speechd.errors import SourceFailed
from speechd.registry.sources.conversion.torch_file import read_tensors


class FloatStorage:
    """Pickled by name only, as torch does."""


FloatStorage.__module__ = "torch"


class _Tensor:
    def __init__(self, key: str, shape: tuple[int, ...], strides: tuple[int, ...], count: int) -> None:
        self.content = (key, shape, strides, count)


class _Pickler(pickle._Pickler):  # the one in Python, which can write names of what is not installed
    """Writes what `torch.save` writes."""

    def persistent_id(self, obj: Any) -> Any:
        return obj if isinstance(obj, tuple) and obj[:1] == ("storage",) else None

    def save_name(self, obj: Any) -> None:
        self.write(pickle.GLOBAL + f"{obj.__module__}\n{obj.__qualname__}\n".encode())

    dispatch = pickle._Pickler.dispatch | {FunctionType: save_name, type: save_name}

    def save(self, obj: Any, save_persistent_id: bool = True) -> None:
        if isinstance(obj, _Tensor):
            key, shape, strides, count = obj.content
            self.save_reduce(_rebuild_tensor_v2, (("storage", FloatStorage, key, "cpu", count), 0, shape, strides))
        else:
            super().save(obj, save_persistent_id)


def _rebuild_tensor_v2() -> None:
    """Pickled by name only."""


_rebuild_tensor_v2.__module__ = "torch._utils"


def saved(path: Path, state: Any, storages: dict[str, np.ndarray]) -> Path:
    pickled = io.BytesIO()
    _Pickler(pickled, 2).dump(state)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickled.getvalue())
        for key, numbers in storages.items():
            archive.writestr(f"archive/data/{key}", numbers.tobytes())
    return path


def test_tensors_are_read_by_name(tmp_path: Path) -> None:
    weight = np.arange(6, dtype="<f4").reshape(2, 3)
    state = OrderedDict(weight=_Tensor("7", (2, 3), (3, 1), 6), bias=_Tensor("8", (1,), (1,), 1))
    found = read_tensors(saved(tmp_path / "model.pt", state, {"7": weight, "8": np.array([5], "<f4")}))
    assert list(found) == ["weight", "bias"]
    assert np.array_equal(found["weight"], weight)
    assert found["bias"].tolist() == [5]


class Evil:
    def __reduce__(self) -> Any:
        return exec, ("raise SystemExit('it ran')",)


@pytest.mark.parametrize("state", [Evil(), {"weight": Evil()}, {"weight": 1}, [1, 2]])
def test_what_is_no_tensor_is_refused_and_not_run(tmp_path: Path, state: Any) -> None:
    path = tmp_path / "model.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(state, 2))
    with pytest.raises(SourceFailed):
        read_tensors(path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and no more", b"not a zip"])
def test_a_damaged_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.pt"
    path.write_bytes(content)
    with pytest.raises(SourceFailed):
        read_tensors(path)


def test_a_tensor_that_is_not_dense_or_not_there_is_refused(tmp_path: Path) -> None:
    numbers = np.arange(6, dtype="<f4")
    for tensor in (_Tensor("7", (3, 2), (1, 3), 6), _Tensor("9", (6,), (1,), 6), _Tensor("7", (60,), (1,), 60)):
        with pytest.raises(SourceFailed):
            read_tensors(saved(tmp_path / "model.pt", {"weight": tensor}, {"7": numbers}))
