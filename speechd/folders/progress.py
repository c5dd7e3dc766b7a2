"""Progress of a run over many recordings: the counters, and the displays."""

import json
import sys
import time
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from speechd.registry.files import PULL_COMMAND
from speechd.types import EMBEDDED_MODEL

REPORT_EVERY = 1.0
"""Seconds between two progress lines for programs."""


@dataclass(slots=True)
class ProgressCounter:
    """Files and seconds of audio of one run, without those that were finished before it."""

    clock: Callable[[], float] = time.monotonic
    files: int = 0
    """Files to transcribe, as far as known."""
    done: int = 0
    failed: int = 0
    unsure: int = 0
    """Files whose text the embedded model doubts."""
    finished_before: int = 0
    """Files that needed no work."""
    audio_done: float = 0.0
    """Seconds of finished and running files."""
    audio_total: float = 0.0
    """Seconds of the files whose length is known."""
    _kept: float = 0.0
    """Seconds of `audio_done` from an earlier run."""
    _lengths: dict[Hashable, float] = field(default_factory=dict)
    _in_work: dict[Hashable, float] = field(default_factory=dict)
    """Progress of each running file."""
    _took: float = 0.0
    _busy_since: float = 0.0

    @property
    def took(self) -> float:
        """Seconds during which a file was running."""
        return self._took + (self.clock() - self._busy_since if self._in_work else 0.0)

    @property
    def audio_new(self) -> float:
        """Seconds of audio that this run transcribed."""
        return self.audio_done - self._kept

    @property
    def speed(self) -> float:
        """Seconds of audio per second; 0 while unknown."""
        return self.audio_new / self.took if self.took > 0 else 0.0

    @property
    def left(self) -> float | None:
        """Estimated seconds until the end; None while unknown. Files of unknown length count as the mean."""
        if not self.speed or not self._lengths:
            return None
        mean = self.audio_total / len(self._lengths)
        unknown = max(0, self.files - len(self._lengths))
        return max(0.0, self.audio_total + mean * unknown - self.audio_done) / self.speed

    def expect(self, key: Hashable, seconds: float) -> None:
        """Sets or corrects the length of a file."""
        self.audio_total += seconds - self._lengths.get(key, 0.0)
        self._lengths[key] = seconds

    def knows(self, key: Hashable) -> bool:
        """Whether the length of a file is known."""
        return key in self._lengths

    def begin(self, key: Hashable, start: float = 0.0) -> None:
        """A file begins, at `start` where an earlier run has transcribed the part before."""
        if not self._in_work:
            self._busy_since = self.clock()
        self._in_work[key] = start
        self._kept += start
        self.audio_done += start

    def hear(self, key: Hashable, until: float) -> None:
        """A running file is transcribed up to `until`. Its length may have been an estimate."""
        if until > self._lengths.get(key, 0.0):
            self.expect(key, until)
        self.audio_done += until - self._in_work[key]
        self._in_work[key] = until

    def finish(self, key: Hashable, seconds: float, warnings: Sequence[str] = ()) -> None:
        """A file is done, with its length and the warnings of its transcript."""
        self.hear(key, seconds)
        self.expect(key, seconds)
        self._leave(key)
        self.done += 1
        self.unsure += EMBEDDED_MODEL in warnings

    def fail(self, key: Hashable) -> None:
        """A file failed, perhaps before it began. Its audio no longer counts."""
        self.audio_done -= self._in_work.get(key, 0.0)
        self.expect(key, 0.0)
        self._leave(key)
        self.failed += 1

    def _leave(self, key: Hashable) -> None:
        took = self.took
        if self._in_work.pop(key, None) is not None and not self._in_work:
            self._took = took

    def facts(self) -> dict[str, float | int | None]:
        """For programs."""
        return {
            "files_done": self.done,
            "files_failed": self.failed,
            "files_total": self.files,
            "files_finished_before": self.finished_before,
            "audio_seconds_done": round(self.audio_done, 2),
            "audio_seconds_total": round(self.audio_total, 2),
            "speed": round(self.speed, 2),
            "eta_seconds": None if self.left is None else round(self.left, 1),
        }

    def sentence(self) -> str:
        """`0.38 h of audio in 0:00:14, 96x real time`."""
        return f"{self.audio_new / 3600:.2f} h of audio in {clock_time(self.took)}, {self.speed:.0f}x real time"


