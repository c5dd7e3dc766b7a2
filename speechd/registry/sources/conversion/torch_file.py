"""Reads the tensors of a file that `torch.save` wrote, without torch.

Such a file is a zip with a pickle, which can call any function when it is loaded. Here the pickle may only build
dictionaries and name tensors; anything else in it is refused. The numbers are read from the zip's other members.
"""

import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from speechd.errors import SourceFailed

Tensor = npt.NDArray[Any]

STORAGES: Mapping[str, str] = {"FloatStorage": "<f4", "LongStorage": "<i8"}
"""Torch's name of a kind of storage, and its numbers for NumPy."""


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a saved state dictionary, by name.

    Raises:
        SourceFailed: the file is damaged, or holds something else than tensors.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            name = next(name for name in archive.namelist() if name.endswith("/data.pkl"))
            with archive.open(name) as file:
                state = _TensorUnpickler(file, archive, name.removesuffix("data.pkl")).load()
    except (zipfile.BadZipFile, pickle.UnpicklingError, StopIteration, LookupError, ValueError, EOFError) as error:
        raise SourceFailed(f"`{path.name}` has no tensors that can be read: {error}") from error
    if not isinstance(state, dict) or not all(isinstance(tensor, np.ndarray) for tensor in state.values()):
        raise SourceFailed(f"`{path.name}` has something else than tensors")
    return state


class _TensorUnpickler(pickle.Unpickler):
    """Builds dictionaries of arrays, and nothing else."""

    def __init__(self, file: Any, archive: zipfile.ZipFile, folder: str) -> None:
        super().__init__(file)
        self._archive = archive
        self._folder = folder

    def find_class(self, module: str, name: str) -> Any:
        """The few things that a pickle of tensors names; a kind of storage is returned as NumPy's name of it."""
        if module == "torch" and name in STORAGES:
            return STORAGES[name]
        allowed: Mapping[tuple[str, str], Callable[..., Any]] = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): _tensor,
        }
        return allowed[module, name] if (module, name) in allowed else _refuse(module, name)

    def persistent_load(self, pid: Any) -> Tensor:
        """The numbers of a storage: `("storage", kind, key, device, count)`."""
        _, kind, key, _, count = pid
        return np.frombuffer(self._archive.read(f"{self._folder}data/{int(key)}"), kind, int(count))


def _tensor(storage: Tensor, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: Any) -> Tensor:
    """A view of a storage; only whole, dense tensors occur in a saved model."""
    count = int(np.prod(shape, dtype=np.int64))
    dense = storage[offset : offset + count].reshape(shape)
    if tuple(step // storage.itemsize for step in dense.strides) != tuple(strides) and count > 1:
        raise ValueError("a tensor is not dense")
    return dense


def _refuse(module: str, name: str) -> NoReturn:
    raise pickle.UnpicklingError(f"it names {module}.{name}")
