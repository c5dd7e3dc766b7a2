"""How long each of Piper's phoneme symbols lasts in the teacher's speech.

espeak-ng and flite transcribe the same text with different phone sets. A monotone dynamic program lays espeak's symbols
along flite's timed phones: a symbol may take a phone, share one with its neighbours, swallow several, or last nothing.
What fits what is a table written by hand.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from .config import Alignment
from .teacher import FRAME_SECONDS, Spoken

UNTIMED = frozenset("ˈˌː̩ʲ̃ʰˑ̯̪")
"""Stress, length and other marks: they belong to the symbol next to them."""
PUNCTUATION = frozenset(",.;:?!")
VOWEL_SYMBOLS = frozenset("aæɐɑɒɔəɚɛɜɝeiɪᵻɨoʊuʌɵ")

VOWELS = {
    "aa": "ɑɒɔa",
    "ae": "æaɛ",
    "ah": "ʌəɐɜ",
    "ao": "ɔɑoɒ",
    "aw": "aʊæ",
    "ax": "əɐᵻʌɪɨæɛuɔ",
    "ay": "aɪ",
    "eh": "ɛeæ",
    "er": "ɜɚɝɹə",
    "ey": "eɪ",
    "ih": "ɪᵻɨiə",
    "iy": "iɪ",
    "ow": "oʊɔə",
    "oy": "ɔɪ",
    "uh": "ʊuɵ",
    "uw": "uʊ",
}
"""Flite's vowels with the symbols that fit: the first best; both halves of a diphthong are best."""
CONSONANTS = {
    "p": "p",
    "b": "b",
    "t": "tɾʔ",
    "d": "dɾ",
    "k": "k",
    "g": "ɡg",
    "ch": "tʃ",
    "jh": "dʒ",
    "f": "f",
    "v": "v",
    "th": "θ",
    "dh": "ð",
    "s": "s",
    "z": "z",
    "sh": "ʃ",
    "zh": "ʒ",
    "hh": "h",
    "m": "m",
    "n": "n",
    "ng": "ŋn",
    "l": "lɫ",
    "r": "ɹɚɜ",
    "w": "w",
    "y": "j",
}
NEAR = frozenset(
    tuple(pair.split(":"))
    for line in (
        "t:d d:t s:z z:s f:v v:f k:ɡ g:k sh:ʒ zh:ʃ th:ð dh:θ ch:ʃ jh:ʒ",
        "n:m m:n ng:ɡ n:ŋ zh:z sh:s",
    )
    for pair in line.split()
)
"""Phones that differ from the symbol in voicing or place alone."""
DIPHTHONGS = frozenset(("ay", "aw", "oy", "ey", "ow"))
WEAK = frozenset(("ax", "r", "hh", "y", "er"))
"""Phones that one of the two transcriptions often leaves out."""
NEVER = 9.0
DIAGONAL, SKIP_SYMBOL, SHARE, SWALLOW = 1, 2, 3, 4


@dataclass(frozen=True)
class Aligned:
    """A training sentence: Piper's symbols with their durations."""

    text: str
    offset: int
    """First row of its teacher frames."""
    frames: int
    ids: npt.NDArray[np.int16]
    """Piper's ids without the pads between them, from `^` to `$`."""
    durations: npt.NDArray[np.int16]
    """Frames of 5 ms for each id; they sum to `frames`."""
    cost: float
    """Mean misfit per symbol."""


@cache
def misfit(symbol: str, phone: str) -> float:
    """How badly a symbol fits a phone: 0 the same sound, 9 never."""
    if phone == "pau":
        return 0.0 if symbol in PUNCTUATION else 0.6 if symbol == " " else NEVER
    if symbol in PUNCTUATION or symbol == " ":
        return NEVER
    return _vowel_misfit(symbol, phone) if phone in VOWELS else _consonant_misfit(symbol, phone)


def _vowel_misfit(symbol: str, phone: str) -> float:
    fitting = VOWELS[phone]
    if symbol in fitting:
        best = symbol == fitting[0] or (phone in DIPHTHONGS and symbol == fitting[1])
        return 0.0 if best else 0.15
    if symbol in VOWEL_SYMBOLS:
        return 0.8
    return 1.8 if symbol in "ɹjwl" else 3.0


def _consonant_misfit(symbol: str, phone: str) -> float:
    if symbol in CONSONANTS[phone]:
        return 0.0
    if (phone, symbol) in NEAR:
        return 0.8
    if symbol in VOWEL_SYMBOLS:
        return 1.5 if phone in ("r", "y", "w") else 3.0
    return 2.5


def _skip_cost(symbol: str) -> float:
    return 0.02 if symbol == " " else 0.3 if symbol in PUNCTUATION else 1.2


