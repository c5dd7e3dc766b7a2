"""Training sentences as tensors: normalised targets, batches of like lengths."""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from .alignment import Aligned
from .network import CEPSTRA, LOG_F0, VALUES, VOICING, frame_places
from .teacher import Floats

Integers = npt.NDArray[np.int64]
PACES = (math.log(0.5), math.log(2.0))
"""Bounds of the logarithm of a pace: the length scales at which the voice is measured."""
UNVOICED_F0 = 170.0
"""Hz given to a sentence without any voiced frame."""


@dataclass(frozen=True)
class Scale:
    """Mean and standard deviation of each frame value, shape (32,)."""

    mean: Floats
    deviation: Floats

    @staticmethod
    def of(targets: Floats) -> "Scale":
        """Measured on frames (n, 32); log F0 on the voiced ones only, voicing left as it is."""
        mean, deviation = targets.mean(0), targets.std(0) + 1e-3
        voiced = targets[targets[:, VOICING] > 0.5, LOG_F0]
        mean[LOG_F0], deviation[LOG_F0] = voiced.mean(), voiced.std()
        mean[VOICING], deviation[VOICING] = 0.0, 1.0
        return Scale(mean, deviation)

    def save(self, path: Path) -> None:
        """Writes both as one array."""
        np.save(path, np.stack([self.mean, self.deviation]))

    @staticmethod
    def load(path: Path) -> "Scale":
        """Reads what `save` wrote."""
        return Scale(*np.load(path))


def target(frames: Floats, sentence: Aligned) -> Floats:
    """The teacher's frames (n, 32) of a sentence: F0 as logarithm, drawn straight through what is unvoiced."""
    rows = frames[sentence.offset : sentence.offset + sentence.frames]
    voiced = rows[:, 0] > 0
    if voiced.any():
        at = np.arange(len(rows))
        log_f0 = np.log(np.interp(at, at[voiced], rows[voiced, 0]))
    else:
        log_f0 = np.full(len(rows), math.log(UNVOICED_F0))
    cepstra, bands = rows[:, 1 : 1 + CEPSTRA], rows[:, 1 + CEPSTRA :].clip(0, 1)
    return np.concatenate([cepstra, log_f0[:, None], voiced[:, None], bands], 1).astype(np.float32)


@dataclass(frozen=True)
class Batch:
    """Sentences side by side, padded; masks are 0 where padded."""

    ids: Tensor
    """(batch, symbols)"""
    lengths: Tensor
    durations: Tensor
    """Frames of each symbol (batch, symbols)."""
    symbol_mask: Tensor
    """(batch, symbols, 1)"""
    owner: Tensor
    """(batch, frames)"""
    places: Tensor
    """(batch, frames, 6)"""
    frame_mask: Tensor
    """(batch, frames, 1)"""
    targets: Tensor
    """(batch, frames, 32), normalised."""

    @property
    def frames(self) -> int:
        """True frames in all."""
        return int(self.frame_mask.sum())


class Corpus:
    """Aligned sentences over the teacher's frames."""

    def __init__(self, frames: Floats, sentences: list[Aligned], scale: Scale | None = None) -> None:
        self._frames = frames
        self.sentences = sentences
        self.scale = scale or Scale.of(self._sample(300))

    def _sample(self, count: int) -> Floats:
        chosen = self.sentences[:: max(1, len(self.sentences) // count)]
        return np.concatenate([target(self._frames, sentence) for sentence in chosen])

    def batches(self, chance: random.Random, pool: int, frames: int, paced: float = 0.0) -> Iterator[Batch]:
        """Batches of up to `frames` frames without end; a pool of sentences at a time is sorted by length.

        Args:
            chance: draws the sentences and their paces.
            pool: sentences that are sorted together.
            frames: of a batch, before any is paced.
            paced: share of the batches that are spoken slower or faster, so that pitch and sound hold at any speed.
        """
        while True:
            chosen = chance.sample(self.sentences, min(pool, len(self.sentences)))
            groups: list[list[Aligned]] = [[]]
            for sentence in sorted(chosen, key=lambda sentence: sentence.frames):
                if groups[-1] and (len(groups[-1]) + 1) * sentence.frames > frames:
                    groups.append([])
                groups[-1].append(sentence)
            chance.shuffle(groups)
            for group in groups:
                yield self.batch(group, math.exp(chance.uniform(*PACES)) if chance.random() < paced else 1.0)

    def batch(self, sentences: list[Aligned], pace: float = 1.0) -> Batch:
        """These sentences as one batch, each symbol `pace` times as long as the teacher speaks it."""
        rows = len(sentences)
        symbols = max(len(sentence.ids) for sentence in sentences)
        lengths_out = [_even(max(2, round(sentence.frames * pace))) for sentence in sentences]
        steps = max(lengths_out)
        ids, durations = np.zeros((rows, symbols), np.int64), np.zeros((rows, symbols), np.float32)
        owner, passed = np.zeros((rows, steps), np.int64), np.zeros((rows, steps), np.float32)
        nominal, targets = np.ones((rows, steps), np.float32), np.zeros((rows, steps, VALUES), np.float32)
        for row, (sentence, count) in enumerate(zip(sentences, lengths_out, strict=True)):
            lasts = sentence.durations.astype(np.int64)
            lasts[-1] += _even(sentence.frames) - sentence.frames
            ids[row, : len(lasts)], durations[row, : len(lasts)] = sentence.ids, lasts
            paced = _paced(lasts, pace, count)
            mine = np.repeat(np.arange(len(lasts)), paced)
            start = (np.cumsum(paced) - paced)[mine]
            owner[row, :count], nominal[row, :count] = mine, lasts[mine]
            passed[row, :count] = (np.arange(count) + 0.5 - start) / paced[mine]
            frames = (target(self._frames, sentence) - self.scale.mean) / self.scale.deviation
            at = (np.cumsum(lasts) - lasts)[mine] + passed[row, :count] * lasts[mine] - 0.5
            targets[row, :count] = _sampled(frames, at)
        lengths = torch.tensor([len(sentence.ids) for sentence in sentences])
        return Batch(
            ids=torch.from_numpy(ids),
            lengths=lengths,
            durations=torch.from_numpy(durations),
            symbol_mask=_mask(lengths, symbols),
            owner=torch.from_numpy(owner),
            places=frame_places(torch.from_numpy(passed), torch.from_numpy(nominal)),
            frame_mask=_mask(torch.tensor(lengths_out), steps),
            targets=torch.from_numpy(targets),
        )


def _paced(lasts: Integers, pace: float, count: int) -> Integers:
    """Frames of each symbol at a pace, `count` in all: the running sum is rounded, as the exported graph does."""
    ends = np.round(np.cumsum(lasts) * pace).astype(np.int64).clip(max=count)
    ends[-1] = count
    return np.diff(ends, prepend=0)


def _sampled(frames: Floats, at: Floats) -> Floats:
    """Rows of `frames` at places between them; the voicing is that of the nearest."""
    at = at.clip(0, len(frames) - 1)
    low = np.floor(at).astype(np.int64)
    part = (at - low)[:, None].astype(np.float32)
    rows = frames[low] * (1 - part) + frames[np.minimum(low + 1, len(frames) - 1)] * part
    rows[:, VOICING] = frames[np.round(at).astype(np.int64), VOICING]
    return rows


def _even(frames: int) -> int:
    return frames + frames % 2


def _mask(lengths: Tensor, size: int) -> Tensor:
    return (torch.arange(size)[None] < lengths[:, None]).float()[..., None]
