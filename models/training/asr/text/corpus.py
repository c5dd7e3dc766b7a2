"""Which sentence is spoken next, and which sentences training must never see."""

import json
import random
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from . import lexicon
from .grammar import Grammar, Sentence
from .lexicon import LANGUAGES
from .scrambled import Scrambled
from .spelling import normalise

EVALUATION = Path(__file__).parents[1] / "evaluation"


@dataclass(frozen=True)
class Item:
    """A sentence to speak."""

    language: str
    """The language it is spoken in."""
    text: str
    """What is said, as it should be written."""
    english: str
    """What `translate` should write; empty where it means nothing."""


GRAMMARS = ("domain", "wide", "everyday")
"""The kinds of text that are grammars, each a file of this folder."""
SCRAMBLED = "scrambled"
"""The kind of text that is made of pieces of the others."""


def source(kind: str) -> Grammar | Scrambled:
    """Return what makes one kind of text."""
    entries = lexicon.load()
    if kind == SCRAMBLED:
        return Scrambled([Grammar.read(name, entries) for name in GRAMMARS])
    return Grammar.read(kind, entries)


def read_parallel(path: Path) -> list[Sentence]:
    """Read an evaluation file: one sentence a line in four languages, divided by `|`."""
    lines = path.read_text(encoding="utf-8").splitlines()
    rows = [line.split("|") for line in lines if line.strip() and not line.startswith("#")]
    return [dict(zip(LANGUAGES, map(str.strip, row), strict=True)) for row in rows]


def fixture_texts(path: Path) -> Iterable[str]:
    """Yield every text of the audio fixtures' manifest; nothing where there is none."""
    if not path.exists():
        return
    pending = [json.loads(path.read_text(encoding="utf-8"))]
    while pending:
        value = pending.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict | list):
            pending.extend(value.values() if isinstance(value, dict) else value)


def held_out(manifest: Path) -> set[str]:
    """Return the normal forms of all sentences kept out of training."""
    names = ("domain", "wide")
    files = [path for name in names if (path := EVALUATION / f"{name}.txt").exists()]
    texts = [text for path in files for row in read_parallel(path) for text in row.values()]
    return {normalise(text) for text in (*texts, *fixture_texts(manifest))} - {""}


class Corpus:
    """Draws sentences of one kind, never one that is held out."""

    def __init__(self, kind: str, languages: dict[str, float], excluded: set[str], rng: random.Random) -> None:
        self._source = source(kind)
        self._translated = kind != SCRAMBLED
        self._languages = languages
        self._excluded = excluded
        self._rng = rng

    def draw(self) -> Item:
        """Draw one sentence in one language."""
        language = self._rng.choices(list(self._languages), list(self._languages.values()))[0]
        while True:
            sentence = self._source.sentence(self._rng)
            if normalise(sentence[language]) not in self._excluded:
                return Item(language, sentence[language], sentence["en"] if self._translated else "")
