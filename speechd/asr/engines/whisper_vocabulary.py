"""What a Whisper model can do, read from its vocabulary: which languages, and whether it translates."""

import functools
import json
import re
from pathlib import Path

from speechd.languages import find
from speechd.types import Task

ENGLISH_ONLY_TOKENS = 51_864
"""Vocabulary of the models whose names end in `.en`: 50 257 tokens of GPT-2 and 1 607 of Whisper (openai/whisper,
`tokenizer.py`). It has the language tokens too, but untrained. CTranslate2 identifies these models in the same way."""
LANGUAGE_TOKEN = re.compile(r"<\|([a-z]{2,3})\|>")


def languages_of(folder: Path) -> tuple[str, ...]:
    """ISO 639-1 codes of the languages of the model in a folder, sorted; empty where its vocabulary cannot be read.

    Args:
        folder: of a model in CTranslate2 format, with vocabulary.json or vocabulary.txt.
    """
    path = next((folder / name for name in ("vocabulary.json", "vocabulary.txt") if (folder / name).is_file()), None)
    try:
        return _languages(path, path.stat().st_mtime_ns) if path else ()
    except (OSError, ValueError, TypeError):
        return ()


def tasks_of(languages: tuple[str, ...]) -> tuple[Task, ...]:
    """A model of English only cannot translate: it has no token for it that was trained."""
    return ("transcribe",) if languages == ("en",) else ("transcribe", "translate")


@functools.lru_cache(maxsize=64)
def _languages(path: Path, changed: int) -> tuple[str, ...]:  # `changed` tells two versions of a file apart
    text = path.read_text(encoding="utf-8")
    tokens = json.loads(text) if path.suffix == ".json" else text.removesuffix("\n").split("\n")
    if len(tokens) == ENGLISH_ONLY_TOKENS:
        return ("en",)
    codes = (match[1] for match in map(LANGUAGE_TOKEN.fullmatch, tokens) if match)
    return tuple(sorted({language.code for language in map(find, codes) if language}))
