"""A Whisper model in CTranslate2's format as a file for whisper.cpp (the layout of its convert-h5-to-ggml.py).

    python -m tests.bench.recognition.ggml MODEL_FOLDER FILE

Numbers are 16-bit floats, as in whisper.cpp's own files; what was int8 is multiplied out.
"""

import json
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from faster_whisper.feature_extractor import FeatureExtractor

from tests.support.ctranslate2_weights import Weights, read_weights

MAGIC = 0x67676D6C
FLOAT32, FLOAT16 = 0, 1
FREQUENCIES = 201
"""Of a window of 400 samples."""
Array = npt.NDArray[np.float32]


def convert(folder: Path, target: Path) -> None:
    """Writes the file."""
    weights = read_weights(folder / "model.bin")
    mels, width = weights["encoder/conv1/weight"].shape[1], weights["encoder/conv1/weight"].shape[0]
    words, text_context = (
        len(weights["decoder/embeddings/weight"]),
        len(weights["decoder/position_encodings/encodings"]),
    )
    heads, layers = (int(weights[f"{side}/num_heads"]) for side in ("encoder", "decoder")), _layers(weights)
    audio_heads, text_heads = heads
    sizes = (words, 1500, width, audio_heads, layers["encoder"], text_context, width, text_heads, layers["decoder"])
    with target.open("wb") as file:
        file.write(struct.pack("<12i", MAGIC, *sizes, mels, FLOAT16))
        _write_filters(file, mels)
        _write_vocabulary(file, folder)
        for name, array in tensors(weights, layers):
            _write_tensor(file, name, array)


def tensors(weights: Weights, layers: dict[str, int]) -> Iterator[tuple[str, Array]]:
    """OpenAI's names with the arrays."""
    for number in (1, 2):
        yield f"encoder.conv{number}.weight", weights[f"encoder/conv{number}/weight"]
        yield f"encoder.conv{number}.bias", weights[f"encoder/conv{number}/bias"][:, None]
    yield "decoder.token_embedding.weight", weights["decoder/embeddings/weight"]
    for side, norm in (("encoder", "ln_post"), ("decoder", "ln")):
        yield f"{side}.positional_embedding", weights[f"{side}/position_encodings/encodings"]
        yield from _norm(weights, f"{side}/layer_norm", f"{side}.{norm}")
        for number in range(layers[side]):
            source, target = f"{side}/layer_{number}", f"{side}.blocks.{number}"
            yield from _attention(weights, f"{source}/self_attention", f"{target}.attn", ("query", "key", "value"))
            if side == "decoder":
                yield from _attention(weights, f"{source}/attention", f"{target}.cross_attn", ("query",))
            yield from _norm(weights, f"{source}/ffn/layer_norm", f"{target}.mlp_ln")
            yield from _linear(weights, f"{source}/ffn/linear_0", f"{target}.mlp.0")
            yield from _linear(weights, f"{source}/ffn/linear_1", f"{target}.mlp.2")


def _attention(weights: Weights, source: str, target: str, first: tuple[str, ...]) -> Iterator[tuple[str, Array]]:
    """CTranslate2 joins query, key and value; key and value, where the query is of another sequence."""
    yield from _norm(weights, f"{source}/layer_norm", f"{target}_ln")
    parts = (first, ("key", "value")) if len(first) == 1 else (first,)
    for number, names in enumerate((*parts, ("out",))):
        weight, bias = weights[f"{source}/linear_{number}/weight"], weights[f"{source}/linear_{number}/bias"]
        for name, rows, one in zip(names, np.split(weight, len(names)), np.split(bias, len(names)), strict=True):
            yield f"{target}.{name}.weight", rows
            if name != "key":  # it has none in Whisper
                yield f"{target}.{name}.bias", one


def _norm(weights: Weights, source: str, target: str) -> Iterator[tuple[str, Array]]:
    yield f"{target}.weight", weights[f"{source}/gamma"]
    yield f"{target}.bias", weights[f"{source}/beta"]


def _linear(weights: Weights, source: str, target: str) -> Iterator[tuple[str, Array]]:
    yield f"{target}.weight", weights[f"{source}/weight"]
    yield f"{target}.bias", weights[f"{source}/bias"]


def _layers(weights: Weights) -> dict[str, int]:
    def count(side: str) -> int:
        return len(
            {name.split("/")[1] for name in weights.arrays if name.startswith(f"{side}/layer_") and "norm/" not in name}
        )

    return {side: count(side) for side in ("encoder", "decoder")}


def _write_filters(file: BinaryIO, mels: int) -> None:
    filters = FeatureExtractor(feature_size=mels).mel_filters.astype("<f4")
    file.write(struct.pack("<2i", mels, FREQUENCIES) + filters.tobytes())


def _write_vocabulary(file: BinaryIO, folder: Path) -> None:
    """The bytes of each piece of text; whisper.cpp adds the special tokens by itself."""
    vocabulary = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]
    numbers = {character: byte for byte, character in _characters().items()}
    pieces = [piece for piece, _ in sorted(vocabulary.items(), key=lambda item: item[1]) if not piece.startswith("<|")]
    file.write(struct.pack("<i", len(pieces)))
    for piece in pieces:
        text = bytes(numbers[character] for character in piece)
        file.write(struct.pack("<i", len(text)) + text)


def _characters() -> dict[int, str]:
    """The character that stands for each byte in a vocabulary of GPT-2 (`bytes_to_unicode`)."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return {byte: chr(byte) for byte in printable} | {byte: chr(256 + place) for place, byte in enumerate(others)}


def _write_tensor(file: BinaryIO, name: str, array: Array) -> None:
    """Matrices as 16-bit floats; what is added, and the positions, as 32-bit floats."""
    exact = array.ndim < 2 or name.endswith(("positional_embedding", ".bias"))
    text = name.encode()
    file.write(struct.pack("<3i", array.ndim, len(text), FLOAT32 if exact else FLOAT16))
    file.write(struct.pack(f"<{array.ndim}i", *reversed(array.shape)) + text)
    file.write(np.ascontiguousarray(array, "<f4" if exact else "<f2").tobytes())


if __name__ == "__main__":
    convert(Path(sys.argv[1]), Path(sys.argv[2]))
