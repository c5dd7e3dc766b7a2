"""Who was refused and told when to come again: the next who is refused is told a later time."""

from collections import defaultdict
from dataclasses import dataclass

MAX_RETURNS = 1000
"""That are remembered; then the oldest is forgotten."""
LATE_SECONDS = 5.0
"""After its time, in which somebody is still expected."""


@dataclass(frozen=True, slots=True)
class _Return:
    caller: str
    amount: float
    due: float


class ExpectedReturns:
    """What those have who will come again. It keeps nobody out: it only spreads the times that are told."""

    def __init__(self) -> None:
        self._returns: list[_Return] = []

    def expect(self, caller: str, amount: float, due: float) -> None:
        """A caller with so much was told to come at this time."""
        self._returns = [*self._returns[1 - MAX_RETURNS :], _Return(caller, amount, due)]

    def has_returned(self, caller: str) -> None:
        """A caller is here, perhaps again: it is the one who was told the earliest time."""
        own = [each for each in self._returns if each.caller == caller]
        if own:
            self._returns.remove(min(own, key=lambda each: each.due))

    def amounts(self, now: float) -> dict[str, float]:
        """What each caller will bring. Who is late is expected no more."""
        self._returns = [each for each in self._returns if each.due + LATE_SECONDS > now]
        found = defaultdict[str, float](float)
        for each in self._returns:
            found[each.caller] += each.amount
        return dict(found)
