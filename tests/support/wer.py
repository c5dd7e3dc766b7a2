"""Word error rate, lost and invented runs of words, as tests and benchmarks count them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

RUN = 4
"""From so many consecutive words on, what is missing or added is a phrase and not a mistaken word."""

_UNITS = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
UNITS = {word: value for value, word in enumerate(f"{_UNITS} seventeen eighteen nineteen".split())}
TENS = {word: 10 * value for value, word in enumerate(_TENS.split(), start=2)}
SPELLINGS = {
    r"\*": " star ",
    r"#": " pound ",
    r"(\d)\.(\d)": r"\1 point \2",
    r"\bi'm\b": "i am",
    r"\bcan't\b": "cannot",
    r"\bcan not\b": "cannot",
    r"n't\b": " not",
    r"'re\b": " are",
    r"'ll\b": " will",
    r"\b(that|it)'s\b": r"\1 is",
    r"\bthru\b": "through",
    r"\bmr\b": "mister",
    r"\bre(record|enter)": r"re \1",
    r"\bun(delete)": r"un \1",
    r"\b(log|file|key|touch|black|good|mail|voice)(in|names?|words?|tone|list|bye|box|mail)\b": r"\1 \2",
}
"""Patterns of spellings that a listener cannot tell apart, in the order they are replaced, with the one that counts."""


@dataclass(frozen=True)
class Score:
    """One text against what was said."""

    errors: int
    """Insertions + deletions + substitutions, the fewest that make one text of the other (Levenshtein over words)."""
    words: int
    """Words that were said."""
    lost: tuple[str, ...] = ()
    """Runs of RUN and more consecutive words that were said and are missing."""
    invented: tuple[str, ...] = ()
    """Runs of RUN and more consecutive words that nobody said."""

    @property
    def rate(self) -> float:
        return self.errors / self.words if self.words else float(self.errors > 0)

    def __add__(self, other: "Score") -> "Score":
        return Score(
            self.errors + other.errors,
            self.words + other.words,
            self.lost + other.lost,
            self.invented + other.invented,
        )


def normalised(text: str) -> list[str]:
    """Words in lower case without punctuation; a hyphen separates words."""
    return re.sub(r"[^\w']", " ", text.lower().replace("’", "'")).split()


def word_errors(reference: str, hypothesis: str) -> tuple[int, int]:
    """Insertions + deletions + substitutions (Levenshtein over words), and the words of the reference."""
    wanted, got = normalised(reference), normalised(hypothesis)
    return int(_distances(wanted, got)[-1, -1]), len(wanted)


def spoken_words(text: str) -> list[str]:
    """Words as they sound: numbers digit by digit however they are written, contractions in full, one spelling each."""
    text = text.lower().replace("’", "'")
    for pattern, spelling in SPELLINGS.items():
        text = re.sub(pattern, spelling, text)
    return list(_digits(normalised(text)))


def score(reference: str, hypothesis: str) -> Score:
    """Compares two texts by their spoken words."""
    wanted, got = spoken_words(reference), spoken_words(hypothesis)
    table = _distances(wanted, got)
    steps = list(_path(table, wanted, got))
    return Score(int(table[-1, -1]), len(wanted), tuple(_runs(steps, "lost")), tuple(_runs(steps, "invented")))


def matches(wanted: Sequence[str], got: Sequence[str]) -> list[tuple[int, int]]:
    """Positions of the words that stand in both lists, as the fewest edits pair them, in order."""
    row, column = len(wanted), len(got)
    found = []
    for kind, _ in _path(_distances(wanted, got), wanted, got):
        row, column = row - (kind != "invented"), column - (kind != "lost")
        if kind == "kept" and wanted[row] == got[column]:
            found.append((row, column))
    return found[::-1]


def _digits(words: list[str]) -> Iterator[str]:
    """`twenty eight` and `28` both become `2 8`, `five hundred` and `500` both `5 0 0`."""
    value, room = 0, 0  # the number so far, and below what a word may still be added to it: `twenty` takes `eight`
    for word in [*words, ""]:
        part = UNITS.get(word) or TENS.get(word) or 0
        if 0 < part < room:
            value, room = value + part, 10 if word in TENS else 0
            continue
        if word == "hundred" and 0 < value < 10:
            value, room = value * 100, 100
            continue
        if value:
            yield from str(value)
        value, room = part, 10 if word in TENS else 0
        if not part and word:
            yield from "0" if word == "zero" else word if word.isdecimal() else (word,)


def _distances(wanted: Sequence[str], got: Sequence[str]) -> np.ndarray:
    """Edit distances of all beginnings, shape (len(wanted) + 1, len(got) + 1)."""
    codes = {word: code for code, word in enumerate(dict.fromkeys([*wanted, *got]))}
    others, columns = np.array([codes[word] for word in got], dtype=np.int64), np.arange(len(got) + 1)
    table = np.empty((len(wanted) + 1, len(got) + 1), dtype=np.int32)
    table[0] = columns
    for number, word in enumerate(wanted, start=1):
        above, row = table[number - 1], table[number]
        row[0] = number
        row[1:] = np.minimum(above[1:] + 1, above[:-1] + (others != codes[word]))
        row[:] = np.minimum.accumulate(row - columns) + columns  # insertions
    return table


def _path(table: np.ndarray, wanted: Sequence[str], got: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The edits from the end to the beginning, as (kind, word); among equals a run goes on rather than breaks."""
    row, column, last = len(wanted), len(got), ""
    while row or column:
        moves = []
        if row and column and table[row, column] == table[row - 1, column - 1] + (wanted[row - 1] != got[column - 1]):
            moves.append(("kept", wanted[row - 1], row - 1, column - 1))
        if row and table[row, column] == table[row - 1, column] + 1:
            moves.append(("lost", wanted[row - 1], row - 1, column))
        if column and table[row, column] == table[row, column - 1] + 1:
            moves.append(("invented", got[column - 1], row, column - 1))
        last, word, row, column = next((move for move in moves if move[0] == last), moves[0])
        yield last, word


def _runs(steps: list[tuple[str, str]], kind: str) -> Iterator[str]:
    run: list[str] = []
    for step, word in [*reversed(steps), ("", "")]:
        if step == kind:
            run.append(word)
            continue
        if len(run) >= RUN:
            yield " ".join(run)
        run = []
