"""Word error rate and the other figures of the model card."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from .text.spelling import normalise, words


def edit_distance(reference: Sequence[str], hypothesis: Sequence[str]) -> int:
    """Return the least number of substitutions, deletions and insertions (Levenshtein)."""
    row = list(range(len(hypothesis) + 1))
    for i, wanted in enumerate(reference, 1):
        diagonal, row[0] = row[0], i
        for j, got in enumerate(hypothesis, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (wanted != got))
    return row[-1]


def word_error_rate(references: Sequence[str], hypotheses: Sequence[str]) -> float:
    """Return errors per reference word, over all sentences; case and punctuation do not count."""
    pairs = [(words(r), words(h)) for r, h in zip(references, hypotheses, strict=True)]
    errors = sum(edit_distance(reference, hypothesis) for reference, hypothesis in pairs)
    return errors / max(1, sum(len(reference) for reference, _ in pairs))


def exact(references: Sequence[str], hypotheses: Sequence[str]) -> float:
    """Return the share of sentences without any error."""
    same = [normalise(r) == normalise(h) for r, h in zip(references, hypotheses, strict=True)]
    return sum(same) / max(1, len(same))


def separation(positive: Sequence[float], negative: Sequence[float]) -> float:
    """Return the area under the ROC curve: how often a positive scores above a negative."""
    wins = sum((p > n) + 0.5 * (p == n) for p in positive for n in negative)
    return wins / max(1, len(positive) * len(negative))


@dataclass(frozen=True)
class Spread:
    """Median and 90th percentile."""

    median: float
    p90: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Return the spread of values; nan where there are none."""
        if not values:
            return cls(float("nan"), float("nan"))
        ordered = sorted(values)
        return cls(statistics.median(ordered), ordered[int(0.9 * (len(ordered) - 1))])
