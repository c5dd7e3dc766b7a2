"""Text that cannot be guessed, only heard: short runs of words out of sentences, and words of the system's lists.

A decoder that has met every sentence of a grammar recites; these sentences make it listen.
"""

import random
import re
from functools import cache
from pathlib import Path

from .grammar import Grammar, Sentence
from .lexicon import LANGUAGES
from .spelling import WORD_CHARACTERS, capitalise

WORD_LISTS = {
    "en": Path("/usr/share/dict/american-english-small"),
    "es": Path("/usr/share/dict/spanish"),
    "de": Path("/usr/share/dict/ngerman"),
    "fr": Path("/usr/share/dict/french"),
}
"""The lists of PACKAGES."""
PACKAGES = "wamerican-small wspanish wngerman wfrench"
"""Debian's and Ubuntu's."""
FROM_LIST = 0.25
"""How often the next words are one of a word list instead of a run out of a sentence."""
COMMA = 0.12
"""How often a comma stands between two runs."""
_LETTERS = "a-zäöüßáéíóúñàâçèêëîïôùûœ"


@cache
def word_list(language: str) -> list[str]:
    """Return the words of the system's list that are 3 to 12 letters and no names (German: nouns too).

    Raises FileNotFoundError where the package of the list is not installed.
    """
    first = f"[A-ZÄÖÜ{_LETTERS}]" if language == "de" else f"[{_LETTERS}]"
    wanted = re.compile(f"{first}[{_LETTERS}]{{2,11}}")
    path = WORD_LISTS[language]
    if not path.exists():
        raise FileNotFoundError(f"There is no {path}: apt install {PACKAGES}")
    lines = path.read_text(encoding="utf-8").splitlines()
    return [word for word in lines if wanted.fullmatch(word)]


class Scrambled:
    """Draws sentences of 3 to 15 unrelated words from other grammars and the word lists."""

    def __init__(self, grammars: list[Grammar]) -> None:
        self._grammars = grammars

    def sentence(self, rng: random.Random) -> Sentence:
        """Draw a sentence for each language; they have nothing to do with one another."""
        return {language: self._draw(language, rng) for language in LANGUAGES}

    def _draw(self, language: str, rng: random.Random) -> str:
        wanted = rng.randint(3, 12)
        words: list[str] = []
        while len(words) < wanted:
            run = self._run(language, rng)
            if words and run and rng.random() < COMMA:
                words[-1] += ","
            words += run
        return capitalise(" ".join(words)) + "."

    def _run(self, language: str, rng: random.Random) -> list[str]:
        """Return one to four words; a sentence's first word is left out, whose case is not its own."""
        if rng.random() < FROM_LIST:
            return [rng.choice(word_list(language))]
        sentence = rng.choice(self._grammars).sentence(rng)[language]
        words = [bare for word in sentence.split(" ")[1:] if (bare := _bare(word))]
        first = rng.randrange(max(1, len(words)))
        return words[first : first + rng.randint(1, 4)]


def _bare(word: str) -> str:
    """Return a word without the marks around it."""
    return re.sub(f"^[^{WORD_CHARACTERS}]+|[^{WORD_CHARACTERS}]+$", "", word, flags=re.I)
