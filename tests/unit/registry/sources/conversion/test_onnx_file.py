"""ONNX files that the library `onnx` accepts and ONNX Runtime computes."""

import numpy as np
import onnx
import onnxruntime

from speechd.registry.sources.conversion.onnx_file import OnnxGraph


def linear_graph(weight: np.ndarray, bias: np.ndarray) -> bytes:
    graph = OnnxGraph("linear")
    output = graph.add("Add", graph.add("MatMul", "x", graph.weight(weight)), graph.constant(bias))
    reshaped = graph.add("Reshape", output, graph.constant(np.array([-1, 2], np.int64)))
    transposed = graph.add("Transpose", reshaped, perm=(1, 0))
    return graph.model({"x": ("rows", 3)}, {transposed: (2, "rows")}, {"licence": "none"})


def test_a_graph_is_valid_and_computes() -> None:
    weight, bias = np.arange(6, dtype=np.float32).reshape(3, 2) / 7, np.array([1, -1], np.float32)
    content = linear_graph(weight, bias)
    model = onnx.load_from_string(content)
    onnx.checker.check_model(model, full_check=True)
    assert {each.key: each.value for each in model.metadata_props} == {"licence": "none"}
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    x = np.random.default_rng(0).normal(0, 1, (4, 3)).astype(np.float32)
    (found,) = session.run(None, {"x": x})
    assert np.allclose(found, (x @ weight.astype(np.float16).astype(np.float32) + bias).T, atol=1e-5)


def test_the_same_graph_has_the_same_bytes() -> None:
    weight, bias = np.ones((3, 2), np.float32), np.zeros(2, np.float32)
    assert linear_graph(weight, bias) == linear_graph(weight, bias)
