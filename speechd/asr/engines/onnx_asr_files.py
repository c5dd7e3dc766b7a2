"""Reads the files of a model for onnx-asr without loading it.

The folders are those of the hub repositories that onnx-asr 0.12 names (its `resolver.py`): NVIDIA's Parakeet,
FastConformer and Canary, and GigaAM.
"""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from speechd.languages import find

WESTERN = ("da", "de", "en", "es", "et", "fi", "fr", "it", "lt", "lv", "mt", "nl", "pt", "sv")
EASTERN = ("bg", "cs", "el", "hr", "hu", "pl", "ro", "ru", "sk", "sl", "uk")
EUROPEAN = (*WESTERN, *EASTERN)
"""The 25 languages of Parakeet-TDT 0.6B v3 and of Canary 1B v2 (NVIDIA's model cards)."""


@dataclass(frozen=True, slots=True)
class Family:
    """Models that are loaded and called in the same way."""

    type: str
    """onnx-asr's name of it."""
    patterns: tuple[str, ...] = ()
    """Files by which a folder is known whose config.json names no type."""
    languages: tuple[str, ...] = ()
    """Codes that all of them know; empty: the letters of the vocabulary decide."""
    told_language: bool = False
    """It needs the language that is spoken."""


FAMILIES = (
    Family("nemo-conformer-tdt"),
    Family("nemo-conformer-rnnt"),
    Family("nemo-conformer-ctc"),
    Family("nemo-conformer-aed", ("encoder-model*.onnx", "decoder-model*.onnx"), EUROPEAN, told_language=True),
    Family("gigaam-v3-e2e-rnnt", ("v3_e2e_rnnt_encoder*.onnx", "v3_e2e_rnnt_vocab.txt"), ("ru",)),
    Family("gigaam-v3-e2e-ctc", ("v3_e2e_ctc*.onnx", "v3_e2e_ctc_vocab.txt"), ("ru",)),
    Family("gigaam-v3-rnnt", ("v3_rnnt_encoder*.onnx", "v3_vocab.txt"), ("ru",)),
    Family("gigaam-v3-ctc", ("v3_ctc*.onnx", "v3_vocab.txt"), ("ru",)),
    Family("gigaam-v2-rnnt", ("v2_rnnt_encoder*.onnx", "v2_vocab.txt"), ("ru",)),
    Family("gigaam-v2-ctc", ("v2_ctc*.onnx", "v2_vocab.txt"), ("ru",)),
)
"""In the order in which a folder is compared with them."""


@dataclass(frozen=True, slots=True)
class OnnxAsrFiles:
    """A folder with a model for onnx-asr."""

    folder: Path

    @property
    def family(self) -> Family | None:
        """By `model_type` of its config.json, else by its files; None for an unknown model."""
        named = str(self._config().get("model_type", ""))
        by_files = (each for each in FAMILIES if each.patterns and all(map(self._has, each.patterns)))
        return next((each for each in FAMILIES if each.type == named), None) or next(by_files, None)

    @property
    def languages(self) -> tuple[str, ...]:
        """ISO 639-1 codes: those of `languages` in config.json, of the family, or of the vocabulary's letters.

        Latin letters alone are English's, Cyrillic ones alone Russian's; both together are those of Parakeet v3.
        """
        given = self._config().get("languages")
        if isinstance(given, list) and given:
            known = (find(code) if isinstance(code, str) else None for code in given)
            return tuple(dict.fromkeys(language.code for language in known if language))
        if self.family and self.family.languages:
            return self.family.languages
        latin, cyrillic = _scripts(self.folder, _changed(self.folder))
        return EUROPEAN if latin and cyrillic else ("ru",) if cyrillic else ("en",) if latin else ()

    def quantization(self, device: str) -> str | None:
        """`int8` where those weights are to be used, by onnx-asr's name: on a CPU, or where there are no others."""
        names = [path.name for path in self.folder.glob("*.onnx")]
        small = [name for name in names if name.endswith("int8.onnx")]
        return "int8" if small and (device == "cpu" or len(small) == len(names)) else None

    def _has(self, pattern: str) -> bool:
        return any(self.folder.glob(pattern))

    def _config(self) -> dict[str, Any]:
        try:
            config = json.loads((self.folder / "config.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return config if isinstance(config, dict) else {}


def _changed(folder: Path) -> int:
    return max((path.stat().st_mtime_ns for path in folder.glob("*vocab.txt")), default=0)


@lru_cache(maxsize=64)
def _scripts(folder: Path, _changed: int) -> tuple[bool, bool]:
    """Whether the vocabulary has Latin and Cyrillic letters, special tokens such as `<blk>` left out.

    A single foreign letter proves nothing: some vocabularies have `e` among Cyrillic ones.
    """
    vocabulary = next(iter(folder.glob("*vocab.txt")), None)
    try:
        lines = vocabulary.read_text(encoding="utf-8").splitlines() if vocabulary else []
    except (OSError, ValueError):
        lines = []
    tokens = [line.rpartition(" ")[0] for line in lines]
    letters = {char for token in tokens if not token.startswith("<") for char in token.lower() if char.isalpha()}
    latin = len(letters & set("abcdefghijklmnopqrstuvwxyz"))
    cyrillic = sum("а" <= char <= "я" for char in letters)
    return latin > 3, cyrillic > 3
