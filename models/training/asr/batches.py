"""Batches of windows of similar length, made in a process of their own."""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import IterableDataset

from . import tokens
from .config import Config
from .features import BANDS
from .store import Store
from .text.corpus import held_out
from .windows import LONG, POSITIONS, Composer, Window

# The character set of the encoder's auxiliary loss; 0 is the blank of CTC.
CHARACTERS = " abcdefghijklmnopqrstuvwxyz'äöüßáéíóúñàâçèêëîïôùûœ"
_INDEX = {character: index + 1 for index, character in enumerate(CHARACTERS)}
_POOL = 160


def character_ids(text: str) -> list[int]:
    """Return the characters of `text` for the CTC loss."""
    kept = re.sub(f"[^{CHARACTERS}]+", " ", text.lower().replace("-", " ")).strip()
    return [_INDEX[character] for character in kept]


@dataclass
class Batch:
    """Tensors of B windows of T frames and N tokens; T is even."""

    mel: Tensor
    """(B, 80, T) normalised features, 0.0 where a window has ended."""
    position: Tensor
    """(B,) first encoder position."""
    ids: Tensor
    """(B, N) tokens."""
    first: Tensor
    """(B,) decoder position of the first token; N more than MAX_TOKENS allows are padding."""
    target: Tensor
    """(B, N - 1) bool: whether the next token is learnt."""
    spans: Tensor
    """(B, N - 1, 2) first and last encoder frame of the next token; last 0 where unknown."""
    characters: Tensor
    """All CTC targets, one after the other."""
    character_counts: Tensor
    """(B,) how many each window has."""
    encoder_frames: Tensor
    """(B,) encoder frames of each window."""

    def to(self, device: torch.device) -> "Batch":
        """Move every tensor."""
        moved = {k: v.to(device, non_blocking=True) for k, v in vars(self).items()}
        return Batch(**moved)


def collate(windows: list[Window], end: int, frames: int | None = None) -> Batch:
    """Pad windows to the longest of them, or to `frames`."""
    longest = frames or max(len(w.mel) for w in windows)
    longest += longest % 2
    size, count = len(windows), max(len(w.labels.ids) for w in windows)
    mel = np.zeros((size, BANDS, longest), np.float32)
    ids = np.full((size, count), end, np.int64)
    target = np.zeros((size, count - 1), bool)
    spans = np.zeros((size, count - 1, 2), np.int64)
    for i, window in enumerate(windows):
        mel[i, :, : len(window.mel)] = window.mel.T
        ids[i, : len(window.labels.ids)] = window.labels.ids
        target[i, : len(window.labels.ids) - 1] = window.labels.target[1:]
        for index, (start, stop) in window.labels.spans.items():
            if 0 < index < len(window.labels.ids) and start < longest / 100:
                spans[i, index - 1] = max(0, int((start - 0.02) * 50)), int((stop + 0.02) * 50) + 1
    characters = [character_ids(w.spoken) for w in windows]
    position = [min(w.position, POSITIONS - longest // 2) for w in windows]
    lengths = [min(longest // 2, len(w.mel) // 2 + 2) for w in windows]
    return Batch(
        torch.from_numpy(mel), torch.tensor(position), torch.from_numpy(ids),
        torch.tensor([w.labels.first for w in windows]),
        torch.from_numpy(target), torch.from_numpy(spans),
        torch.tensor([c for row in characters for c in row], dtype=torch.long),
        torch.tensor([len(row) for row in characters]), torch.tensor(lengths),
    )  # fmt: skip


class Batches(IterableDataset[Batch]):
    """Endless batches; `progress` (0 to 1, shared memory) steers what they hold."""

    def __init__(self, config: Config, seed: int, progress: Tensor) -> None:
        self._config, self._seed, self._progress = config, seed, progress

    def __iter__(self) -> Iterator[Batch]:
        torch.set_num_threads(1)
        config, settings = self._config, self._config.windows
        tokenizer, special = tokens.load(config.paths["tokenizer"])

        def encode(text: str) -> tuple[list[int], list[tuple[int, int]]]:
            encoding = tokenizer.encode(text)
            return encoding.ids, encoding.offsets

        store = Store(config.shards, held_out(config.paths["fixtures"]))
        composer = Composer(store, settings, special, encode, self._seed)
        rng = random.Random(self._seed)
        turns = random.Random(config.training.seed)  # alike in every process, or the fast wait for the slow
        pool: list[Window] = []
        seconds = config.training.batch_seconds
        while True:
            done = float(self._progress)
            if done > 1 - settings.last_phase:
                composer.mix = settings.last_mix
            if done >= settings.long_from and turns.random() < settings.long_share:
                count = max(1, round(seconds / LONG))
                yield collate([composer.window(True) for _ in range(count)], special.end, 3000)
                continue
            if len(pool) < _POOL // 2:
                store.refresh()
                pool += [composer.window(False) for _ in range(_POOL)]
                pool.sort(key=lambda w: len(w.mel))
            yield collate(_bucket(pool, rng, seconds * 100), special.end)


def _bucket(pool: list[Window], rng: random.Random, frames: float) -> list[Window]:
    """Take windows of similar length out of the sorted pool, `frames` in all."""
    first = rng.randrange(len(pool))
    last = first + 1
    while last < len(pool) and (last + 1 - first) * len(pool[last].mel) <= frames:
        last += 1
    taken = pool[first:last]
    del pool[first:last]
    return taken
