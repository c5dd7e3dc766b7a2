"""Which recordings a recogniser has taken on, and whether it takes on one more."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping

from speechd.asr.scheduling.returns import ExpectedReturns
from speechd.asr.scheduling.scheduler import WINDOW_SECONDS, QueuedRecording
from speechd.errors import Overloaded
from speechd.fairness.queue_limits import OtherKey, QueueLimits, QueueState
from speechd.priority import PrioritySource, goes_before


class RecordingQueue:
    """The admitted recordings, in the order in which they came."""

    def __init__(self, limits: QueueLimits, clock: Callable[[], float]) -> None:
        self.speed = 0.0
        """Audio seconds that are decoded in a second; 0 while it is not known."""
        self._limits = limits
        self._clock = clock
        self._queued: dict[QueuedRecording, None] = {}
        self._returns = ExpectedReturns()

    @property
    def seconds(self) -> float:
        """Of audio that is not decoded yet."""
        return sum(queued.remaining for queued in self._queued)

    def admit(
        self, seconds: float, priority: PrioritySource, caller: str, done: Mapping[QueuedRecording, float]
    ) -> QueuedRecording:
        """A place for a recording.

        Args:
            done: seconds of recordings that are decoded by now, but not counted yet.

        Raises:
            Overloaded: see QueueLimits.check.
        """
        queued = QueuedRecording(seconds, priority, caller, self._clock())
        self._returns.has_returned(caller)
        self._check(queued, self._queued, done)
        self._queued[queued] = None
        return queued

    def discard(self, queued: QueuedRecording) -> None:
        """It is finished, or given up."""
        self._queued.pop(queued, None)

    def refuse_late(self, done: Mapping[QueuedRecording, float]) -> list[QueuedRecording]:
        """Takes the place of recordings that have not begun and would not be admitted now. They know why."""
        kept = {queued: None for queued in self._queued if queued.begun}
        refused = []
        for queued in [queued for queued in self._queued if not queued.begun]:
            try:
                self._check(queued, kept, done)
                kept[queued] = None
            except Overloaded as refusal:
                queued.refusal = refusal
                refused.append(queued)
        self._queued = {queued: None for queued in self._queued if queued in kept}
        return refused

    def _check(
        self, new: QueuedRecording, others: Collection[QueuedRecording], done: Mapping[QueuedRecording, float]
    ) -> None:
        """
        Raises:
            Overloaded: see QueueLimits.check.
        """
        mine = new.priority()
        rivals = [queued for queued in others if not goes_before(mine, queued.priority())]
        state = self._state(rivals, new.remaining, new.caller, done)
        try:
            self._limits.check(state, new.caller, new.remaining, waits=mine == "interactive")
        except Overloaded as refusal:
            if refusal.retry_after:
                self._returns.expect(new.caller, new.remaining, self._clock() + refusal.retry_after)
            raise

    def _state(
        self,
        rivals: Collection[QueuedRecording],
        seconds: float,
        caller: str,
        done: Mapping[QueuedRecording, float],
    ) -> QueueState:
        """The queue as a new recording of `seconds` finds it."""
        held, longest, own = defaultdict[str, float](float), defaultdict[str, float](float), 0.0
        for queued in rivals:
            left = max(0.0, queued.remaining - done.get(queued, 0.0))
            held[queued.caller] += left
            longest[queued.caller] = max(longest[queued.caller], left)
            own += min(left, queued.goes_first(seconds, self._clock())) if queued.caller == caller else 0.0
        returns = self._returns.amounts(self._clock())
        others = [
            OtherKey(
                held.get(other, 0.0), min(longest.get(other, WINDOW_SECONDS), WINDOW_SECONDS), returns.get(other, 0.0)
            )
            for other in dict.fromkeys([*held, *returns])
            if other != caller
        ]
        return QueueState(dict(held), own, others, self.speed, returns.get(caller, 0.0))
