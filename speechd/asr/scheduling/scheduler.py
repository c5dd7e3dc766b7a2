"""Which recordings and windows wait for a recogniser, and which windows are decoded next: data and numbers only."""

import contextlib
from dataclasses import dataclass, field
from itertools import islice
from typing import Generic, TypeVar

from speechd.errors import Overloaded
from speechd.fairness.round_robin import RoundRobin
from speechd.priority import PrioritySource, interactive

AGING = 4.0
"""Seconds of remaining audio that one second of waiting outweighs: a file with an hour more to go than its rivals waits
at most 15 minutes for its next window, however many short clips keep coming."""

BACKGROUND_HANDICAP = 600.0
"""Seconds of remaining audio by which background work is taken for longer than it is."""
BACKGROUND_WAIT = BACKGROUND_HANDICAP / AGING
"""Seconds in the queue after which background work can pass a caller's: 150."""

WINDOW_SECONDS = 30.0
"""Of the audio that is decoded at one turn, at most."""
WINDOWS_IN_FLIGHT = 16
"""Windows of one recording that are in memory at once: enough for two batches, and a limit for any length."""

T = TypeVar("T")


@dataclass(eq=False, slots=True)
class QueuedRecording:
    """One recording's place in the queue."""

    remaining: float
    """Seconds of its audio that are not decoded yet, as far as is known."""
    priority: PrioritySource = interactive
    """Of its work at this moment."""
    caller: str = ""
    """Id of the key that it is for. Keys are served in turn."""
    since: float = 0.0
    """When it was admitted, or its last window decoded."""
    begun: bool = False
    """A part of it has been decoded, or is being decoded."""
    refusal: Overloaded | None = None
    """Why it has lost its place. None: it has it still."""
    due: float | None = None
    """When the answer is wanted, on the clock of `since`; None: as soon as its length allows."""

    def goes_first(self, seconds: float, now: float) -> float:
        """Seconds of it at most that go before a new recording of the same key, which has `seconds` to decode."""
        if self.remaining <= seconds:
            return self.remaining
        aged = self.remaining - AGING * (now - self.since) <= seconds
        return WINDOWS_IN_FLIGHT * WINDOW_SECONDS if aged else 0.0


@dataclass(eq=False, slots=True)
class QueuedJob(Generic[T]):
    """One item that waits for the engine."""

    item: T
    queued: QueuedRecording
    group: object
    """Items of equal group can share a batch."""
    since: float
    """When it began to wait, in seconds of any steady clock."""
    sequence: int = 0

    def yields(self, now: float) -> bool:
        """Whether it lets callers' work pass."""
        return self.queued.priority() == "background" and now - self.since < BACKGROUND_WAIT

    def urgency(self, now: float) -> tuple[float, int]:
        """Sorts first what has least left to do, corrected by how long it has waited. A deadline stands for both: what
        is due in a second is as urgent as AGING seconds of remaining audio."""
        if self.queued.due is not None:
            return AGING * (self.queued.due - now), self.sequence
        handicap = BACKGROUND_HANDICAP if self.queued.priority() == "background" else 0.0
        return self.queued.remaining + handicap - AGING * (now - self.since), self.sequence


@dataclass(slots=True)
class Scheduler(Generic[T]):
    """The waiting items and their order: callers' work before background work, the keys in turn, and of each key its
    shortest remaining recording first, with aging."""

    waiting: list[QueuedJob[T]] = field(default_factory=list)
    _turns: RoundRobin = field(default_factory=RoundRobin)
    _sequence: int = 0

    def add(self, entry: QueuedJob[T]) -> None:
        self._sequence += 1
        entry.sequence = self._sequence
        self.waiting.append(entry)

    def discard(self, entry: QueuedJob[T]) -> None:
        with contextlib.suppress(ValueError):
            self.waiting.remove(entry)

    def schedule(self, now: float, maximum: int) -> list[QueuedJob[T]]:
        """Removes and returns the entry whose turn it is and up to `maximum` - 1 others of its group, each of them the
        next in turn."""
        ranked = sorted(self.waiting, key=lambda entry: entry.urgency(now))
        urgent = [entry for entry in ranked if not entry.yields(now)]
        caller = self._turns.next(entry.queued.caller for entry in urgent or ranked)
        group = next(entry.group for entry in urgent or ranked if entry.queued.caller == caller)
        batch: list[QueuedJob[T]] = []
        for yields in (False, True):  # background work gets what room callers leave in the batch
            mates = (entry for entry in ranked if entry.group == group and entry.yields(now) == yields)
            batch += islice(self._turns.in_turn(mates, _caller_of), maximum - len(batch))
        for entry in batch:
            self.waiting.remove(entry)
        return batch


def _caller_of(entry: QueuedJob[T]) -> str:
    return entry.queued.caller
