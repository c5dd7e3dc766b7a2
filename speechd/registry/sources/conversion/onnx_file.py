"""Writes ONNX files (onnx.proto, IR version 8): the same bytes for the same graph, with nothing but NumPy.

The messages are Protocol Buffers; only the few fields that a graph of layers needs are here. The hash of a converted
model is pinned, so its bytes must not depend on the version of a library.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from speechd.registry.sources.conversion.torch_file import Tensor

IR_VERSION = 8
OPSET = 13
ELEMENT_TYPES = {"float32": 1, "int64": 7, "float16": 10}
"""TensorProto.DataType."""
INT, INTS = 2, 7
"""AttributeProto.AttributeType."""

Attribute = int | Sequence[int]
Dimension = int | str
"""A number, or the name of what varies."""


@dataclass(slots=True)
class OnnxGraph:
    """A graph under construction. Each value has a name, which `add` returns."""

    name: str
    _nodes: list[bytes] = field(default_factory=list)
    _tensors: list[bytes] = field(default_factory=list)
    _count: int = 0

    def add(self, operator: str, *inputs: str, **attributes: Attribute) -> str:
        """Appends a node with one output.

        Args:
            operator: of ONNX's default domain.
            inputs: names of values.
            attributes: of the operator.
        """
        output = self._new_name(operator.lower())
        encoded = [_message(5, _attribute(name, value)) for name, value in sorted(attributes.items())]
        names = [_text(1, name) for name in inputs]
        self._nodes.append(b"".join([*names, _text(2, output), _text(4, operator), *encoded]))
        return output

    def constant(self, tensor: Tensor) -> str:
        """A tensor of the file, as it is."""
        name = self._new_name("constant")
        dimensions = b"".join(_number(1, size) for size in tensor.shape)
        little = np.ascontiguousarray(tensor.astype(tensor.dtype.newbyteorder("<")))
        self._tensors.append(
            dimensions + _number(2, ELEMENT_TYPES[tensor.dtype.name]) + _text(8, name) + _bytes(9, little.tobytes())
        )
        return name

    def weight(self, tensor: Tensor) -> str:
        """A tensor that is kept as float16 and used as float32."""
        return self.add("Cast", self.constant(tensor.astype(np.float16)), to=ELEMENT_TYPES["float32"])

    def model(
        self,
        inputs: Mapping[str, Sequence[Dimension]],
        outputs: Mapping[str, Sequence[Dimension]],
        metadata: Mapping[str, str],
    ) -> bytes:
        """The file, with the shapes of its float32 inputs and outputs."""
        graph = b"".join(
            [
                *(_message(1, node) for node in self._nodes),
                _text(2, self.name),
                *(_message(5, tensor) for tensor in self._tensors),
                *(_message(11, _value(name, shape)) for name, shape in inputs.items()),
                *(_message(12, _value(name, shape)) for name, shape in outputs.items()),
            ]
        )
        properties = [_message(14, _text(1, key) + _text(2, value)) for key, value in metadata.items()]
        opset = _message(8, _number(2, OPSET))
        return b"".join([_number(1, IR_VERSION), _text(2, "speechd"), _message(7, graph), opset, *properties])

    def _new_name(self, kind: str) -> str:
        self._count += 1
        return f"{kind}_{self._count}"


def _attribute(name: str, value: Attribute) -> bytes:
    if isinstance(value, int):
        return _text(1, name) + _number(3, value) + _number(20, INT)
    return _text(1, name) + b"".join(_number(8, each) for each in value) + _number(20, INTS)


def _value(name: str, shape: Sequence[Dimension]) -> bytes:
    """A ValueInfoProto of float32."""
    sizes = (_number(1, size) if isinstance(size, int) else _text(2, size) for size in shape)
    dimensions = b"".join(_message(1, size) for size in sizes)
    tensor = _number(1, ELEMENT_TYPES["float32"]) + _message(2, dimensions)
    return _text(1, name) + _message(2, _message(1, tensor))


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _text(number: int, value: str) -> bytes:
    return _bytes(number, value.encode())


def _message(number: int, value: bytes) -> bytes:
    return _bytes(number, value)


def _bytes(number: int, value: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    """Seven bits in each byte, the lowest first; a negative number is 64 bits of two's complement."""
    value &= (1 << 64) - 1
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])
