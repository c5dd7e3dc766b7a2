"""A Parakeet-TDT, a GigaAM and a Canary of a few nodes, in the files that onnx-asr reads.

The names and shapes of inputs and outputs are those that onnx-asr 0.12 asks for. The weights are random but for what
decides: the first two write where it is loud, which are the frames whose normalised mel features are above their mean.
"""

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

WORDS = ("▁Hello", "▁the", "re", ".")
"""What is written again and again: one token for each 4 loud frames of 80 ms."""
VOCABULARY = ("<unk>", *WORDS, "▁bre", "ad", "<blk>")
HIDDEN = 3
DURATIONS = 5
"""0 to 4 frames, as Parakeet's."""
FLOAT, INT64, INT32 = TensorProto.FLOAT, TensorProto.INT64, TensorProto.INT32


def write_tiny_parakeet(folder: Path, vocabulary: tuple[str, ...] = VOCABULARY, **config: object) -> Path:
    """Writes the files of a Parakeet-TDT; the folder.

    Args:
        folder: made if it is not there.
        vocabulary: its tokens; the last is the blank, and `WORDS` are among them.
        config: more entries of config.json.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = {"model_type": "nemo-conformer-tdt", "features_size": 128, "subsampling_factor": 8} | config
    (folder / "config.json").write_text(json.dumps(written))
    (folder / "vocab.txt").write_text("".join(f"{token} {n}\n" for n, token in enumerate(vocabulary)))
    _save(_encoder(), folder / "encoder-model.onnx")
    _save(_joint(vocabulary), folder / "decoder_joint-model.onnx")
    return folder


def write_tiny_gigaam(folder: Path) -> Path:
    """Writes the files of a GigaAM v3 CTC, whose tokens are letters; the folder. It writes `да` for a loud stretch."""
    folder.mkdir(parents=True, exist_ok=True)
    tokens = ("▁", "д", "а", "<blk>")
    (folder / "config.json").write_text(json.dumps({"features_size": 64, "subsampling_factor": 4, "version": "v3"}))
    (folder / "v3_vocab.txt").write_text("".join(f"{token} {n}\n" for n, token in enumerate(tokens)))
    shape = [("features", FLOAT, ["b", 64, "t"]), ("feature_lengths", INT64, ["b"])]
    nodes = [
        *_loudness("features", 4),
        helper.make_node("Transpose", ["loud"], ["frames"], perm=[0, 2, 1]),
        helper.make_node("Pad", ["frames", "shifts"], ["late"], mode="constant"),
        helper.make_node("Slice", ["late", "zero", "minus_one", "one"], ["before"]),
        helper.make_node("Sub", ["frames", "before"], ["rise"]),
        helper.make_node("Mul", ["frames", "before"], ["held"]),
        helper.make_node("Sub", ["before", "held"], ["fall"]),
        helper.make_node("Concat", ["rise", "held", "fall"], ["facts"], axis=2),
        helper.make_node("MatMul", ["facts", "weights"], ["scores"]),
        helper.make_node("Add", ["scores", "bias"], ["logits"]),
        helper.make_node("LogSoftmax", ["logits"], ["log_probs"], axis=-1),
    ]
    # a row for a frame that begins a loud stretch, goes on with one, follows one; a column for each token
    weights = np.array([[0, 9, 0, 0], [0, 0, 9, 0], [9, 0, 0, 0]], np.float32)
    constants = {
        "shifts": np.array([0, 1, 0, 0, 0, 0], np.int64),
        "zero": np.array([0], np.int64),
        "minus_one": np.array([-1], np.int64),
        "one": np.array([1], np.int64),
        "weights": weights,
        "bias": np.array([0, 0, 0, 4], np.float32),
    }
    _save(_model(nodes, shape, [("log_probs", FLOAT, ["b", "s", 4])], constants), folder / "v3_ctc.int8.onnx")
    return folder


def write_tiny_canary(folder: Path) -> Path:
    """Writes the files of a Canary; the folder. It writes `Hello there.`, or `Hallo there.` where German is spoken."""
    folder.mkdir(parents=True, exist_ok=True)
    prompt = "▁ <|startofcontext|> <|startoftranscript|> <|emo:undefined|> <|en|> <|pnc|> <|noitn|> <|notimestamp|>"
    tokens = (*prompt.split(), "<|nodiarize|>", "<|de|>", "▁Hello", "▁Hallo", "▁there", ".", "<|endoftext|>")
    (folder / "config.json").write_text(json.dumps({"model_type": "nemo-conformer-aed", "features_size": 128}))
    (folder / "vocab.txt").write_text("".join(f"{token} {n}\n" for n, token in enumerate(tokens)))
    _save(_canary_encoder(), folder / "encoder-model.onnx")
    _save(_canary_decoder(tokens), folder / "decoder-model.onnx")
    return folder


def _canary_encoder() -> onnx.ModelProto:
    inputs = [("audio_signal", FLOAT, ["b", 128, "t"]), ("length", INT64, ["b"])]
    outputs = [("encoder_embeddings", FLOAT, ["b", "t", 128]), ("encoder_mask", INT64, ["b", "t"])]
    nodes = [
        helper.make_node("Transpose", ["audio_signal"], ["encoder_embeddings"], perm=[0, 2, 1]),
        helper.make_node("ReduceMax", ["audio_signal"], ["highest"], axes=[1], keepdims=0),
        helper.make_node("Cast", ["highest"], ["encoder_mask"], to=INT64),
    ]
    return _model(nodes, inputs, outputs, {})


def _canary_decoder(tokens: tuple[str, ...]) -> onnx.ModelProto:
    """The next token follows from the last one, the first word from the language, fifth of the prompt."""
    size, numbers = len(tokens), {token: n for n, token in enumerate(tokens)}
    inputs = [
        ("input_ids", INT64, ["b", "n"]),
        ("encoder_embeddings", FLOAT, ["b", "t", 128]),
        ("encoder_mask", INT64, ["b", "t"]),
        ("decoder_mems", FLOAT, [1, "b", "m", size]),
    ]
    outputs = [("logits", FLOAT, ["b", "n", size]), ("decoder_hidden_states", FLOAT, [1, "b", "k", size])]
    nodes = [
        helper.make_node("Gather", ["following", "input_ids"], ["by_last"]),
        helper.make_node("Slice", ["input_ids", "four", "five", "axis"], ["language"]),
        helper.make_node("Gather", ["beginning", "language"], ["begun"]),
        helper.make_node("ReduceSum", ["begun", "axis"], ["by_language"], keepdims=1),
        helper.make_node("Add", ["by_last", "by_language"], ["sum"]),
        helper.make_node("LogSoftmax", ["sum"], ["logits"], axis=-1),
        helper.make_node("Unsqueeze", ["logits", "zero"], ["new"]),
        helper.make_node("Concat", ["decoder_mems", "new"], ["decoder_hidden_states"], axis=2),
    ]
    following = np.random.default_rng(4).normal(0, 0.1, (size, size)).astype(np.float32)
    beginning = np.zeros((size, size), np.float32)
    chain = ("▁Hello ▁there", "▁Hallo ▁there", "▁there .", ". <|endoftext|>")
    for before, after in (pair.split() for pair in chain):
        following[numbers[before], numbers[after]] = 9
    beginning[numbers["<|en|>"], numbers["▁Hello"]] = beginning[numbers["<|de|>"], numbers["▁Hallo"]] = 9
    places = {name: np.array([n], np.int64) for name, n in (("four", 4), ("five", 5), ("axis", 1), ("zero", 0))}
    return _model(nodes, inputs, outputs, {"following": following, "beginning": beginning, **places})


def _loudness(features: str, factor: int) -> list[onnx.NodeProto]:
    """Nodes that say of every `factor` mel frames whether they are loud: `loud`, (b, 1, ceil(t / factor)), 0 or 1."""
    return [
        helper.make_node("ReduceMean", [features], ["mean"], axes=[1], keepdims=1),
        helper.make_node("AveragePool", ["mean"], ["pooled"], kernel_shape=[factor], strides=[factor], ceil_mode=1),
        helper.make_node("Constant", [], ["threshold"], value_float=0.0),
        helper.make_node("Greater", ["pooled", "threshold"], ["above"]),
        helper.make_node("Cast", ["above"], ["loud"], to=FLOAT),
    ]


def _encoder() -> onnx.ModelProto:
    inputs = [("audio_signal", FLOAT, ["b", 128, "t"]), ("length", INT64, ["b"])]
    outputs = [("outputs", FLOAT, ["b", HIDDEN, "s"]), ("encoded_lengths", INT64, ["b"])]
    nodes = [
        *_loudness("audio_signal", 8),
        helper.make_node("Mul", ["loud", "spread"], ["outputs"]),
        helper.make_node("Add", ["length", "seven"], ["more"]),
        helper.make_node("Div", ["more", "eight"], ["encoded_lengths"]),
    ]
    random = np.random.default_rng(1).normal(0, 0.1, (1, HIDDEN - 1, 1))
    spread = np.concatenate([np.ones((1, 1, 1)), random], axis=1).astype(np.float32)
    return _model(nodes, inputs, outputs, {"spread": spread, "seven": np.int64(7), "eight": np.int64(8)})


def _joint(vocabulary: tuple[str, ...]) -> onnx.ModelProto:
    size, blank = len(vocabulary), len(vocabulary) - 1
    state: list[object] = [1, 1, HIDDEN]
    inputs = [
        ("encoder_outputs", FLOAT, [1, HIDDEN, 1]),
        ("targets", INT32, [1, 1]),
        ("target_length", INT32, [1]),
        ("input_states_1", FLOAT, state),
        ("input_states_2", FLOAT, state),
    ]
    outputs = [
        ("outputs", FLOAT, [1, 1, 1, size + DURATIONS]),
        ("output_states_1", FLOAT, state),
        ("output_states_2", FLOAT, state),
    ]
    nodes = [
        helper.make_node("Reshape", ["encoder_outputs", "flat"], ["frame"]),
        helper.make_node("MatMul", ["frame", "heard"], ["by_sound"]),
        helper.make_node("Gather", ["following", "targets"], ["row"]),
        helper.make_node("Reshape", ["row", "wide"], ["by_text"]),
        helper.make_node("Add", ["by_sound", "by_text"], ["sum"]),
        helper.make_node("Reshape", ["sum", "all"], ["outputs"]),
        helper.make_node("Identity", ["input_states_1"], ["output_states_1"]),
        helper.make_node("Identity", ["input_states_2"], ["output_states_2"]),
    ]
    random = np.random.default_rng(2)
    following = random.normal(0, 0.1, (size, size + DURATIONS)).astype(np.float32)
    order = [vocabulary.index(word) for word in WORDS]
    for before, after in zip([*order, blank], [*order[1:], order[0], order[0]], strict=True):
        following[before, after] += 5
    following[:, blank] += 8  # without sound, nothing
    following[:, size + 1] += 5  # and one frame on
    heard = random.normal(0, 0.1, (HIDDEN, size + DURATIONS)).astype(np.float32)
    heard[0, blank] -= 12
    heard[0, size + 4] += 12
    constants = {
        "flat": np.array([1, HIDDEN], np.int64),
        "wide": np.array([1, size + DURATIONS], np.int64),
        "all": np.array([1, 1, 1, size + DURATIONS], np.int64),
        "heard": heard,
        "following": following,
    }
    return _model(nodes, inputs, outputs, constants)


Shape = tuple[str, int, list[object]]


def _model(
    nodes: list[onnx.NodeProto], inputs: list[Shape], outputs: list[Shape], constants: dict[str, np.ndarray]
) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(*shape) for shape in inputs],
        [helper.make_tensor_value_info(*shape) for shape in outputs],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def _save(model: onnx.ModelProto, path: Path) -> None:
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
