"""Make a tokenizer like the shipped one: `python -m models.training.asr.make_tokenizer OUTPUT`.

Only for a model that is trained from scratch: other ids make existing weights worthless. What
CTranslate2 and faster-whisper ask of it:

- the vocabulary holds the empty token, by which CTranslate2 knows a multilingual model;
- text ids lie below `<|endoftext|>`, `<|30.00|>` is the last id, timestamps are not special;
- single signs are tokens with the blank before them: faster-whisper suppresses the first token
  of ` -`, ` '` and others, which would else be the bare blank.
"""

import argparse
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from faster_whisper.tokenizer import _LANGUAGE_CODES
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from .text import lexicon
from .text.grammar import Grammar
from .tokens import TIMESTAMP_STEP, TIMESTAMPS

TEXT_TOKENS, SENTENCES, SEED = 1000, 60000, 5
BLANK = "Ġ"
SINGLE = "-'âÃÂabcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789$"
BEFORE_LANGUAGES = ("endoftext", "startoftranscript")
AFTER_LANGUAGES = ("translate", "transcribe", "startoflm", "startofprev", "nospeech", "notimestamps")


def text() -> Iterator[str]:
    """Yield sentences of both grammars in all languages, each after a blank."""
    rng = random.Random(SEED)
    grammars = [Grammar.read(name, lexicon.load()) for name in ("domain", "wide")]
    for _ in range(SENTENCES // 4):
        yield from (" " + sentence for sentence in rng.choice(grammars).sentence(rng).values())


def trained() -> dict[str, Any]:
    """Return a byte-level BPE of TEXT_TOKENS tokens as its JSON document."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=TEXT_TOKENS, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(text(), trainer)
    document: dict[str, Any] = json.loads(tokenizer.to_str())
    return document


def complete(document: dict[str, Any]) -> None:
    """Add signs after a blank, the empty token and Whisper's special tokens."""
    model: dict[str, Any] = document["model"]
    vocabulary: dict[str, int] = model["vocab"]
    for sign in SINGLE:
        if BLANK + sign not in vocabulary:
            vocabulary[BLANK + sign] = len(vocabulary)
            model["merges"].append([BLANK, sign])
    vocabulary[""] = len(vocabulary)
    special = [f"<|{name}|>" for name in (*BEFORE_LANGUAGES, *_LANGUAGE_CODES, *AFTER_LANGUAGES)]
    times = [f"<|{index * TIMESTAMP_STEP:.2f}|>" for index in range(TIMESTAMPS)]
    document["added_tokens"] = [
        {"id": len(vocabulary) + index, "content": content, "special": index < len(special),
         "single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
        for index, content in enumerate(special + times)
    ]  # fmt: skip


def main() -> None:
    """Train and write tokenizer.json."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", type=Path)
    document = trained()
    complete(document)
    parser.parse_args().output.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    main()
