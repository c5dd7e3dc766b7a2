"""What is written of what people said: speechd against faster-whisper's three ways, on the same weights.

    python -m tests.bench.accuracy MODEL_FOLDER [--corpus NAME]... [--only COLUMN]... [--words] [--lost] [--json]

Each cell shows the word error rate, the runs of 4 and more words that were lost, and the CPU seconds over those of
plain faster-whisper in the same run. `plain` is `WhisperModel.transcribe` with its defaults, `vad` has its voice filter
on, `batched` is its batched pipeline. Corpora come from Debian packages (see tests/real/debian.py). Where there is no
reliable text, what plain faster-whisper writes of each utterance alone, told its language, stands for it. `no speech`
counts words: each of them is invented.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.real import corpora
from tests.real.corpora import Corpus
from tests.real.recognisers import FasterWhisper, Recogniser, Speechd, measured
from tests.support.wer import Score

CORPORA: Mapping[str, Callable[[], Corpus]] = {
    "prompts": corpora.english_prompts,
    "pauses-3": partial(corpora.composite, 3, True),
    "continuous-3": partial(corpora.composite, 3, False),
    "pauses-10": partial(corpora.composite, 10, True),
    "continuous-10": partial(corpora.composite, 10, False),
    "noise": partial(corpora.noisy, "noise"),
    "music": partial(corpora.noisy, "music"),
    "no-speech": corpora.no_speech,
    "es": partial(corpora.foreign_prompts, "es"),
    "fr": partial(corpora.foreign_prompts, "fr"),
    "it": partial(corpora.foreign_prompts, "it"),
    "ru": partial(corpora.foreign_prompts, "ru"),
    "multi": corpora.mixed_languages,
}
MULTILINGUAL = {"es", "fr", "it", "ru", "multi"}
"""Corpora that an English-only model cannot do."""
COLUMNS = ("speechd", "plain", "vad", "batched")


@dataclass(frozen=True)
class Cell:
    """One corpus by one recogniser."""

    corpus: str
    column: str
    score: Score
    seconds: float
    cpu_seconds: float

    def shown(self, plain: "Cell | None") -> str:
        ratio = f"  {self.cpu_seconds / plain.cpu_seconds:.2f}x" if plain else f"  {self.cpu_seconds:.0f} s"
        lost, words = len(self.score.lost), sum(len(run.split()) for run in self.score.lost)
        rate = f"{self.score.rate:.4f}" if self.score.words else f"{self.score.errors} words"
        return f"{rate}  {lost}" + (f" ({words})" if lost else "") + ratio


def measure(corpus: Corpus, ways: Mapping[str, Recogniser], peer: FasterWhisper, **options: bool) -> list[Cell]:
    """The row of a corpus, from left to right."""
    reference = None if corpus.has_text else peer.alone(corpus)
    results = [(column, measured(recogniser, corpus, **options)) for column, recogniser in ways.items()]
    return [
        Cell(corpus.name, column, result.score(corpus, reference), result.seconds, result.cpu_seconds)
        for column, result in results
    ]


def table(rows: list[list[Cell]], model: str) -> Table:
    """WER, lost runs (their words) and CPU time over plain's, for each corpus."""
    columns = [cell.column for cell in rows[0]]
    drawn = Table(f"{model}: corpus", "words", *columns, title="WER  lost runs (words)  CPU time over plain's")
    for row in rows:
        plain = next((cell for cell in row if cell.column == "plain"), None)
        drawn.add_row(row[0].corpus, str(row[0].score.words), *(cell.shown(plain) for cell in row))
    return drawn


def list_runs(cells: Iterable[Cell]) -> None:
    """Prints what was lost and what was invented, each run on a line."""
    for cell in cells:
        for kind, runs in (("lost", cell.score.lost), ("invented", cell.score.invented)):
            for run in runs:
                print(f"{cell.corpus}, {cell.column} {kind}: {run}")


def measured_rows(asked: argparse.Namespace) -> list[list[Cell]]:
    """One row for each corpus, told on the error output as soon as it is measured."""
    options = {"word_timestamps": True} if asked.words else {}
    rows = []
    with tempfile.TemporaryDirectory() as data, Speechd(asked.model, Path(data)) as speechd:
        peer = FasterWhisper(asked.model)
        ways = {"speechd": speechd, **peer.ways}
        chosen = {column: way for column, way in ways.items() if column in (asked.only or ways)}
        able = [name for name in CORPORA if peer.model.model.is_multilingual or name not in MULTILINGUAL]
        for name in asked.corpus or able:
            rows.append(measure(CORPORA[name](), chosen, peer, **options))
            for cell in rows[-1]:
                print(f"{cell.corpus}, {cell.column}: {cell.shown(None)}", file=sys.stderr)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="folder of a Whisper model in CTranslate2's format")
    parser.add_argument("--corpus", action="append", choices=CORPORA, help="only this one; may be repeated")
    parser.add_argument("--only", action="append", choices=COLUMNS, help="only this column; may be repeated")
    parser.add_argument("--words", action="store_true", help="with word times")
    parser.add_argument("--lost", action="store_true", help="also list the lost and the invented runs")
    parser.add_argument("--json", action="store_true", help="all figures as JSON instead of the table")
    asked = parser.parse_args()
    rows = measured_rows(asked)
    if asked.json:
        print(json.dumps([asdict(cell) for row in rows for cell in row], indent=1))
    else:
        Console(width=130).print(table(rows, asked.model.name))
    if asked.lost:
        list_runs(cell for row in rows for cell in row)


if __name__ == "__main__":
    main()
