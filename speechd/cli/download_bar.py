"""The display of long work: a progress bar, and lines above it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

BytesCallback = Callable[[int, int], None]
"""See speechd.registry.sources.base.ProgressCallback."""
Say = Callable[[str], None]


@contextmanager
def download_bar(label: str, *, transient: bool = False) -> Iterator[tuple[BytesCallback, Say]]:
    """A progress bar on standard error, and a function that prints a line above it.

    Args:
        label: text before the bar.
        transient: the bar is shown from the start and removed at the end. Without a terminal there is none.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    console = Console(stderr=True, highlight=False)
    hidden = transient and not console.is_terminal
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=transient, disable=hidden) as progress:
        task = progress.add_task(label, total=None, visible=transient)

        def report(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total, visible=True)

        yield report, lambda line: console.print(line, soft_wrap=True, markup=False)


@contextmanager
def step_bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on standard error; it is told how many steps of how many are done."""
    console = Console(stderr=True, highlight=False)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(label, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


@dataclass(slots=True)
class Arrivals:
    """Keeps messages of a pull until bytes arrive, so that sources without files print no line."""

    report: BytesCallback
    say: Say
    _lines: list[str] = field(default_factory=list)
    _before: int | None = None
    """Bytes that existed when the source began."""

    def tell(self, line: str) -> None:
        """A message of the pull."""
        self._lines.append(line)
        self._before = None

    def advance(self, done: int, total: int) -> None:
        """See Report."""
        if self._before is None:
            self._before = done
        elif done > self._before:
            self.flush()
        self.report(done, total)

    def flush(self) -> None:
        """Prints the kept message."""
        for line in self._lines:
            self.say(line)
        self._lines.clear()
