"""How many realtime sessions may be open, and how long each may be."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from speechd.errors import Overloaded
from speechd.fairness.shared_bound import SharedBound
from speechd.settings import Settings

RETRY_AFTER = 10.0


@dataclass(slots=True)
class SessionLimiter:
    """The open sessions of one process; belongs to its event loop."""

    bound: SharedBound
    _open: Counter[str] = field(default_factory=Counter)
    """By the id of their key."""

    @classmethod
    def of(cls, settings: Settings) -> "SessionLimiter":
        return cls(SharedBound(settings.max_realtime_sessions, settings.key_share))

    @property
    def sessions(self) -> int:
        return self._open.total()

    @contextmanager
    def opened(self, caller: str) -> Iterator[None]:
        """One session of a key.

        Raises:
            Overloaded: there are enough, or this key has its share of them.
        """
        excess = self.bound.excess(self._open, caller, 1)
        if excess is not None:
            whose = "Your key has" if excess.of_share else "The server has"
            raise Overloaded(
                f"{whose} {excess.limit:.0f} realtime sessions open, which is the limit.",
                code="too_many_sessions",
                retry_after=RETRY_AFTER,
            )
        self._open[caller] += 1
        try:
            yield
        finally:
            self._open[caller] -= 1
            self._open += Counter()  # forgets keys without sessions
