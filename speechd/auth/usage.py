"""What each key has used, in windows of time: counted in memory, so that no request waits for a disk.

A window begins with its first request and ends after its length. What was used in it is then forgotten. A UsageStore
keeps the counts, see speechd.auth.usage_writer. Here is no I/O: a counter is a few numbers for each key and window, so
memory is bounded by the number of keys, however long the store fails.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Kind = Literal["requests", "audio-seconds"]


@dataclass(frozen=True, slots=True)
class LimitWindow:
    """One limit's stretch of time."""

    name: str
    """As the field of `Limits`."""
    kind: Kind
    seconds: int


WINDOWS = (
    LimitWindow("requests_per_minute", "requests", 60),
    LimitWindow("requests_per_day", "requests", 86_400),
    LimitWindow("audio_seconds_per_hour", "audio-seconds", 3600),
    LimitWindow("audio_seconds_per_day", "audio-seconds", 86_400),
)
WINDOWS_BY_NAME = {window.name: window for window in WINDOWS}


@dataclass(frozen=True, slots=True)
class UsedAmount:
    """What a key has used in a window."""

    amount: float
    """Requests, or seconds of audio."""
    ends_in: float
    """Seconds until the window ends."""


@dataclass(frozen=True, slots=True)
class UsageRow:
    """What a store keeps of one key in one window, or what is to be added to it."""

    key: str
    """Id of the key."""
    window: str
    """Name of the window."""
    started: float
    """Unix seconds."""
    used: float
    """Requests, or seconds of audio."""


class UsageStore(Protocol):
    """Where the counts of all processes add up."""

    async def add(self, rows: Sequence[UsageRow]) -> Sequence[UsageRow]:
        """Adds to what is there, in one transaction, and gives the sums.

        A row whose window ended before the one in the store began is dropped. One whose window began after the one in
        the store ended replaces it.

        Raises:
            StorageUnavailable: nothing was added.
        """
        ...

    async def read(self) -> Sequence[UsageRow]:
        """All windows that are not over.

        Raises:
            StorageUnavailable: it cannot be read now.
        """
        ...


@dataclass(slots=True)
class _Counter:
    """One key in one window, as far as this process knows."""

    started: float
    stored: float = 0.0
    """What the store said last, all processes together."""
    saving: float = 0.0
    """What is on its way to the store."""
    pending: float = 0.0
    """What was counted since."""

    @property
    def amount(self) -> float:
        return self.stored + self.saving + self.pending


class UsageCounters:
    """The counts of one process, on what the store knows of the others; belongs to one event loop."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """
        Args:
            clock: Unix seconds.
        """
        self._clock = clock
        self._counters: dict[tuple[str, str], _Counter] = {}
        self._reserved: defaultdict[str, float] = defaultdict(float)
        self.charged = asyncio.Event()
        """Set while something is not saved. Who is about to save it clears it."""

    def used(self, key: str, window: LimitWindow) -> UsedAmount:
        """
        Args:
            key: id of the key.
        """
        now = self._clock()
        counter = self._current(key, window, now)
        if counter is None:
            return UsedAmount(0.0, window.seconds)
        return UsedAmount(counter.amount, counter.started + window.seconds - now)

    def charge(self, key: str, kind: Kind, amount: float) -> None:
        """Counts for a key, in every window of the kind."""
        now = self._clock()
        self.charged.set()
        for window in WINDOWS:
            if window.kind == kind:
                counter = self._current(key, window, now)
                if counter is None:
                    counter = self._counters[key, window.name] = _Counter(now)
                counter.pending += amount

    def reserved(self, key: str) -> float:
        """Seconds of audio that the key's requests under way have reserved in this process."""
        return self._reserved.get(key, 0.0)

    def reserve(self, key: str, seconds: float) -> None:
        """Adds to the key's reserved seconds; a negative number takes away."""
        self._reserved[key] += seconds
        if self._reserved[key] <= 1e-9:
            del self._reserved[key]

    def unsaved(self) -> list[UsageRow]:
        """What the store has not got yet; `saved` or `not_saved` follows. Forgets windows that are over."""
        now = self._clock()
        for key, name in list(self._counters):
            if self._current(key, WINDOWS_BY_NAME[name], now) is None:
                del self._counters[key, name]
        rows = []
        for (key, name), counter in sorted(self._counters.items()):
            counter.saving, counter.pending = counter.saving + counter.pending, 0.0
            if counter.saving:
                rows.append(UsageRow(key, name, counter.started, counter.saving))
        return rows

    def saved(self, sums: Iterable[UsageRow]) -> None:
        """The store has what `unsaved` gave, and these are its sums."""
        for counter in self._counters.values():
            counter.stored, counter.saving = counter.stored + counter.saving, 0.0
        self.refresh(sums)

    def not_saved(self) -> None:
        """The store did not take what `unsaved` gave: it stays to be saved."""
        for counter in self._counters.values():
            if counter.saving:
                self.charged.set()
            counter.pending, counter.saving = counter.pending + counter.saving, 0.0

    def refresh(self, sums: Iterable[UsageRow]) -> None:
        """Takes what the store says; what was counted here since is added to it."""
        now = self._clock()
        for row in sums:
            window = WINDOWS_BY_NAME.get(row.window)
            if window is None or not row.started <= now < row.started + window.seconds:
                continue
            counter = self._current(row.key, window, now)
            if counter is None:
                counter = self._counters[row.key, row.window] = _Counter(row.started)
            counter.started, counter.stored = row.started, row.used

    def _current(self, key: str, window: LimitWindow, now: float) -> _Counter | None:
        """The counter, while its window lasts; a clock that was set back ends it too."""
        counter = self._counters.get((key, window.name))
        return counter if counter and counter.started <= now < counter.started + window.seconds else None
