"""Word error rate, as tests and benchmarks count it."""

import re

import numpy as np


def normalised(text: str) -> list[str]:
    """Words in lower case without punctuation; a hyphen separates words."""
    return re.sub(r"[^\w']", " ", text.lower().replace("’", "'")).split()


def word_errors(reference: str, hypothesis: str) -> tuple[int, int]:
    """Insertions + deletions + substitutions (Levenshtein over words), and the words of the reference."""
    wanted, got = normalised(reference), normalised(hypothesis)
    row = np.arange(len(got) + 1)
    for number, word in enumerate(wanted, start=1):
        above, row = row, np.empty_like(row)
        row[0] = number
        for column, other in enumerate(got, start=1):
            row[column] = min(above[column] + 1, row[column - 1] + 1, above[column - 1] + (word != other))
    return int(row[-1]), len(wanted)
