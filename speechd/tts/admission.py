"""Admission control of one voice: the characters that wait, and whether another text is accepted."""

import contextlib
import time
from asyncio import Future
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from speechd.errors import Overloaded

UNKNOWN_WAIT = 10.0
"""`retry-after` in seconds of a refusal before the speed is measured."""
WEIGHT = 0.2
"""Weight of the newest measurement of the speed."""


@dataclass(eq=False, slots=True)
class Reservation:
    """One text's place in the queue."""

    remaining: float
    """Characters that are not spoken yet."""
    step: "Future[Any] | None" = None
    """The sentence that is waiting or being spoken. One that is done waits for the client, not for the voice."""

    @property
    def waiting(self) -> float:
        """Characters that wait for the voice."""
        return self.remaining if self.step is None or not self.step.done() else 0.0


class AdmissionQueue:
    """The texts that wait for one voice."""

    def __init__(self, most: float = float("inf"), clock: Callable[[], float] = time.monotonic) -> None:
        """
        Args:
            most: characters that may wait.
            clock: seconds of any steady clock.
        """
        self._most = most
        self._clock = clock
        self._reservations: set[Reservation] = set()
        self._speed = 0.0
        """Characters that the voice speaks in a second, for all texts together, smoothed; 0 while unknown."""
        self._since = 0.0

    @property
    def waiting(self) -> float:
        """Characters that wait for the voice."""
        return sum(reserve.waiting for reserve in self._reservations)

    @contextlib.contextmanager
    def reserve(self, characters: int) -> Iterator[Reservation]:
        """A place for a text, until it is spoken or cancelled.

        Raises:
            Overloaded: more characters wait than the limit allows. `retry_after` estimates when there is room.
        """
        excess = self.waiting + characters - self._most
        if self.waiting and excess > 0:
            wait = excess / self._speed if self._speed else UNKNOWN_WAIT
            raise Overloaded(
                f"The voice has {self.waiting:.0f} characters waiting. Please try again in {wait:.0f}s.",
                retry_after=wait,
            )
        if not self._reservations:
            self._since = self._clock()
        reserve = Reservation(characters)
        self._reservations.add(reserve)
        try:
            yield reserve
        finally:
            self._reservations.discard(reserve)

    def spoken(self, reserve: Reservation, characters: int) -> None:
        """Some of a text has been spoken."""
        reserve.remaining = max(0.0, reserve.remaining - characters)
        now = self._clock()
        if now > self._since:
            speed = characters / (now - self._since)
            self._speed = speed if not self._speed else (1 - WEIGHT) * self._speed + WEIGHT * speed
        self._since = now
