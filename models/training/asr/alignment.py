"""Which word of a sentence each word of its translation comes from, learnt from the sentences themselves.

IBM Model 1 (Brown et al. 1993) with the preference for the diagonal of Dyer et al. 2013, both ways at once: a word of
the translation is given the words that lead to it, if one of them is what leads to it best.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from .text.spelling import words

ROUNDS = 6
MOST_SENTENCES = 20_000
LEAST = 0.1
"""Probability of a translated word, given a word, from which the pair counts."""
DIAGONAL = 4.0
"""How steeply a pair loses with its distance from the diagonal (lambda of Dyer et al.)."""
NOTHING = ""
"""Stands in every sentence for what words without a counterpart come from."""

Pair = tuple[str, str]


@dataclass(frozen=True)
class Aligner:
    """How probable a translated word is, given a word: {(word, translated): probability}."""

    table: dict[Pair, float]

    @classmethod
    def learn(cls, sentences: Sequence[Pair], seed: int = 1) -> "Aligner":
        """Learn from (sentence, translation) pairs."""
        kept = random.Random(seed).sample(sentences, min(MOST_SENTENCES, len(sentences)))
        numbers: dict[Pair, int] = {}
        pairs: list[int] = []
        rows: list[int] = []
        row = 0
        for sentence, translation in kept:
            sources = [NOTHING, *_keys(sentence)]
            for translated in _keys(translation):
                pairs += [numbers.setdefault((source, translated), len(numbers)) for source in sources]
                rows += [row] * len(sources)
                row += 1
        return cls(dict(zip(numbers, _expect(numbers, pairs, rows), strict=True)))

    def align(self, sentence: str, translation: str) -> list[tuple[int, int] | None]:
        """Return for each word between blanks of the translation the first and last word it comes from, or None."""
        sources, translated = _keys(sentence), _keys(translation)
        scores = np.zeros((len(sources), len(translated)))
        for (i, source), (j, word) in product(enumerate(sources), enumerate(translated)):
            probability = self.table.get((source, word), 0.0)
            if probability >= LEAST and probability > self.table.get((NOTHING, word), 0.0):
                away = abs((i + 0.5) / len(sources) - (j + 0.5) / len(translated))
                scores[i, j] = probability * np.exp(-DIAGONAL * away)
        leads_to = np.where(scores.any(1), scores.argmax(1), -1)
        best = scores.argmax(0)
        return [_run(np.flatnonzero(leads_to == j), best[j]) for j in range(len(translated))]


def _run(found: np.ndarray, best: int) -> tuple[int, int] | None:
    """Return the ends of the found words where they are neighbours and the best is one of them."""
    if best not in found or found[-1] - found[0] >= len(found):
        return None
    return int(found[0]), int(found[-1])


def _keys(sentence: str) -> list[str]:
    return ["-".join(words(word)) for word in sentence.split(" ")]


def _expect(numbers: dict[Pair, int], pairs: list[int], rows: list[int]) -> list[float]:
    """Return P(translated | word) of every pair after some rounds of expectation and maximisation.

    `pairs[k]` is the number of a pair and `rows[k]` the translated word, as it stands in the text, that it explains.
    """
    index: dict[str, int] = {}
    sources = np.array([index.setdefault(source, len(index)) for source, _ in numbers])
    pair, row = np.array(pairs), np.array(rows)
    probability = np.ones(len(numbers))
    for _ in range(ROUNDS):
        weights = probability[pair]
        weights /= np.bincount(row, weights)[row]
        counts = np.bincount(pair, weights)
        probability = counts / np.bincount(sources, counts)[sources]
    return [float(p) for p in probability]
