"""CAM++ as an ONNX graph, out of the weights that 3D-Speaker publishes.

The network (Wang et al., "CAM++: A Fast and Efficient Network for Speaker Verification Using Context-Aware Masking",
2023): a head of 2-D convolutions over frequency and time, three blocks of densely connected time-delay layers with a
mask that depends on the context of each, mean and deviation over time, and a linear layer to 192 numbers.

A batch normalisation that follows a linear layer is folded into it. The mask's context is the mean over 100 frames and
the mean over all: for windows of up to 2 s, which are the only ones that are embedded, both are the mean over all.
"""

from pathlib import Path

import numpy as np

from speechd.registry.sources.conversion.onnx_file import OnnxGraph
from speechd.registry.sources.conversion.torch_file import Tensor, read_tensors

BANDS = 80
HEAD_CHANNELS = 32
HEAD_BANDS = 10
"""Bands of the head's output: it halves them three times."""
DIMENSIONS = 192
BLOCKS = ((12, 1), (24, 2), (16, 2))
"""Layers and dilation of each block."""
EPSILON = 1e-5
"""Of every batch normalisation (PyTorch's default)."""
METADATA = {
    "source": "3D-Speaker, speech_campplus_sv_zh_en_16k-common_advanced v1.0.0",
    "licence": "Apache-2.0",
    "changes": "converted to ONNX by speechd: batch normalisation folded, weights rounded to float16",
}


def convert_campplus(source: Path, target: Path) -> None:
    """Writes the ONNX file of a saved CAM++.

    Its input `features` is float32 (windows, frames, BANDS) with at most 200 frames, its output `embeddings`
    (windows, DIMENSIONS).

    Raises:
        SourceFailed: `source` has no tensors that can be read.
        KeyError: they are those of another network.
    """
    network = _Network(OnnxGraph("CAM++"), read_tensors(source))
    output = network.embeddings(network.blocks(network.head("features")))
    target.write_bytes(
        network.graph.model({"features": ("windows", "frames", BANDS)}, {output: ("windows", DIMENSIONS)}, METADATA)
    )