def clock_time(seconds: float) -> str:
    """`1:02:03`."""
    return str(timedelta(seconds=round(seconds)))


class Display(Protocol):
    """A display of the progress of a run."""

    wants_lengths: bool
    """Whether totals are shown, which needs the lengths of waiting files."""

    def show(self, counter: ProgressCounter) -> None:
        """The counts have changed."""
        ...

    def tell(self, event: str, **facts: object) -> None:
        """An event of one file: `begin`, `kept`, `done`, `failed`; or `start` or `end`, to the run."""
        ...

    def say(self, sentence: str, *, alarming: str = "") -> None:
        """A line for people, after a highlighted word."""
        ...

    def close(self) -> None: ...


class Plain:
    """For people, where standard error is no terminal: lines without a bar."""

    wants_lengths = False

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True)

    def show(self, counter: ProgressCounter) -> None:
        pass

    def tell(self, event: str, **facts: object) -> None:
        pass

    def say(self, sentence: str, *, alarming: str = "") -> None:
        text = Text.assemble((alarming, "red"), " " if alarming else "", sentence)
        self.console.print(text, highlight=False, soft_wrap=True)

    def close(self) -> None:
        pass


class Bar(Plain):
    """For people at a terminal: a progress bar."""

    wants_lengths = True

    def __init__(self, console: Console | None = None) -> None:
        super().__init__(console)
        columns = (TextColumn("{task.fields[files]}"), BarColumn(), TextColumn("{task.fields[audio]}"))
        self._progress = Progress(*columns, console=self.console, transient=True)
        self._task = self._progress.add_task("", total=None, files="looking for recordings", audio="")
        self._progress.start()

    def show(self, counter: ProgressCounter) -> None:
        files = f"{counter.done + counter.failed}/{counter.files} files"
        failed = f", [red]{counter.failed} failed[/red]" if counter.failed else ""
        self._progress.update(
            self._task,
            total=counter.audio_total or None,
            completed=counter.audio_done,
            files=files + failed,
            audio=_audio(counter),
        )

    def close(self) -> None:
        self._progress.stop()


def _audio(counter: ProgressCounter) -> str:
    """`0.31/0.38 h  96x real time  0:00:03 left`."""
    hours = f"{counter.audio_done / 3600:.2f}/{counter.audio_total / 3600:.2f} h"
    speed = f"  {counter.speed:.0f}x real time" if counter.speed else ""
    left = "" if counter.left is None else f"  {clock_time(counter.left)} left"
    return hours + speed + left


class JsonLines:
    """For programs: one JSON object on each line of standard error."""

    wants_lengths = True

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._reported = -REPORT_EVERY

    def show(self, counter: ProgressCounter) -> None:
        if self._clock() - self._reported >= REPORT_EVERY:
            self._reported = self._clock()
            self.tell("progress", **counter.facts())

    def tell(self, event: str, **facts: object) -> None:
        print(json.dumps({"event": event, **facts}), file=sys.stderr, flush=True)

    def say(self, sentence: str, *, alarming: str = "") -> None:
        """Does nothing: the events have the messages as members."""

    def close(self) -> None:
        pass


def open_display(*, for_programs: bool, bar: bool) -> Display:
    """The display for standard error.

    Args:
        for_programs: JSON lines.
        bar: a bar is wanted; it still needs a terminal.
    """
    if for_programs:
        return JsonLines()
    console = Console(stderr=True)
    return Bar(console) if bar and console.is_terminal else Plain(console)


def list_failures(display: Display, failures: Iterable[tuple[object, str]]) -> None:
    """The failures with their reasons, for people."""
    for what, reason in failures:
        display.say(f"{what}: {reason}", alarming="failed")


def name_remedy(display: Display, counter: ProgressCounter) -> None:
    """Advice where the embedded model was unsure, for people."""
    if counter.unsure:
        several = f"of {counter.unsure} of {counter.done} recordings" if counter.done > 1 else "of what was said"
        display.say(f"The embedded model is unsure {several}. One that understands people: {PULL_COMMAND}")
