"""What a language's table holds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from speechd.tts.normalization.web import WebWords

Noun = tuple[str, str]
"""Singular and plural."""
Cardinal = Callable[[int], str]
"""A whole number in words, masculine or neuter, as num2words has it."""


@dataclass(frozen=True, slots=True)
class LanguageTable:
    """The words of one language for what is written in digits and signs."""

    months: tuple[str, ...]
    month_abbreviations: str
    """Pattern of short months."""
    units: Mapping[str, Noun]
    currencies: Mapping[str, tuple[Noun, Noun]]
    """Sign or ISO 4217 code -> unit and its hundredth."""
    feminine: frozenset[str]
    """Of these nouns, the feminine ones, in the singular."""
    scales: Mapping[str, Noun]
    """`M`, `Mio.` ... -> million."""
    of: str
    """Between a scale and what is counted: `millones de euros`."""
    until: str
    """Between the ends of a range."""
    and_: str
    """Between units and hundredths of money."""
    plus: str
    joint: str
    """Between a whole number and a fraction."""
    half: tuple[str, str]
    """`½` alone, and after a whole number: `einhalb`, `eineinhalb` has it in `mixed`."""
    denominators: Mapping[int, Noun]
    with_noun: Callable[[str, bool], str]
    """A number's words before a noun: (words, whether the noun is feminine)."""
    date: Callable[[Cardinal, int, int, int | None, str], str]
    """Day, month, year or None, and the word before the date."""
    clock: Callable[[Cardinal, int, int], str]
    """Hour and minute."""
    clock_marks: str
    """Pattern between hour and minute: `:`, and `h` where that is usual."""
    clock_word: str
    """Pattern that may follow hour and minute and is not said again."""
    lone_hour: str
    """Pattern after an hour without minutes that makes it a time of day; "" where nothing does."""
    roman: Callable[[Cardinal, int], str]
    """The numeral after a ruler's name."""
    rulers: str
    """Pattern of names that Roman numerals follow."""
    numbered: str
    """Pattern of what Roman numerals follow as plain numbers, `siglo XX`; ROMAN in it stands for a numeral."""
    abbreviations: Mapping[str, str]
    symbols: Mapping[str, str]
    web: WebWords
    mixed: Callable[[str, str], str] = field(default=lambda whole, part: f"{whole} {part}")
    """A whole number and a half or another fraction."""
    centuries: tuple[str, Callable[[Cardinal, int], str]] | None = None
    """Pattern of a numeral that is read as an ordinal, `XXe siècle`, and its words."""
    decade: tuple[str, Callable[[Cardinal, int], str]] | None = None
    """Pattern with the group `n`, and its words."""
