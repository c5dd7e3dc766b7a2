"""The utterances that synthesis wrote, memory-mapped."""

import json
import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .features import Float
from .text.spelling import normalise


@dataclass(frozen=True)
class Utterance:
    """One spoken sentence in a shard."""

    language: str
    """The language it is spoken in."""
    text: str
    """What is said."""
    english: str
    """What `translate` should write; empty where it means nothing."""
    kind: str
    """domain, wide, everyday or scrambled."""
    words: tuple[tuple[float, float], ...] | None
    """Start and end in seconds of each word between blanks, or None where not known."""
    shard: np.ndarray
    """The float16 frames of the whole shard."""
    first: int
    """Its first frame in the shard."""
    frames: int
    """Its length in frames of 10 ms."""

    def mel(self) -> Float:
        """Return raw log10 mel power, (frames, 80)."""
        return np.asarray(self.shard[self.first : self.first + self.frames], dtype=np.float32)


class Store:
    """All utterances by language and kind; new shards are taken up by `refresh`."""

    def __init__(self, folder: Path, excluded: set[str]) -> None:
        self._folder = folder
        self._excluded = excluded
        self._seen: set[Path] = set()
        self._by: dict[tuple[str, str], list[Utterance]] = {}
        self.refresh()

    def refresh(self) -> None:
        """Read the shards that were not there before."""
        for path in sorted(self._folder.glob("*.npy")):
            if path not in self._seen and not path.name.endswith(".part.npy"):
                self._seen.add(path)
                self._read(path)

    def _read(self, path: Path) -> None:
        shard = np.load(path, mmap_mode="r")
        first = 0
        for row in json.loads(path.with_suffix(".json").read_text()):
            row.pop("voice")
            words = tuple(map(tuple, row.pop("words") or ())) or None
            utterance = Utterance(**row, words=words, shard=shard, first=first)
            first += utterance.frames
            if normalise(utterance.text) not in self._excluded:
                self._by.setdefault((utterance.language, utterance.kind), []).append(utterance)

    def hours(self) -> float:
        """Return hours of speech."""
        return sum(u.frames for group in self._by.values() for u in group) / 360000

    def translations(self, language: str) -> list[tuple[str, str]]:
        """Return every sentence of a language that has a translation, with it."""
        groups = [group for (lang, _), group in self._by.items() if lang == language]
        return [(u.text, u.english) for group in groups for u in group if u.english]

    def draw(self, rng: random.Random, language: str, kind: str) -> Utterance:
        """Draw one utterance; another kind where the language has none of this one."""
        group = self._by.get((language, kind)) or next(
            group for (lang, _), group in self._by.items() if lang == language
        )
        return rng.choice(group)
