"""Three models of random numbers in GGUF, each below half a megabyte: they say nothing, but by the real protocol.

python make_models.py FOLDER writes tiny-chat.gguf, tiny-embed.gguf (both a Llama architecture) and tiny-rerank.gguf (a
BERT cross-encoder). Needs the `gguf` package.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gguf
import numpy as np

WIDTH, INNER, HEADS, LAYERS = 64, 128, 4, 2
TEMPLATE = (
    "{% for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}"
)
"""How a conversation becomes a prompt (Jinja)."""
Tensors = Iterator[tuple[str, np.ndarray]]


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    write_llama(folder / "tiny-chat.gguf", pooling=None)
    write_llama(folder / "tiny-embed.gguf", pooling=gguf.PoolingType.MEAN)
    write_bert(folder / "tiny-rerank.gguf")


def write_llama(path: Path, pooling: Any) -> None:
    """A decoder over bytes and a few letters."""
    letters = ["▁", *"etaoinshrdlucmfwypvbgkqjxz", ".", ",", "▁the", "▁and"]
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *letters]
    kinds = [gguf.TokenType.UNKNOWN, gguf.TokenType.CONTROL, gguf.TokenType.CONTROL]
    kinds += [gguf.TokenType.BYTE] * 256 + [gguf.TokenType.NORMAL] * len(letters)
    writer = gguf.GGUFWriter(path, "llama")
    _describe(writer, context=4096)
    writer.add_head_count_kv(HEADS)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("llama")
    _add_tokens(writer, tokens, kinds, [-float(number) for number in range(len(tokens))])
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_chat_template(TEMPLATE)
    if pooling is not None:
        writer.add_pooling_type(pooling)
    _finish(writer, llama_tensors(len(tokens)))


def llama_tensors(vocabulary: int) -> Tensors:
    rng = np.random.default_rng(7)

    def matrix(*shape: int) -> np.ndarray:
        return (rng.standard_normal(shape) * 0.05).astype(np.float32)

    yield "token_embd.weight", matrix(vocabulary, WIDTH)
    yield "output_norm.weight", np.ones(WIDTH, np.float32)
    yield "output.weight", matrix(vocabulary, WIDTH)
    for layer in range(LAYERS):
        for name in ("attn_norm", "ffn_norm"):
            yield f"blk.{layer}.{name}.weight", np.ones(WIDTH, np.float32)
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            yield f"blk.{layer}.{name}.weight", matrix(WIDTH, WIDTH)
        for name in ("ffn_gate", "ffn_up"):
            yield f"blk.{layer}.{name}.weight", matrix(INNER, WIDTH)
        yield f"blk.{layer}.ffn_down.weight", matrix(WIDTH, INNER)


def write_bert(path: Path) -> None:
    """An encoder over single characters with a head that ranks."""
    letters = [chr(code) for code in range(33, 127)]
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokens = [*special, *(f"▁{letter}" for letter in letters), *letters]
    control, unknown = gguf.TokenType.CONTROL, gguf.TokenType.UNKNOWN
    kinds = [control, unknown, control, control, control] + [gguf.TokenType.NORMAL] * (2 * len(letters))
    writer = gguf.GGUFWriter(path, "bert")
    _describe(writer, context=512)
    writer.add_layer_norm_eps(1e-12)
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType.RANK)
    writer.add_tokenizer_model("bert")
    _add_tokens(writer, tokens, kinds, [0.0] * len(tokens))
    writer.add_token_type_count(2)
    for name, number in (("pad", 0), ("unk", 1), ("bos", 2), ("sep", 3), ("eos", 3), ("mask", 4)):
        getattr(writer, f"add_{name}_token_id")(number)
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(True)
    _finish(writer, bert_tensors(len(tokens)))


def bert_tensors(vocabulary: int) -> Tensors:
    rng = np.random.default_rng(11)

    def linear(name: str, rows: int, columns: int) -> Tensors:
        yield f"{name}.weight", (rng.standard_normal((rows, columns)) * 0.3).astype(np.float32)
        yield f"{name}.bias", np.zeros(rows, np.float32)

    def norm(name: str) -> Tensors:
        yield f"{name}.weight", np.ones(WIDTH, np.float32)
        yield f"{name}.bias", np.zeros(WIDTH, np.float32)

    for name, rows in (("token_embd", vocabulary), ("position_embd", 512), ("token_types", 2)):
        yield next(linear(name, rows, WIDTH))
    yield from norm("token_embd_norm")
    for layer in range(LAYERS):
        block = f"blk.{layer}"
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            yield from linear(f"{block}.{name}", WIDTH, WIDTH)
        yield from linear(f"{block}.ffn_up", INNER, WIDTH)
        yield from linear(f"{block}.ffn_down", WIDTH, INNER)
        yield from norm(f"{block}.attn_output_norm")
        yield from norm(f"{block}.layer_output_norm")
    yield from linear("cls", WIDTH, WIDTH)
    yield from linear("cls.output", 1, WIDTH)


def _describe(writer: gguf.GGUFWriter, context: int) -> None:
    writer.add_name("random numbers")
    writer.add_context_length(context)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)


def _add_tokens(writer: gguf.GGUFWriter, tokens: list[str], kinds: list[int], scores: list[float]) -> None:
    writer.add_token_list([token.encode() for token in tokens])
    writer.add_token_types(kinds)
    writer.add_token_scores(scores)


def _finish(writer: gguf.GGUFWriter, tensors: Tensors) -> None:
    for name, tensor in tensors:
        writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
