"""Whose turn it is among callers who wait for the same thing."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


class RoundRobin:
    """Serves the caller who was served longest ago.

    Between two turns of a caller who always waits, every other caller has at most one turn. So among n callers who
    always wait each gets every n-th turn, however much each of them has waiting.
    """

    def __init__(self) -> None:
        self._served: dict[str, int] = {}
        """Number of each caller's last turn. It is kept for good: who forgets it would put those first who always have
        little waiting."""
        self._turns = 0

    def next(self, callers: Iterable[str]) -> str:
        """Who is served next; the first of those who never were."""
        return min(callers, key=lambda caller: self._served.get(caller, 0))

    def serve(self, caller: str) -> None:
        """It is this caller's turn now."""
        self._turns += 1
        self._served[caller] = self._turns

    def in_turn(self, items: Iterable[T], caller_of: Callable[[T], str]) -> Iterator[T]:
        """The items, those of all callers in turn and those of one caller in their order. Each is a turn."""
        queues: dict[str, deque[T]] = {}
        for item in items:
            queues.setdefault(caller_of(item), deque()).append(item)
        while queues:
            caller = self.next(queues)
            item = queues[caller].popleft()
            if not queues[caller]:
                del queues[caller]
            self.serve(caller)
            yield item
