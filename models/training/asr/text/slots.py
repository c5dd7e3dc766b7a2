"""What fills the `{slots}` of a template: one drawing, spelled in four languages.

A slot is drawn once a sentence and then asked for a spelling: `render(language, form, gender)`.
"""

import random
from dataclasses import dataclass
from typing import Protocol

from . import numbers
from .inflect import DETERMINERS, adjective, noun_phrase
from .lexicon import Entry, english_third

PERSONS = ("i", "you", "he", "she", "we", "they")
# Subject and verb forms by person; Spanish drops the pronoun.
PRONOUNS = {
    "en": ("I", "you", "he", "she", "we", "they"),
    "es": ("", "", "él", "ella", "", ""),
    "de": ("ich", "du", "er", "sie", "wir", "sie"),
    "fr": ("je", "tu", "il", "elle", "nous", "ils"),
}
AUXILIARIES: dict[str, dict[str, tuple[str, ...]]] = {
    "want": {
        "en": ("want to", "want to", "wants to", "wants to", "want to", "want to"),
        "es": ("quiero", "quieres", "quiere", "quiere", "queremos", "quieren"),
        "de": ("will", "willst", "will", "will", "wollen", "wollen"),
        "fr": ("veux", "veux", "veut", "veut", "voulons", "veulent"),
    },
    "can": {
        "en": ("can",) * 6,
        "es": ("puedo", "puedes", "puede", "puede", "podemos", "pueden"),
        "de": ("kann", "kannst", "kann", "kann", "können", "können"),
        "fr": ("peux", "peux", "peut", "peut", "pouvons", "peuvent"),
    },
    "must": {
        "en": ("have to", "have to", "has to", "has to", "have to", "have to"),
        "es": ("tengo que", "tienes que", "tiene que", "tiene que", "tenemos que", "tienen que"),
        "de": ("muss", "musst", "muss", "muss", "müssen", "müssen"),
        "fr": ("dois", "dois", "doit", "doit", "devons", "doivent"),
    },
    "will": {
        "en": ("am going to", "are going to", "is going to", "is going to", "are going to",
               "are going to"),
        "es": ("voy a", "vas a", "va a", "va a", "vamos a", "van a"),
        "de": ("werde", "wirst", "wird", "wird", "werden", "werden"),
        "fr": ("vais", "vas", "va", "va", "allons", "vont"),
    },
    "have": {
        "en": ("have", "have", "has", "has", "have", "have"),
        "es": ("he", "has", "ha", "ha", "hemos", "han"),
        "de": ("habe", "hast", "hat", "hat", "haben", "haben"),
        "fr": ("ai", "as", "a", "a", "avons", "ont"),
    },
    "should": {
        "en": ("should",) * 6,
        "es": ("debería", "deberías", "debería", "debería", "deberíamos", "deberían"),
        "de": ("sollte", "solltest", "sollte", "sollte", "sollten", "sollten"),
        "fr": ("devrais", "devrais", "devrait", "devrait", "devrions", "devraient"),
    },
}  # fmt: skip


class Slot(Protocol):
    """One drawing of a slot."""

    def render(self, language: str, form: str, gender: str) -> str:
        """Return the spelling in `language`; `gender` is that of the noun it agrees with."""
        ...


@dataclass(frozen=True)
class Phrase:
    """Any fixed text; the form `alt` is the second one of its cell."""

    entry: Entry

    def render(self, language: str, form: str, gender: str) -> str:
        """Return the first form, or the second for `alt`."""
        return self.entry.cells[language][-1 if form == "alt" else 0]


@dataclass(frozen=True)
class NounPhrase:
    """A singular noun with determiner and perhaps an adjective."""

    noun: Entry
    determiner: str = "the"
    modifier: Entry | None = None

    def render(self, language: str, form: str, gender: str) -> str:
        """Return the phrase; the form is the German case, or `bare`, `plural`."""
        if form == "bare":
            return self.noun.cells[language][0]
        if form == "plural":
            return self.noun.plural(language)
        return noun_phrase(language, self.noun, self.determiner, self.modifier, form or "nom")


@dataclass(frozen=True)
class Quality:
    """An adjective as a predicate."""

    entry: Entry

    def render(self, language: str, form: str, gender: str) -> str:
        """Return the adjective, agreeing with `gender`."""
        return adjective(language, self.entry, gender)


@dataclass(frozen=True)
class Action:
    """A verb: infinitive by default, `third`, `past` (English) or `participle`."""

    entry: Entry

    def render(self, language: str, form: str, gender: str) -> str:
        """Return the verb in the form asked for."""
        cell = self.entry.cells[language]
        if not form:
            return cell[0]
        if language == "en":
            forms = {"third": english_third(cell[0]), "past": cell[1], "participle": cell[-1]}
            return forms[form]
        return cell[1] if form == "third" else cell[-1]