class _Network:
    """The graph, and the tensors by the names that PyTorch gave them."""

    def __init__(self, graph: OnnxGraph, tensors: dict[str, Tensor]) -> None:
        self.graph = graph
        self._tensors = tensors

    def head(self, features: str) -> str:
        """(windows, frames, bands) -> (windows, channels, frames)"""
        bands_first = self.graph.add("Transpose", features, perm=(0, 2, 1))
        x = self._reshaped(bands_first, (0, 1, BANDS, -1))
        x = self._relu(self._convolved(x, "head.conv1", "head.bn1", strides=(1, 1)))
        for layer in ("head.layer1", "head.layer2"):
            x = self._residual(x, f"{layer}.0", stride=2)
            x = self._residual(x, f"{layer}.1", stride=1)
        x = self._relu(self._convolved(x, "head.conv2", "head.bn2", strides=(2, 1)))
        return self._reshaped(x, (0, HEAD_CHANNELS * HEAD_BANDS, -1))

    def blocks(self, x: str) -> str:
        """The dense blocks, each with a layer that halves its channels."""
        x = self._relu(self._convolved(x, "xvector.tdnn.linear", "xvector.tdnn.nonlinear.batchnorm", strides=(2,)))
        for number, (layers, dilation) in enumerate(BLOCKS, start=1):
            for layer in range(1, layers + 1):
                new = self._dense_layer(x, f"xvector.block{number}.tdnnd{layer}", dilation)
                x = self.graph.add("Concat", x, new, axis=1)
            x = self._normalised(x, f"xvector.transit{number}.nonlinear.batchnorm")
            x = self._convolved(x, f"xvector.transit{number}.linear")
        return self._normalised(x, "xvector.out_nonlinear.batchnorm")

    def embeddings(self, x: str) -> str:
        """Mean and deviation (of a sample, so over n - 1 frames), and the last layer."""
        mean = self._mean(x)
        apart = self.graph.add("Sub", x, mean)
        variance = self._mean(self.graph.add("Mul", apart, apart))
        count = self.graph.add("Gather", self.graph.add("Shape", x), self._numbers([2]))
        frames = self.graph.add("Cast", count, to=1)
        one = self.graph.constant(np.ones(1, np.float32))
        ratio = self.graph.add("Div", frames, self.graph.add("Sub", frames, one))
        deviation = self.graph.add("Sqrt", self.graph.add("Mul", variance, ratio))
        x = self.graph.add("Concat", mean, deviation, axis=1)
        x = self._convolved(x, "xvector.dense.linear", "xvector.dense.nonlinear.batchnorm")
        return self._reshaped(x, (0, DIMENSIONS))

    def _residual(self, x: str, name: str, stride: int) -> str:
        """Two convolutions beside a shortcut."""
        y = self._relu(self._convolved(x, f"{name}.conv1", f"{name}.bn1", strides=(stride, 1)))
        y = self._convolved(y, f"{name}.conv2", f"{name}.bn2", strides=(1, 1))
        if f"{name}.shortcut.0.weight" in self._tensors:
            x = self._convolved(x, f"{name}.shortcut.0", f"{name}.shortcut.1", strides=(stride, 1))
        return self._relu(self.graph.add("Add", y, x))

    def _dense_layer(self, x: str, name: str, dilation: int) -> str:
        """What one layer adds to the channels: local features times the mask of their context."""
        x = self._normalised(x, f"{name}.nonlinear1.batchnorm")
        x = self._relu(self._convolved(x, f"{name}.linear1", f"{name}.nonlinear2.batchnorm"))
        local = self._convolved(x, f"{name}.cam_layer.linear_local", dilation=dilation)
        mean = self._mean(x)
        context = self.graph.add("Add", mean, mean)
        mask = self._relu(self._convolved(context, f"{name}.cam_layer.linear1"))
        mask = self.graph.add("Sigmoid", self._convolved(mask, f"{name}.cam_layer.linear2"))
        return self.graph.add("Mul", local, mask)

    def _convolved(self, x: str, name: str, norm: str = "", strides: tuple[int, ...] = (1,), dilation: int = 1) -> str:
        """A convolution whose output has the length of its input over the stride, with what normalises it folded in."""
        weight = self._tensors[f"{name}.weight"].astype(np.float64)
        bias = self._tensors.get(f"{name}.bias", np.zeros(len(weight))).astype(np.float64)
        if norm:
            scale, shift = self._scale(norm)
            weight, bias = weight * scale.reshape(-1, *[1] * (weight.ndim - 1)), bias * scale + shift
        pads = tuple((size - 1) // 2 * dilation for size in weight.shape[2:])
        inputs = (x, self.graph.weight(weight), self.graph.constant(bias.astype(np.float32)))
        dilations = (dilation,) * len(pads)
        return self.graph.add("Conv", *inputs, dilations=dilations, pads=pads + pads, strides=strides)

    def _normalised(self, x: str, name: str) -> str:
        """Batch normalisation and ReLU."""
        names = ("weight", "bias", "running_mean", "running_var")
        return self._relu(
            self.graph.add(
                "BatchNormalization", x, *(self.graph.constant(self._tensors[f"{name}.{each}"]) for each in names)
            )
        )

    def _scale(self, name: str) -> tuple[Tensor, Tensor]:
        """A batch normalisation as a factor and a sum. The last one has no weights of its own."""
        mean, variance = (self._tensors[f"{name}.running_{each}"].astype(np.float64) for each in ("mean", "var"))
        scale = self._tensors.get(f"{name}.weight", np.ones(len(mean))) / np.sqrt(variance + EPSILON)
        return scale, self._tensors.get(f"{name}.bias", np.zeros(len(mean))) - mean * scale

    def _relu(self, x: str) -> str:
        return self.graph.add("Relu", x)

    def _mean(self, x: str) -> str:
        return self.graph.add("ReduceMean", x, axes=(2,), keepdims=1)

    def _reshaped(self, x: str, shape: tuple[int, ...]) -> str:
        return self.graph.add("Reshape", x, self._numbers(shape))

    def _numbers(self, values: "tuple[int, ...] | list[int]") -> str:
        return self.graph.constant(np.array(values, np.int64))
