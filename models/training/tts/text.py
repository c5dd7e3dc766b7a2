"""The sentences the voice learns from: a grammar, random dictionary words and short phrases, all from one seed."""

import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from .config import HERE, Config

EVALUATION = HERE / "evaluation.txt"
"""70 sentences written for measuring; none of them is ever trained on."""
DEEPEST = 8
"""Symbols nested deeper than this take their first choice, which ends soon."""
LONGEST = 240
"""Characters; a longer sentence than this is thrown away."""

ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
    "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


def number_words(n: int) -> str:
    """A number from 0 to 999 999 in English words without punctuation."""
    if n < 20:
        return ONES[n]
    if n < 100:
        return f"{TENS[n // 10 - 2]} {number_words(n % 10) if n % 10 else ''}".strip()
    size, name = (1000, "thousand") if n >= 1000 else (100, "hundred")
    rest = f" {number_words(n % size)}" if n % size else ""
    return f"{number_words(n // size)} {name}{rest}"


def dictionary() -> list[str]:
    """The ordinary words of the pronouncing dictionary that comes with PocketSphinx."""
    import pocketsphinx

    path = Path(pocketsphinx.get_model_path("en-us/cmudict-en-us.dict"))
    words = {line.split()[0] for line in path.read_text(encoding="utf-8").splitlines() if line.strip()}
    return sorted(word for word in words if re.fullmatch(r"[a-z]+('[a-z]+)?", word) and 3 <= len(word) <= 11)


class Grammar:
    """Makes sentences from grammar.txt; the same ones for the same `random.Random`."""

    def __init__(self, chance: random.Random, words: list[str], path: Path = HERE / "grammar.txt") -> None:
        self._chance = chance
        self._words = words
        lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
        rules = (line.partition(": ") for line in lines)
        self._rules = {symbol: choices.split(" | ") for symbol, _, choices in rules}

    def sentence(self, symbol: str = "sentence", depth: int = 0) -> str:
        """A random text for the symbol; the first letter of a whole one is a capital."""
        choices = self._rules[symbol]
        choice = choices[0] if depth > DEEPEST else self._chance.choice(choices)
        text = re.sub(r"{(\w+)}", lambda match: self._fill(match[1], depth), choice)
        return text[:1].upper() + text[1:] if depth == 0 else text

    def _fill(self, symbol: str, depth: int) -> str:
        if symbol == "number":
            return number_words(int(10 ** self._chance.uniform(0, 4)))
        if symbol.lower() == "word":
            word = self._chance.choice(self._words)
            return word.capitalize() if symbol == "Word" else word
        return self.sentence(symbol, depth + 1)


def word_list(chance: random.Random, words: list[str]) -> str:
    """One to eight random words, some with a comma between them."""
    chosen = [chance.choice(words) for _ in range(chance.randint(1, 8))]
    text = "".join(word + (", " if chance.random() < 0.15 else " ") for word in chosen)
    return text.rstrip(", ").capitalize() + chance.choice("....?!")


def evaluation_sentences() -> list[str]:
    """The held-out sentences, one a line."""
    return EVALUATION.read_text().splitlines()


def training_sentences(config: Config) -> list[str]:
    """All training sentences in random order, none of them held out."""
    chance = random.Random(config.text.seed)
    words = dictionary()
    grammar = Grammar(chance, words)
    texts = [
        *_distinct(config.text.sentences, grammar.sentence),
        *_distinct(config.text.words, lambda: word_list(chance, words)),
        *_distinct(config.text.short, lambda: grammar.sentence("short")),
    ]
    held_out = set(evaluation_sentences())
    texts = [text for text in dict.fromkeys(texts) if text not in held_out]
    chance.shuffle(texts)
    return texts


def _distinct(count: int, make: Callable[[], str]) -> Iterator[str]:
    """`count` different texts of bearable length."""
    seen: set[str] = set()
    while len(seen) < count:
        text = make()
        if len(text) <= LONGEST and text not in seen:
            seen.add(text)
            yield text