@dataclass(frozen=True)
class Person:
    """A personal pronoun with its auxiliaries: `want` is `I want to`.

    `want_q` is inverted, `want_v` the verb alone.
    """

    index: int

    def render(self, language: str, form: str, gender: str) -> str:
        """Return the pronoun alone or with its auxiliary."""
        pronoun = PRONOUNS[language][self.index]
        if not form:
            return pronoun
        name, _, order = form.partition("_")
        verb = AUXILIARIES[name][language][self.index]
        if order == "v" or not pronoun or language == "es":
            return verb
        return f"{verb} {pronoun}" if order == "q" else f"{pronoun} {verb}"


@dataclass(frozen=True)
class Number:
    """A cardinal; the forms `m` and `f` stand before a noun."""

    value: int

    def render(self, language: str, form: str, gender: str) -> str:
        """Return the number in words."""
        return numbers.cardinal(language, self.value, form or None)


@dataclass(frozen=True)
class Count:
    """A number and a noun in the plural."""

    value: int
    noun: Entry

    def render(self, language: str, form: str, gender: str) -> str:
        """Return `twenty-one apples`."""
        words = numbers.cardinal(language, self.value, None)
        if language in ("es", "fr"):
            words = numbers.cardinal(language, self.value, self.noun.gender(language))
        return f"{words} {self.noun.plural(language)}"


@dataclass(frozen=True)
class Sum:
    """An addition: forms `a`, `b`, `total`."""

    a: int
    b: int

    def render(self, language: str, form: str, gender: str) -> str:
        """Return one of the three numbers in words."""
        value = {"a": self.a, "b": self.b, "total": self.a + self.b}[form]
        return numbers.cardinal(language, value)


@dataclass(frozen=True)
class Digits:
    """A row of digits."""

    values: tuple[int, ...]

    def render(self, language: str, form: str, gender: str) -> str:
        """Return the digits one by one."""
        return " ".join(numbers.cardinal(language, value) for value in self.values)


@dataclass(frozen=True)
class Clock:
    """A time of day: forms `hour` and `minute`."""

    hour: int
    minute: int

    def render(self, language: str, form: str, gender: str) -> str:
        """Return the hour or the minute in words."""
        if form == "hour":
            return numbers.cardinal(language, self.hour)
        return numbers.cardinal(language, self.minute, "f" if language == "fr" else None)


@dataclass(frozen=True)
class Date:
    """A day of a month."""

    day: int
    month: Entry

    def render(self, language: str, form: str, gender: str) -> str:
        """Return the date without article: `March third`, `tres de marzo`, `dritte März`."""
        month = self.month.cells[language][0]
        if language == "en":
            return f"{month} {numbers.EN_ORDINALS[self.day]}"
        if language == "de":
            return f"{numbers.DE_ORDINALS[self.day]} {month}"
        if language == "es":
            return f"{numbers.spanish(self.day)} de {month}"
        return f"{'premier' if self.day == 1 else numbers.french(self.day)} {month}"


Lexicon = dict[str, list[Entry]]


def draw(category: str, lexicon: Lexicon, rng: random.Random) -> Slot:
    """Draw the slot of a category: a row of the lexicon, or one of the computed slots."""
    if category in _COMPUTED:
        return _COMPUTED[category](lexicon, rng)
    entry = rng.choice(lexicon[category])
    if entry.kind == "noun":
        return NounPhrase(entry)
    if entry.kind == "verb":
        return Action(entry)
    return Quality(entry) if entry.kind == "adjective" else Phrase(entry)


def _draw_clock(lexicon: Lexicon, rng: random.Random) -> Slot:
    minute = rng.choice([5 * rng.randint(2, 11), rng.randint(11, 59)])
    return Clock(rng.randint(2, 12), minute)


def _draw_any_noun(lexicon: Lexicon, rng: random.Random) -> Slot:
    """Any noun with any determiner, often with an adjective."""
    category = rng.choice(WIDE_NOUNS)
    modifier = rng.choice(lexicon["adj"]) if rng.random() < 0.35 else None
    determiner = "the" if rng.random() < 0.4 else rng.choice(DETERMINERS)
    return NounPhrase(rng.choice(lexicon[category]), determiner, modifier)


WIDE_NOUNS = ("thing", "thing", "food", "place", "person", "idea")
_COMPUTED = {
    "n": lambda lex, rng: Number(rng.randint(2, 99)),
    "big": lambda lex, rng: Number(rng.choice([rng.randint(0, 100), rng.randint(100, 2100)])),
    "count": lambda lex, rng: Count(rng.randint(2, 99), rng.choice(lex["plural"])),
    "some": lambda lex, rng: Count(rng.randint(2, 12), rng.choice(lex[rng.choice(WIDE_NOUNS[:5])])),
    "sum": lambda lex, rng: Sum(rng.randint(1, 40), rng.randint(1, 40)),
    "digits": lambda lex, rng: Digits(tuple(rng.randint(0, 9) for _ in range(rng.randint(3, 7)))),
    "clock": _draw_clock,
    "date": lambda lex, rng: Date(rng.randint(1, 20), rng.choice(lex["month"])),
    "s": lambda lex, rng: Person(rng.randrange(6)),
    "any": _draw_any_noun,
}
