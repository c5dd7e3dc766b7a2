"""Write the CTranslate2 model: `python -m models.training.asr.export [--weights FILE]`.

float16 weights -> transformers' WhisperForConditionalGeneration -> ct2-transformers-converter.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from transformers import (
    GenerationConfig,
    PreTrainedTokenizerFast,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
)

from . import config as configuration
from . import tokens
from .config import Config, Shape
from .features import BANDS
from .labels import MAX_TOKENS
from .model import GUIDED_HEADS, load_weights
from .tokens import Special
from .windows import POSITIONS

FILES = ("config.json", "model.bin", "preprocessor_config.json", "tokenizer.json",
         "vocabulary.json")  # fmt: skip


def network_config(shape: Shape, vocabulary: int, special: Special) -> WhisperConfig:
    """Return the shape in transformers' terms; its suppression defaults are for OpenAI's ids."""
    return WhisperConfig(
        vocab_size=vocabulary, num_mel_bins=BANDS, d_model=shape.width,
        encoder_layers=shape.encoder_layers, decoder_layers=shape.decoder_layers,
        encoder_attention_heads=shape.heads, decoder_attention_heads=shape.heads,
        encoder_ffn_dim=4 * shape.width, decoder_ffn_dim=4 * shape.width,
        max_source_positions=POSITIONS, max_target_positions=MAX_TOKENS,
        pad_token_id=special.end, bos_token_id=special.end, eos_token_id=special.end,
        decoder_start_token_id=special.start, suppress_tokens=None, begin_suppress_tokens=None,
        tie_word_embeddings=True,
    )  # fmt: skip


def generation_config(shape: Shape, special: Special) -> GenerationConfig:
    """Return what the decoder may write; an empty suppression list lets silence end at once."""
    generation = GenerationConfig(
        decoder_start_token_id=special.start, bos_token_id=special.end,
        eos_token_id=special.end, pad_token_id=special.end,
        suppress_tokens=[], begin_suppress_tokens=[], is_multilingual=True,
        no_timestamps_token_id=special.no_timestamps, max_initial_timestamp_index=50,
    )  # fmt: skip
    generation.lang_to_id = {f"<|{code}|>": i for code, i in special.languages.items()}
    generation.task_to_id = {"transcribe": special.transcribe, "translate": special.translate}
    last = shape.decoder_layers - 1
    generation.alignment_heads = [[last, head] for head in range(GUIDED_HEADS)]
    return generation


def save_transformers(config: Config, weights: Path, folder: Path) -> None:
    """Write a folder that transformers loads."""
    tokenizer, special = tokens.load(config.paths["tokenizer"])
    size = tokenizer.get_vocab_size()
    network = WhisperForConditionalGeneration(network_config(config.shape, size, special))
    state = {k: v for k, v in load_weights(weights).items() if not k.startswith("ctc.")}
    state["proj_out.weight"] = state["model.decoder.embed_tokens.weight"]
    network.load_state_dict(state)
    network.generation_config = generation_config(config.shape, special)
    network.save_pretrained(folder)
    end = "<|endoftext|>"
    PreTrainedTokenizerFast(
        tokenizer_file=str(config.paths["tokenizer"]), bos_token=end, eos_token=end, unk_token=end
    ).save_pretrained(folder)
    shutil.copy(config.paths["tokenizer"], folder / "tokenizer.json")
    WhisperFeatureExtractor(feature_size=BANDS).save_pretrained(folder)


def convert(source: Path, folder: Path) -> None:
    """Convert a transformers folder to CTranslate2 int8.

    Raises subprocess.CalledProcessError where the converter fails.
    """
    program = Path(sys.executable).with_name("ct2-transformers-converter")
    subprocess.run(
        [str(program), "--model", str(source), "--output_dir", str(folder), "--quantization",
         "int8", "--copy_files", "tokenizer.json", "preprocessor_config.json"],
        check=True,
    )  # fmt: skip


def main() -> None:
    """Convert the weights of the last training, or others."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", type=Path)
    parser.add_argument("--weights", type=Path, help="float16 weights")
    parser.add_argument("--output", type=Path, help="folder of the model")
    options = parser.parse_args()
    config = configuration.load(options.config)
    weights = options.weights or config.paths["data"] / "whisper-pocket-fp16.pt"
    output: Path = options.output or config.paths["model"]
    with tempfile.TemporaryDirectory() as temporary:
        save_transformers(config, weights, Path(temporary, "transformers"))
        convert(Path(temporary, "transformers"), Path(temporary, "ctranslate2"))
        output.mkdir(parents=True, exist_ok=True)
        for name in FILES:
            shutil.copy(Path(temporary, "ctranslate2", name), output / name)
    sizes = {name: (output / name).stat().st_size for name in FILES}
    print(json.dumps(sizes))


if __name__ == "__main__":
    main()
