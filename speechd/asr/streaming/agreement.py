"""Which words of speech that is still going on are stable: those that two hypotheses in a row agree on.

Local agreement (Liu et al. 2020, "Low-Latency Sequence-to-Sequence Speech Recognition and Translation by Partial
Hypothesis Selection"; Machacek et al. 2023 for Whisper). Stable text is only ever appended to.
"""

import re
import unicodedata
from collections.abc import Sequence
from difflib import SequenceMatcher
from itertools import takewhile

_NO_SPACES = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff"
"""Scripts without spaces between words: Thai, Lao, Burmese, Khmer, Japanese and Chinese."""
_UNIT = re.compile(rf"\s*(?:[{_NO_SPACES}]|[^\s{_NO_SPACES}]+)")
_ALIGNED = 40
"""Stable units that are looked for in a text that begins differently: the last so many."""


def units(text: str) -> list[str]:
    """The words of a text with the space before each; single characters of scripts without spaces."""
    return _UNIT.findall(text)


def unit_key(unit: str) -> str:
    """What two hypotheses must agree on: its letters, marks and digits, in any case."""
    return "".join(char for char in unit.casefold() if not _is_sign(char)) or unit.strip()


class LocalAgreement:
    """The stable text of one turn, of which a growing and sometimes shortened stretch of audio is decoded again."""

    def __init__(self) -> None:
        self.text = ""
        """What is stable so far. Punctuation after the last word is held back: it changes with what follows."""
        self._held = ""
        self._stable: list[str] = []
        """Keys of the stable units in the audio that is still decoded again."""
        self._previous: list[str] = []
        """Keys of the last hypothesis."""

    def push(self, hypothesis: str) -> str:
        """The text that has become stable with this hypothesis; "" where none has."""
        found = units(hypothesis)
        keys = [unit_key(unit) for unit in found]
        first = _first_after(self._stable, keys)
        rest = self._previous[_first_after(self._stable, self._previous) :]
        agreed = len(list(takewhile(lambda pair: pair[0] == pair[1], zip(keys[first:], rest, strict=False))))
        self._previous = keys
        self._stable += keys[first : first + agreed]
        return self._append(found[first : first + agreed])

    def stable_texts(self, texts: Sequence[str]) -> int:
        """How many of these texts, the first of the last hypothesis, are stable to their ends."""
        count = 0
        for number, text in enumerate(texts):
            count += len(units(text))
            if count > len(self._stable):
                return number
        return len(texts)

    def drop(self, text: str) -> None:
        """The audio of this text, the beginning of the last hypothesis, is not decoded again."""
        count = len(units(text))
        self._stable, self._previous = self._stable[count:], self._previous[count:]

    def restart(self) -> None:
        """Audio whose text is not known is not decoded again: the next hypotheses begin anew."""
        self._stable, self._previous = [], []

    def finish(self, final: str) -> str:
        """What is to be appended so that the stable text becomes the final one, as far as appending can do it."""
        if final.startswith(self.text):
            rest = final[len(self.text) :]
        else:
            found = units(final)
            done = [unit_key(unit) for unit in units(self.text)]
            rest = "".join(found[_first_after(done, [unit_key(unit) for unit in found]) :])
        self.text += rest
        return rest

    def _append(self, stable: Sequence[str]) -> str:
        added = self._held + "".join(stable) if stable else ""
        if not self.text:
            added = added.lstrip()
        if not added:
            return ""
        end = len(added)
        while end and _is_sign(added[end - 1]):
            end -= 1
        kept, self._held = added[:end], added[end:]
        self.text += kept
        return kept


def _is_sign(char: str) -> bool:
    """Punctuation, a symbol or a space."""
    return unicodedata.category(char)[0] in "PSZC"


def _first_after(done: Sequence[str], keys: Sequence[str]) -> int:
    """Index of the first key after those that are done, also where the text has changed before it."""
    if list(keys[: len(done)]) == list(done):
        return len(done)
    start = max(0, len(done) - 2 * _ALIGNED)
    tail, near = done[-_ALIGNED:], keys[start : len(done) + 2 * _ALIGNED]
    blocks = [block for block in SequenceMatcher(None, tail, near, autojunk=False).get_matching_blocks() if block.size]
    if not blocks:
        return min(len(done), len(keys))
    missing = len(tail) - (blocks[-1].a + blocks[-1].size)
    return min(start + blocks[-1].b + blocks[-1].size + missing, len(keys))
