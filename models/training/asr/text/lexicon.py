"""The parallel lexicon: entries of `lexicon.txt`, one column a language, with their forms.

A line holds four cells (English, Spanish, German, French) divided by `|`; a `[category kind]`
header says what the cells below it are. In a cell, `_` stands for a space inside a word.

noun        en `word [plural]`, es/fr `word gender [plural]`, de `word gender plural`
verb        en `infinitive past participle`, es/de/fr `infinitive third-person participle`
adjective   en `word`, es `masculine [feminine]`, de `stem`, fr `masculine [feminine]`, `^` first
            in the French cell when it stands before its noun
phrase      any text; forms divided by `;`
"""

from dataclasses import dataclass
from pathlib import Path

LANGUAGES = ("en", "es", "de", "fr")
LEXICON = Path(__file__).with_name("lexicon.txt")


@dataclass(frozen=True)
class Entry:
    """One row of the lexicon."""

    kind: str
    """noun, verb, adjective or phrase: decides how the cells are read."""
    cells: dict[str, tuple[str, ...]]
    """The forms of the entry by language."""

    def gender(self, language: str) -> str:
        """Return `m`, `f` or `n`; English has none and counts as `m`."""
        return "m" if language == "en" else self.cells[language][1][0]

    def plural(self, language: str) -> str:
        """Return the plural of a noun."""
        forms = self.cells[language]
        given = 1 if language == "en" else 2
        return forms[given] if len(forms) > given else plural(language, forms[0])


def plural(language: str, noun: str) -> str:
    """Return the regular plural; German plurals are always given in the lexicon."""
    if language == "en":
        if noun.endswith("y") and noun[-2] not in "aeiou":
            return noun[:-1] + "ies"
        return noun + ("es" if noun.endswith(("s", "sh", "ch", "x")) else "s")
    if language == "es":
        if noun.endswith("z"):
            return noun[:-1] + "ces"
        if noun.endswith("ión"):
            return noun[:-2] + "ones"
        return noun + ("s" if noun[-1] in "aeiouáéó" else "es")
    return noun if noun[-1] in "sxz" else noun + ("x" if noun.endswith(("eau", "eu")) else "s")


def english_third(verb: str) -> str:
    """Return the English third person singular (`goes`, `carries`)."""
    head, _, tail = verb.partition(" ")
    if head.endswith("y") and head[-2] not in "aeiou":
        head = head[:-1] + "ies"
    else:
        head += "es" if head.endswith(("s", "sh", "ch", "x", "o")) else "s"
    return f"{head} {tail}".strip()


def spanish_feminine(adjective: str) -> str:
    """Return the regular feminine of a Spanish adjective."""
    return adjective[:-1] + "a" if adjective.endswith("o") else adjective


def french_feminine(adjective: str) -> str:
    """Return the regular feminine of a French adjective."""
    if adjective.endswith("eux"):
        return adjective[:-1] + "se"
    return adjective if adjective.endswith("e") else adjective + "e"


def _cell(kind: str, text: str) -> tuple[str, ...]:
    if kind == "phrase":
        return tuple(form.strip() for form in text.split(";"))
    return tuple(form.replace("_", " ") for form in text.split())


def parse(text: str) -> dict[str, list[Entry]]:
    """Read a lexicon: category -> entries.

    Raises ValueError where a line has not four cells.
    """
    categories: dict[str, list[Entry]] = {}
    category, kind = "", ""
    for line in text.splitlines():
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith("["):
            category, kind = line.strip("[]").split()
            categories.setdefault(category, [])
            continue
        cells = line.split("|")
        if len(cells) != len(LANGUAGES):
            raise ValueError(f"{category}: a line needs four cells: {line}")
        forms = {lang: _cell(kind, cell) for lang, cell in zip(LANGUAGES, cells, strict=True)}
        categories[category].append(Entry(kind, forms))
    return categories


def load(path: Path = LEXICON) -> dict[str, list[Entry]]:
    """Read the lexicon of this folder."""
    return parse(path.read_text(encoding="utf-8"))
