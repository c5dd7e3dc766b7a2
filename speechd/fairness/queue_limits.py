"""Whether a queue takes on more: by the time that a request would wait, and by what each key has waiting."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from speechd.errors import Overloaded
from speechd.fairness.shared_bound import Excess, SharedBound

UNKNOWN_WAIT = 10.0
"""`retry-after` in seconds of a refusal while the speed is not measured."""


@dataclass(frozen=True, slots=True)
class QueueState:
    """A queue as one new request finds it. Amounts are in the queue's unit: seconds of audio, or characters."""

    held: Mapping[str, float]
    """What each caller has waiting, without what the request would pass by its priority."""
    ahead: float
    """How much is done before the request's turn comes."""
    speed: float
    """Units done in a second, for all together; 0 while it is not measured."""


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
            after = _whole(wait - self.max_wait)
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


def ahead_in_turn(own: float, others: Iterable[tuple[float, float]]) -> float:
    """What is done before a request's turn, where keys are served in turn.

    Args:
        own: what its own key has waiting that goes first.
        others: of each other key, what it has waiting, and how much more it may get than the own key meanwhile.
    """
    return own + sum(min(waiting, own + more) for waiting, more in others)
