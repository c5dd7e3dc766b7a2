"""Whether a queue takes on more: by the time that a request would wait, and by what each key has waiting."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from speechd.errors import Overloaded
from speechd.fairness.shared_bound import Excess, SharedBound

UNKNOWN_WAIT = 10.0
"""`retry-after` in seconds of a refusal while the speed is not measured."""
BISECTIONS = 40
"""Until a time is known to a billionth of the longest."""


@dataclass(frozen=True, slots=True)
class OtherKey:
    """What another key has in a queue."""

    waiting: float
    more: float
    """How much more than the own key it may get before the own key's turn."""
    returns: float = 0.0
    """What callers with it will bring who were told to come again."""

    @property
    def total(self) -> float:
        return self.waiting + self.returns

    def ahead(self, own: float, turn: float | None = None) -> float:
        """How much of it is done before a request's turn.

        Args:
            own: what the request's own key has waiting that goes first.
            turn: how much of each key is done already, when those are back who come again; None: it is now.
        """
        left = self.waiting if turn is None else max(0.0, self.total - turn)
        return min(left, own + self.more)


@dataclass(frozen=True, slots=True)
class QueueState:
    """A queue as one new request finds it. Amounts are in the queue's unit: seconds of audio, or characters."""

    held: Mapping[str, float]
    """What each caller has waiting, without what the request would pass by its priority."""
    own: float
    """What its own key has waiting that goes first."""
    others: Sequence[OtherKey]
    speed: float
    """Units done in a second, for all together; 0 while it is not measured."""
    own_returns: float = 0.0
    """What others of its own key will bring who were told to come again."""

    @property
    def ahead(self) -> float:
        """How much is done before the request's turn comes."""
        return self.own + sum(other.ahead(self.own) for other in self.others)

    def until(self, allowed: float) -> float:
        """How much is done until no more than `allowed` goes before a request, if all who will come again come now.

        The keys are served in turn: after `turn` units of each, everybody has so much less.
        """

        def left(turn: float) -> float:
            own = max(0.0, self.own + self.own_returns - turn)
            return own + sum(other.ahead(own, turn) for other in self.others)

        early, late = 0.0, max([self.own + self.own_returns, *(other.total for other in self.others)])
        for _ in range(BISECTIONS):
            middle = (early + late) / 2
            early, late = (early, middle) if left(middle) <= allowed else (middle, late)
        return min(late, self.own + self.own_returns) + sum(min(late, other.total) for other in self.others)


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """What one queue takes on."""

    maximum: float = math.inf
    """Units that may wait. One request is always taken."""
    max_wait: float = 0.0
    """Seconds that a caller may have to wait before its turn, as far as can be told; 0 sets no bound."""
    key_share: float = 1.0
    """The part of `maximum` that one key may have waiting while others have something waiting too."""
    subject: str = "The server"
    unit: str = "s of audio"

    def check(self, state: QueueState, caller: str, amount: float, *, waits: bool = True) -> None:
        """
        Args:
            caller: id of the key that asks for `amount` units.
            waits: somebody waits for the answer. The time is no bound for background work.

        Raises:
            Overloaded: it is too much now; with the time after which there should be room.
        """
        wait = state.ahead / state.speed if state.speed else 0.0
        if waits and self.max_wait and wait > self.max_wait:
            after = _whole(state.until(self.max_wait * state.speed) / state.speed)
            raise Overloaded(
                f"This request would wait about {wait:.0f} s. SPEECHD_MAX_WAIT allows {self.max_wait:g} s."
                f" Please try again in {after:.0f}s.",
                retry_after=after,
            )
        excess = SharedBound(self.maximum, self.key_share).excess(state.held, caller, amount)
        if excess is not None and any(state.held.values()):
            raise self._share_used(excess, state, caller) if excess.of_share else self._full(excess, state)

    def _full(self, excess: Excess, state: QueueState) -> Overloaded:
        after = _whole(excess.amount / state.speed) if state.speed else UNKNOWN_WAIT
        return Overloaded(
            f"{self.subject} has {sum(state.held.values()):.0f} {self.unit} waiting. Please try again in {after:.0f}s.",
            retry_after=after,
        )

    def _share_used(self, excess: Excess, state: QueueState, caller: str) -> Overloaded:
        keys = sum(1 for amount in state.held.values() if amount)
        after = UNKNOWN_WAIT
        if state.speed:
            after = _whole(excess.amount * keys / state.speed)  # each key has every n-th turn
        return Overloaded(
            f"Your key has {state.held[caller]:.0f} {self.unit} waiting. With this request it would exceed its share of"
            f" {excess.limit:.0f} {self.unit}, which holds while other keys wait too (SPEECHD_KEY_SHARE)."
            f" Please try again in {after:.0f}s.",
            retry_after=after,
        )


def _whole(seconds: float) -> float:
    """Not too early by a rounding, and not so early that who is refused asks again and again."""
    return max(1.0, float(math.ceil(seconds - 1e-6)))


UNLIMITED = QueueLimits()
