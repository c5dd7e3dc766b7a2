"""The corpora of written texts and how people read them: `python -m tests.support.reading [LANGUAGE...]` scores them.

A corpus is tests/contract/reading/LANGUAGE.tsv: category, text (`\\n` is a line break), reading.
"""

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from speechd.tts.engine import VoiceInfo
from speechd.tts.text import Reader

CORPORA = Path(__file__).parents[1] / "contract" / "reading"


@dataclass(frozen=True)
class ReadingPair:
    """A text, and how people read it."""

    category: str
    written: str
    read: str


@dataclass(frozen=True)
class Miss:
    """A text that is read otherwise."""

    pair: ReadingPair
    said: str

    def __str__(self) -> str:
        return f"{self.pair.category}: {self.pair.written!r}\n  should be {self.pair.read!r}\n  but is    {self.said!r}"


def languages() -> list[str]:
    return sorted(path.stem for path in CORPORA.glob("*.tsv"))


def corpus(language: str) -> list[ReadingPair]:
    _, *lines = (CORPORA / f"{language}.tsv").read_text(encoding="utf-8").splitlines()
    rows = (line.split("\t") for line in lines)
    return [ReadingPair(category, written.replace("\\n", "\n"), read) for category, written, read in rows]


def said(text: str, language: str) -> str:
    """What a voice of this language is given to say."""
    reader = Reader(VoiceInfo(sample_rate=22_050, language=language), {})
    return " ".join(piece.text for piece in reader.pieces(text))


def misses(language: str) -> Iterator[Miss]:
    for pair in corpus(language):
        found = said(pair.written, language)
        if found != pair.read:
            yield Miss(pair, found)


def main() -> None:
    for language in sys.argv[1:] or languages():
        pairs, wrong = corpus(language), list(misses(language))
        total, missed = Counter(pair.category for pair in pairs), Counter(miss.pair.category for miss in wrong)
        print(f"\n{language}: {len(pairs) - len(wrong)} of {len(pairs)}, {1 - len(wrong) / len(pairs):.1%}")
        for category, count in total.items():
            print(f"  {category:20} {count - missed[category]:3} of {count:3}")
        print(*wrong, sep="\n")


if __name__ == "__main__":
    main()
