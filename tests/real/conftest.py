"""The recognisers of one run, what they have transcribed in it, and the table at its end."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import ctranslate2
import pytest

from tests.real.corpora import Corpus
from tests.real.lines import Line
from tests.real.recognisers import FasterWhisper, OverHttp, Result, Speechd, measured
from tests.real.weights import Weights, model_folder
from tests.support.wer import Score

ctranslate2.set_random_seed(0)  # what is sampled at higher temperatures is the same in each run


@dataclass
class Bench:
    """Every recogniser on one model; each corpus is transcribed once a run by each of them."""

    weights: Weights
    stack: ExitStack = field(repr=False)
    _recognisers: dict[str, Speechd | OverHttp] = field(default_factory=dict, repr=False)
    _results: dict[tuple[str, ...], Result] = field(default_factory=dict, repr=False)

    def result(self, way: str, corpus: Corpus, **options: Any) -> Result:
        """What a recogniser writes.

        Args:
            way: `speechd`, `http` (speechd's server, streaming), `plain` (faster-whisper), or `alone` (faster-whisper
                on each utterance, told its language).
        """
        key = (way, corpus.name, repr(sorted(options.items())))
        if key not in self._results:
            self._results[key] = self._transcribed(way, corpus, options)
        return self._results[key]

    def _transcribed(self, way: str, corpus: Corpus, options: dict[str, Any]) -> Result:
        if way == "alone":
            return self.peer.alone(corpus)
        return measured(self.peer.plain if way == "plain" else self._ours(way), corpus, **options)

    @cached_property
    def peer(self) -> FasterWhisper:
        return FasterWhisper(model_folder(self.weights))

    def _ours(self, way: str) -> Speechd | OverHttp:
        if way not in self._recognisers:
            kind = {"speechd": Speechd, "http": OverHttp}[way]
            data = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
            self._recognisers[way] = self.stack.enter_context(kind(model_folder(self.weights), data))
        return self._recognisers[way]


@dataclass
class Benches:
    """One bench a model."""

    stack: ExitStack
    _made: dict[str, Bench] = field(default_factory=dict)

    def __getitem__(self, weights: Weights) -> Bench:
        return self._made.setdefault(weights.name, Bench(weights, self.stack))


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    line: Line
    ours: Score
    plain: Score
    ratio: float | None
    """speechd's CPU seconds over plain faster-whisper's; None for a server, which is a process of its own."""


ROWS = pytest.StashKey[list[Row]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[ROWS] = []


@pytest.fixture(scope="session")
def benches() -> Iterator[Benches]:
    with ExitStack() as stack:
        yield Benches(stack)


@pytest.fixture(scope="session")
def rows(request: pytest.FixtureRequest) -> list[Row]:
    """What the table at the end of the run shows."""
    return request.config.stash[ROWS]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    rows = config.stash[ROWS]
    if not rows:
        return
    terminalreporter.section("speechd / plain faster-whisper on the same weights")
    shape = "{:<44} {:<16} {:>6}   {:>14}   {:>9}   {:>9}   {:>5}".format
    terminalreporter.line(shape("recordings", "model", "words", "WER", "lost", "invented", "CPU"))
    for row in rows:
        pairs = [f"{row.ours.rate:.4f}/{row.plain.rate:.4f}"]
        pairs += [f"{len(row.ours.lost)}/{len(row.plain.lost)}", f"{len(row.ours.invented)}/{len(row.plain.invented)}"]
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        terminalreporter.line(shape(row.line.name, row.line.weights.name, str(row.ours.words), *pairs, ratio))
