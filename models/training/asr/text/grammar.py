"""Templates with slots, filled in four languages at once.

A template line holds four cells (English, Spanish, German, French) divided by `|`, perhaps after
a weight and `:`. A slot is `{category}`, `{category2}` for a second one of the category,
`{category.form}` for a spelling, `{category@other}` to agree with the noun of another slot.
`[one/two/three]` is a choice: the groups of the four cells belong together in their order, or by a
digit (`[2:one/two]`) where the order of words differs.
"""

import itertools
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .lexicon import LANGUAGES
from .slots import Lexicon, NounPhrase, Slot, draw
from .spelling import capitalise, respell

SLOT = re.compile(r"\{(?P<key>(?P<category>[a-z_]+)\d?)(?:\.(?P<form>\w+))?(?:@(?P<other>\w+))?\}")
CHOICE = re.compile(r"\[(?:(?P<digit>\d):)?(?P<options>[^\]]*)\]")
HERE = Path(__file__).parent

Sentence = dict[str, str]
"""The same sentence by language."""


@dataclass(frozen=True)
class Template:
    """A sentence frame in four languages."""

    weight: float
    """How often it is drawn, relative to the others of its file."""
    cells: dict[str, str]
    """The frame by language."""

    def fill(self, lexicon: Lexicon, rng: random.Random) -> Sentence:
        """Make every choice and draw every slot once; return the sentence in each language."""
        chosen = {key: rng.randrange(count) for key, count in choices(self.cells["en"]).items()}
        found = {m["key"]: m["category"] for cell in self.cells.values() for m in SLOT.finditer(cell)}
        drawn = {key: draw(category, lexicon, rng) for key, category in found.items()}
        cells = {language: _choose(cell, chosen) for language, cell in self.cells.items()}
        if drawn:  # text without slots is spelled as it is written
            cells = {lang: respell(lang, _render(cell, lang, drawn)) for lang, cell in cells.items()}
        return {language: capitalise(cell) for language, cell in cells.items()}


def _keyed(cell: str) -> list[tuple[str, re.Match[str]]]:
    return [(match["digit"] or str(i), match) for i, match in enumerate(CHOICE.finditer(cell), 1)]


def choices(cell: str) -> dict[str, int]:
    """Return how many options each choice of a cell has, by its number."""
    return {key: match["options"].count("/") + 1 for key, match in _keyed(cell)}


def _choose(cell: str, chosen: dict[str, int]) -> str:
    keys = iter([key for key, _ in _keyed(cell)])
    return CHOICE.sub(lambda match: match["options"].split("/")[chosen[next(keys)]], cell)


def _render(cell: str, language: str, drawn: dict[str, Slot]) -> str:
    def spell(match: re.Match[str]) -> str:
        other = drawn.get(match["other"] or "")
        gender = other.noun.gender(language) if isinstance(other, NounPhrase) else "m"
        return drawn[match["key"]].render(language, match["form"] or "", gender)

    return SLOT.sub(spell, cell)


def parse(text: str) -> list[Template]:
    """Read template lines; empty lines and `#` comments are skipped.

    Raises ValueError where a line has not four cells, or their choices differ.
    """
    templates = []
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        weight, rest = re.fullmatch(r"(?:([\d.]+):)?(.*)", line.strip()).groups()  # type: ignore[union-attr]
        cells = [cell.strip() for cell in rest.split("|")]
        if len(cells) != len(LANGUAGES):
            raise ValueError(f"a template needs four cells: {line}")
        if any(choices(cell) != choices(cells[0]) for cell in cells):
            raise ValueError(f"the cells of a template need the same choices: {line}")
        templates.append(Template(float(weight or 1), dict(zip(LANGUAGES, cells, strict=True))))
    return templates


def spelled_out(template: Template, language: str) -> Iterator[str]:
    """Yield every text of a template without slots, in one language."""
    counts = choices(template.cells[language])
    for options in itertools.product(*map(range, counts.values())):
        yield capitalise(_choose(template.cells[language], dict(zip(counts, options, strict=True))))


class Grammar:
    """Draws sentences from a list of templates."""

    def __init__(self, templates: list[Template], lexicon: Lexicon) -> None:
        self.templates = templates
        self.lexicon = lexicon
        self._weights = [template.weight for template in templates]

    @classmethod
    def read(cls, name: str, lexicon: Lexicon) -> "Grammar":
        """Read `<name>.txt` of this folder."""
        return cls(parse((HERE / f"{name}.txt").read_text(encoding="utf-8")), lexicon)

    def sentence(self, rng: random.Random) -> Sentence:
        """Draw one sentence in four languages."""
        return rng.choices(self.templates, self._weights)[0].fill(self.lexicon, rng)
