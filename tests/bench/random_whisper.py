"""Makes a Whisper of any size with random weights, in CTranslate2 format: right in cost, meaningless in words.

    python -m tests.bench.random_whisper base FOLDER

The shapes are those of openai/whisper. A random decoder would never stop and be tried again at every temperature, so
the position embeddings are made to spell one sure text: <|0.00|>, TEXT_TOKENS different words, <|30.00|>, the end.
"""

import argparse
import json
import random
import string
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tokenizers
from ctranslate2.specs import WhisperSpec

from speechd.languages import LANGUAGES, whisper_code

TEXT_TOKENS = 40
"""About three tokens a second for 13 s of speech."""
PROMPT_TOKENS = 3
"""`<|startoftranscript|>`, language and task."""
SURENESS = 40.0
"""Scale of the last normalisation: makes the most probable token's probability nearly 1."""
TEXT_VOCABULARY = 50_257


@dataclass(frozen=True)
class Shape:
    """One of openai/whisper's sizes."""

    width: int
    layers: int
    heads: int
    decoder_layers: int = 0
    """0: as many as the encoder has."""
    mel_bins: int = 80


SHAPES = {
    "tiny": Shape(384, 4, 6),
    "base": Shape(512, 6, 8),
    "small": Shape(768, 12, 12),
    "medium": Shape(1024, 24, 16),
    "large": Shape(1280, 32, 20),
    "large-v3": Shape(1280, 32, 20, mel_bins=128),
    "turbo": Shape(1280, 32, 20, decoder_layers=4, mel_bins=128),
}


def make(shape: Shape, folder: Path, seed: int = 0) -> None:
    """Writes model.bin, config.json, vocabulary.json, tokenizer.json and preprocessor_config.json."""
    folder.mkdir(parents=True, exist_ok=True)
    special = _special_tokens()
    letters = random.Random(seed)
    text = ["", *(f"Ġ{''.join(letters.choices(string.ascii_lowercase, k=7))}" for _ in range(1, TEXT_VOCABULARY))]
    vocabulary = text + special
    decoder_layers = shape.decoder_layers or shape.layers
    spec = WhisperSpec(shape.layers, shape.heads, decoder_layers, shape.heads)
    spoken = [vocabulary.index("<|0.00|>"), *range(1000, 1000 + TEXT_TOKENS), vocabulary.index("<|30.00|>")]
    _fill(spec, shape, len(vocabulary), np.random.default_rng(seed))
    _spell(spec.decoder, [*spoken, vocabulary.index("<|endoftext|>")])
    spec.register_vocabulary(vocabulary)
    spec.config.lang_ids = [vocabulary.index(token) for token in special if token[2:-2] in LANGUAGES]
    spec.config.suppress_ids, spec.config.suppress_ids_begin = [], []
    spec.config.alignment_heads = [(decoder_layers - 1, 0)]
    spec.validate()
    spec.optimize(quantization="int8")
    spec.save(str(folder))
    _tokenizer(text, special).save(str(folder / "tokenizer.json"))
    (folder / "preprocessor_config.json").write_text(json.dumps({"feature_size": shape.mel_bins}))


def _special_tokens() -> list[str]:
    marks = ["<|endoftext|>", "<|startoftranscript|>", *(f"<|{whisper_code(code)}|>" for code in LANGUAGES)]
    marks += ["<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"]
    return marks + [f"<|{step * 0.02:.2f}|>" for step in range(1501)]


def _tokenizer(text: list[str], special: list[str]) -> tokenizers.Tokenizer:
    words = {token: number for number, token in enumerate(text)}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE(vocab=words, merges=[], unk_token=text[1]))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    tokenizer.add_special_tokens([token for token in special if token[2].isalpha()])
    tokenizer.add_tokens([token for token in special if not token[2].isalpha()])
    return tokenizer


def _spell(decoder: Any, tokens: list[int]) -> None:
    """Makes each position of the decoder predict its token, whatever the audio."""
    positions = decoder.position_encodings.encodings
    for offset, token in enumerate(tokens):
        positions[PROMPT_TOKENS - 1 + offset] += 20 * decoder.embeddings.weight[token]
    decoder.layer_norm.gamma *= SURENESS


def _fill(spec: Any, shape: Shape, vocabulary: int, rng: np.random.Generator) -> None:
    def normal(*size: int, scale: float = 0.02) -> np.ndarray:
        return rng.normal(0, scale, size).astype(np.float32)

    def linear(target: Any, outputs: int, inputs: int) -> None:
        target.weight, target.bias = normal(outputs, inputs), np.zeros(outputs, np.float32)

    def norm(target: Any) -> None:
        target.gamma, target.beta = np.ones(shape.width, np.float32), np.zeros(shape.width, np.float32)

    def attention(target: Any, *, crossed: bool) -> None:
        norm(target.layer_norm)
        sizes = (1, 2, 1) if crossed else (3, 1)  # query | key and value | output; or all three | output
        for part, size in zip(target.linear, sizes, strict=True):
            linear(part, size * shape.width, shape.width)

    def layer(target: Any, *, crossed: bool) -> None:
        attention(target.self_attention, crossed=False)
        if crossed:
            attention(target.attention, crossed=True)
        norm(target.ffn.layer_norm)
        linear(target.ffn.linear_0, 4 * shape.width, shape.width)
        linear(target.ffn.linear_1, shape.width, 4 * shape.width)

    encoder, decoder = spec.encoder, spec.decoder
    for convolution, inputs in ((encoder.conv1, shape.mel_bins), (encoder.conv2, shape.width)):
        convolution.weight, convolution.bias = normal(shape.width, inputs, 3), np.zeros(shape.width, np.float32)
    encoder.position_encodings.encodings = normal(1500, shape.width)
    decoder.embeddings.weight = normal(vocabulary, shape.width)
    decoder.projection.weight = decoder.embeddings.weight
    decoder.position_encodings.encodings = normal(448, shape.width)
    for part, crossed in ((encoder, False), (decoder, True)):
        norm(part.layer_norm)
        for one in part.layer:
            layer(one, crossed=crossed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("size", choices=SHAPES)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    make(SHAPES[arguments.size], arguments.folder)


if __name__ == "__main__":
    main()
