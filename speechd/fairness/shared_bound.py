"""A bound on what all callers hold together, of which one caller cannot take all."""

import math
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Excess:
    """By how much a request is too much."""

    amount: float
    limit: float
    """What is exceeded: the caller's share, or the bound of all."""
    of_share: bool
    """It is the caller's share that is exceeded."""


@dataclass(frozen=True, slots=True)
class SharedBound:
    """A bound and the share of it that one caller may hold while others hold something too."""

    maximum: float = math.inf
    """What all callers may hold together."""
    share: float = 1.0
    """Above 0, at most 1."""

    @property
    def of_one(self) -> float:
        """What one caller may hold while others hold something."""
        return self.maximum * self.share

    def excess(self, held: Mapping[str, float], caller: str, amount: float) -> Excess | None:
        """By how much it would be too much if `caller` held `amount` more; None: there is room.

        A caller who is alone may hold everything. What it holds beyond its share does not keep others out: it counts
        for them as one share. So there is room for a second caller at any time.

        Args:
            held: what each caller holds.
        """
        own = held.get(caller, 0.0)
        others = sum(min(theirs, self.of_one) for other, theirs in held.items() if other != caller)
        if others and own and own + amount > self.of_one:
            return Excess(own + amount - self.of_one, self.of_one, of_share=True)
        if own + others + amount > self.maximum:
            return Excess(own + others + amount - self.maximum, self.maximum, of_share=False)
        return None
