"""One request's account: whether its key may use more, what it uses, and what the rate headers say."""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from speechd.auth.keys import Key
from speechd.auth.usage import WINDOWS, Kind, LimitWindow, UsageCounters, UsedAmount
from speechd.errors import RateLimited, TooLarge
from speechd.telemetry.metrics import RATE_LIMITED

RESERVED_RETRY_AFTER = 5.0
"""Seconds after which a refused request may ask again where only requests under way stand in its way."""
TOLERANCE = 1e-6
"""Seconds by which sums of floats may be wrong."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """How much audio a request will come to."""

    seconds: float
    exact: bool
    """A header says so. Else it is a guess, for which nobody is refused who has something left."""


class AudioReservation:
    """Seconds of audio that are kept from other requests of a key, until the work ends and is charged.

    Exactly one of `settle` and `release` counts, the first. A context manager: leaving it releases.
    """

    def __init__(self, counters: UsageCounters, key: str, seconds: float) -> None:
        """Use Meter.reserve_audio."""
        self._counters = counters
        self._key = key
        self._seconds = seconds
        self._open = True
        counters.reserve(key, seconds)

    def extend(self, seconds: float) -> None:
        """The work has come to so many seconds already: at least as many are reserved from now on."""
        if self._open and seconds > self._seconds:
            self._counters.reserve(self._key, seconds - self._seconds)
            self._seconds = seconds

    def settle(self, seconds: float) -> None:
        """The work has ended: charges what it really came to, in seconds, more or less than was reserved."""
        if not self._open:
            return
        self._open = False
        self._counters.reserve(self._key, -self._seconds)
        if seconds > 0:
            self._counters.charge(self._key, "audio-seconds", seconds)

    def release(self) -> None:
        """Nothing came of it."""
        self.settle(0.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


class Meter:
    """What one request may use of its key's limits, and where it is charged."""

    def __init__(self, key: Key, counters: UsageCounters) -> None:
        self._key = key
        self._counters = counters

    @property
    def limits_audio(self) -> bool:
        """The key may not use as much audio as it likes."""
        return any(window.kind == "audio-seconds" for window, _ in self._limits())

    def admit(self) -> None:
        """Counts the request.

        Raises:
            RateLimited: a limit on requests is reached; it says when the window ends.
        """
        for window, limit in self._limits("requests"):
            used = self._used(window)
            if used.amount >= limit:
                raise self._refused(window, limit, used)
        self._counters.charge(self._key.id, "requests", 1)

    def check_audio(self) -> None:
        """
        Raises:
            RateLimited: nothing is left of a limit on audio.
        """
        for window, limit in self._limits("audio-seconds"):
            used = self._used(window)
            if used.amount + self._reserved >= limit:
                raise self._refused(window, limit, used, taken=self._reserved)

    def reserve_audio(self, estimate: Estimate | None, queued: float = 0.0) -> AudioReservation:
        """Sets audio aside before the work on it begins. What requests reserve together never exceeds a limit.

        Args:
            estimate: how much it will come to. None: nobody knows; then all that is left is reserved.
            queued: seconds of audio that the key's open jobs will still be charged for.

        Raises:
            RateLimited: less is left; it says when to ask again.
            TooLarge: it is more than a limit, so asking again is of no use.
        """
        taken = self._reserved + queued
        left = math.inf
        for window, limit in self._limits("audio-seconds"):
            used = self._used(window)
            left = min(left, limit - used.amount - taken)
            requested = estimate.seconds if estimate and estimate.exact else 0.0
            if left <= 0 or requested > left + TOLERANCE:
                raise self._refused(window, limit, used, requested, taken)
        wanted = estimate.seconds if estimate else left
        seconds = 0.0 if math.isinf(wanted) else min(wanted, left)
        return AudioReservation(self._counters, self._key.id, seconds)

    def headers(self, kinds: tuple[Kind, ...]) -> dict[str, str]:
        """`x-ratelimit-{limit,remaining,reset}-<kind>` of the window that ends first what may still be used."""
        headers = {}
        for kind in kinds:
            reserved = self._reserved if kind == "audio-seconds" else 0.0
            open_windows = [
                (max(0.0, limit - used.amount - reserved), limit, used.ends_in)
                for window, limit in self._limits(kind)
                for used in (self._used(window),)
            ]
            if open_windows:
                remaining, limit, ends_in = min(open_windows)
                headers[f"x-ratelimit-limit-{kind}"] = f"{limit:.15g}"
                headers[f"x-ratelimit-remaining-{kind}"] = f"{math.floor(remaining + TOLERANCE)}"
                headers[f"x-ratelimit-reset-{kind}"] = format_seconds(ends_in)
        return headers

    @property
    def _reserved(self) -> float:
        return self._counters.reserved(self._key.id)

    def _used(self, window: LimitWindow) -> UsedAmount:
        return self._counters.used(self._key.id, window)

    def _limits(self, kind: Kind | None = None) -> Iterator[tuple[LimitWindow, float]]:
        for window in WINDOWS:
            limit = getattr(self._key.limits, window.name)
            if limit is not None and kind in (None, window.kind):
                yield window, limit

    def _refused(
        self, window: LimitWindow, limit: float, used: UsedAmount, requested: float = 0.0, taken: float = 0.0
    ) -> RateLimited | TooLarge:
        """As OpenAI words it: limit, used, requested, and when to try again."""
        name = window.name.replace("_", " ")
        RATE_LIMITED.labels(window.name).inc()
        if requested > limit:
            return TooLarge(
                f"The audio has {requested:.15g} seconds, more than the limit of {limit:g} {name} of key"
                f" `{self._key.name}`.",
                param="file",
            )
        wait = used.ends_in if used.amount >= limit or used.amount + requested > limit else RESERVED_RETRY_AFTER
        amounts = {"used": used.amount, "requested": requested, "reserved by work under way": taken}
        told = "".join(f", {what} {amount:g}" for what, amount in amounts.items() if amount or what == "used")
        return RateLimited(
            f"Rate limit reached for key `{self._key.name}` on {name}: limit {limit:g}{told}."
            f" Please try again in {format_seconds(wait)}.",
            retry_after=math.ceil(wait),
        )


def format_seconds(seconds: float) -> str:
    """`43.2s`, `2m59.56s`, `9m6s`, `1h0m5s`, as the hosted services write it; rounded up to hundredths."""
    hundredths = math.ceil(seconds * 100 - 1e-6)
    minutes, rest = divmod(hundredths, 6000)
    hours, minutes = divmod(minutes, 60)
    text = f"{rest / 100:.2f}".rstrip("0").rstrip(".") + "s"
    if hours:
        return f"{hours}h{minutes}m{text}"
    return f"{minutes}m{text}" if minutes else text


def format_usage(key: Key, counters: UsageCounters) -> str:
    """`anna  made 2026-05-01  may transcribe,speak  requests per minute 3 of 60  ...`, a line for people."""
    made = time.strftime("%Y-%m-%d", time.gmtime(key.created))
    parts = [key.name, f"made {made}", f"may {','.join(key.may) or 'nothing'}"]
    for window in WINDOWS:
        limit = getattr(key.limits, window.name)
        amount = counters.used(key.id, window).amount
        parts.append(f"{window.name.replace('_', ' ')} {amount:g}" + (f" of {limit:g}" if limit is not None else ""))
    return "  ".join(parts)