def _swallow_cost(phone: str) -> float:
    return 0.5 if phone == "pau" else 0.25 if phone in WEAK else 1.0


def symbol_seconds(symbols: Sequence[str], phones: Sequence[tuple[str, float]]) -> tuple[list[float], float]:
    """Lays symbols along timed phones.

    Returns:
        Seconds of each symbol (0 for marks and what is not spoken), and the mean misfit per timed symbol.
    """
    timed = [n for n, symbol in enumerate(symbols) if symbol not in UNTIMED]
    moves, total = _cheapest([symbols[n] for n in timed], [name for name, _ in phones])
    owners: list[list[int]] = [[] for _ in phones]
    a, b = len(timed), len(phones)
    while a or b:
        move = moves[a][b]
        if move != SKIP_SYMBOL:
            owners[b - 1].append(timed[a - 1])
        a -= move != SWALLOW
        b -= move in (DIAGONAL, SWALLOW)
    seconds = [0.0] * len(symbols)
    for (name, duration), owner in zip(phones, owners, strict=True):
        for n, share in zip(sorted(owner), _shares(name, len(owner)), strict=True):
            seconds[n] += duration * share
    return seconds, total / max(1, len(timed))


def _cheapest(symbols: list[str], phones: list[str]) -> tuple[list[list[int]], float]:
    """The dynamic program: the move that leads to each (symbols used, phones used), and the cost of the whole."""
    swallow = [_swallow_cost(phone) for phone in phones]
    above = [0.0] + [float("inf")] * len(phones)
    moves = [[0] * (len(phones) + 1)]
    for symbol in symbols:
        skip, fits = _skip_cost(symbol), [misfit(symbol, phone) for phone in phones]
        row, row_moves, before = [above[0] + skip], [SKIP_SYMBOL], moves[-1]
        for b, fit in enumerate(fits, start=1):
            best, move = above[b - 1] + fit, DIAGONAL
            if before[b] in (DIAGONAL, SHARE) and above[b] + fit + 0.05 < best:
                best, move = above[b] + fit + 0.05, SHARE
            if above[b] + skip < best:
                best, move = above[b] + skip, SKIP_SYMBOL
            if row[b - 1] + swallow[b - 1] < best:
                best, move = row[b - 1] + swallow[b - 1], SWALLOW
            row.append(best)
            row_moves.append(move)
        moves.append(row_moves)
        above = row
    return moves, above[-1]


def _shares(phone: str, owners: int) -> list[float]:
    """How the symbols that share a phone divide its time."""
    if owners == 2 and phone in ("ch", "jh"):
        return [0.45, 0.55]
    if owners == 2 and phone in DIPHTHONGS:
        return [0.55, 0.45]
    return [1 / owners] * owners


class Aligner:
    """Turns the teacher's sentences into training sentences."""

    def __init__(self, settings: Alignment) -> None:
        from piper.phoneme_ids import DEFAULT_PHONEME_ID_MAP
        from piper.phonemize_espeak import EspeakPhonemizer

        self._settings = settings
        self._phonemizer = EspeakPhonemizer()
        self._ids = DEFAULT_PHONEME_ID_MAP

    def align(self, spoken: Spoken) -> Aligned | None:
        """The sentence with durations, or None where it cannot be used."""
        sentences = self._phonemizer.phonemize("en-us", spoken.text)
        limits = self._settings
        if len(sentences) != 1 or spoken.frames > limits.longest_frames or len(spoken.phones) < 3:
            return None
        symbols = sentences[0]
        if len(symbols) > limits.longest_tokens or not all(symbol in self._ids for symbol in symbols):
            return None
        first, body, last = _without_silence(spoken.phones)
        seconds, cost = symbol_seconds(symbols, body)
        if not cost <= limits.worst_cost:
            return None
        durations = _whole_frames([first, *seconds, last], spoken.frames)
        ids = np.array([self._ids[symbol][0] for symbol in ("^", *symbols, "$")], np.int16)
        return Aligned(spoken.text, spoken.offset, spoken.frames, ids, durations, cost)


def _without_silence(phones: tuple[tuple[str, float], ...]) -> tuple[float, tuple[tuple[str, float], ...], float]:
    """The silence before, what is spoken, and the silence after, which belongs to `$`."""
    first = phones[0][1] if phones[0][0] == "pau" else 0.0
    last = phones[-1][1] if phones[-1][0] == "pau" else 0.0
    return first, phones[int(first > 0) : len(phones) - int(last > 0)], last


def _whole_frames(seconds: list[float], frames: int) -> npt.NDArray[np.int16]:
    """Frames for each symbol. The running sum is rounded, so that nothing drifts."""
    ends = np.round(np.cumsum(seconds) / FRAME_SECONDS).astype(int).clip(max=frames)
    ends[-1] = frames
    return np.diff(ends, prepend=0).astype(np.int16)
