"""A rule of reading: a pattern, and what is said for what it matches. Rules run in order, the more specific first."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from re import Match

from speechd.tts.normalization.aligned import AlignedText


@dataclass(frozen=True)
class Rule:
    """One way to read something."""

    pattern: str
    """Regular expression; compiled when a text is first read, because all of them take 30 ms."""
    spoken: Callable[[Match[str]], str | None]
    """What is said; None leaves the match as it is."""
    flags: int = 0

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        return re.compile(self.pattern, self.flags)

    def replace(self, match: Match[str]) -> str:
        said = self.spoken(match)
        return match[0] if said is None else said


def replaced_by(words: str) -> Callable[[Match[str]], str]:
    """For a rule that always says the same."""
    return lambda _: words


def one_of(words: Iterable[str]) -> str:
    """Pattern of any of these words, the longer ones first."""
    return "|".join(sorted(map(re.escape, words), key=len, reverse=True))


def apply_rules(rules: Iterable[Rule], text: AlignedText) -> AlignedText:
    """The text after every rule."""
    for rule in rules:
        text = text.sub(rule.compiled, rule.replace)
    return text
