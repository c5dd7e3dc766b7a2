"""Reads the arrays of a CTranslate2 model (`model.bin`, binary version 6: `Model::load` of CTranslate2)."""

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

DTYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}
"""By CTranslate2's number of each type."""
BINARY_VERSION = 6


@dataclass(frozen=True)
class Weights:
    """The arrays by their names, such as `encoder/layer_0/ffn/linear_0/weight`."""

    arrays: dict[str, npt.NDArray[np.generic]]

    def __contains__(self, name: str) -> bool:
        return name in self.arrays

    def __getitem__(self, name: str) -> npt.NDArray[np.float32]:
        """An array as float32; int8 weights are multiplied out: a row by one over its scale.

        Raises:
            KeyError: the model has none of that name.
        """
        array = self.arrays[name]
        if array.dtype != np.int8:
            return array.astype(np.float32)
        return (array / self.arrays[f"{name}_scale"].reshape(-1, *[1] * (array.ndim - 1))).astype(np.float32)


def read_weights(path: Path) -> Weights:
    """All arrays of a `model.bin`.

    Raises:
        ValueError: it is of another version, or has another type of number.
    """
    data = memoryview(path.read_bytes())
    at = 0

    def numbers(form: str) -> tuple[int, ...]:
        nonlocal at
        found = struct.unpack_from(f"<{form}", data, at)
        at += struct.calcsize(f"<{form}")
        return found

    def text() -> str:
        nonlocal at
        (length,) = numbers("H")
        at += length
        return bytes(data[at - length : at - 1]).decode()

    if numbers("I") != (BINARY_VERSION,):
        raise ValueError(f"{path} is no model of binary version {BINARY_VERSION}")
    text()
    numbers("I")
    arrays: dict[str, npt.NDArray[np.generic]] = {}
    for _ in range(*numbers("I")):
        name = text()
        (rank,) = numbers("B")
        shape = numbers(f"{rank}I")
        kind, size = numbers("BI")
        if kind not in DTYPES:
            raise ValueError(f"{name} in {path} has the type {kind}")
        arrays[name] = np.frombuffer(data[at : at + size], DTYPES[kind]).reshape(shape)
        at += size
    for _ in range(*numbers("I")):
        alias, name = text(), text()
        arrays[alias] = arrays[name]
    return Weights(arrays)
