"""What each key has used, in windows of time, and whether it may use more. The counters survive a restart.

A window begins with its first request and ends after its length; what was used in it is then forgotten.
"""

import math
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from speechd.auth.keys import Key
from speechd.errors import RateLimited, Unavailable

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


@dataclass(frozen=True, slots=True)
class UsedAmount:
    """What a key has used in a window."""

    amount: float
    """Requests, or seconds of audio."""
    ends_in: float
    """Seconds until the window ends."""


class Usage(Protocol):
    """Where the counters are kept."""

    def used(self, key: str, window: LimitWindow) -> UsedAmount: ...

    def add(self, key: str, window: LimitWindow, amount: float) -> None: ...


class SqliteUsage:
    """Counters in one file, shared by every process that opens it."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        """
        Args:
            path: made at the first count.
            clock: Unix seconds.
        """
        self._path = path
        self._clock = clock
        self._connection: sqlite3.Connection | None = None

    def used(self, key: str, window: LimitWindow) -> UsedAmount:
        """
        Raises:
            Unavailable: the file cannot be read.
        """
        now = self._clock()
        query = "SELECT started, used FROM usage WHERE key = ? AND window = ?"
        started, amount = self._run(query, key, window.name) or (now, 0.0)
        if not started <= now < started + window.seconds:
            started, amount = now, 0.0
        return UsedAmount(amount, started + window.seconds - now)

    def add(self, key: str, window: LimitWindow, amount: float) -> None:
        """
        Raises:
            Unavailable: the file cannot be written.
        """
        self._run(_ADD, key, window.name, self._clock(), amount, window.seconds)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _run(self, statement: str, *values: object) -> tuple[float, float] | None:
        try:
            if self._connection is None:
                self._connection = _opened(self._path)
            row: tuple[float, float] | None = self._connection.execute(statement, values).fetchone()
        except (sqlite3.Error, OSError):
            raise Unavailable("The usage counters cannot be kept.", code="usage_unavailable") from None
        return row


_ADD = """
INSERT INTO usage (key, window, started, used) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (key, window) DO UPDATE SET
    used = CASE WHEN ?3 >= started AND ?3 < started + ?5 THEN used + ?4 ELSE ?4 END,
    started = CASE WHEN ?3 >= started AND ?3 < started + ?5 THEN started ELSE ?3 END
"""


def _opened(path: Path) -> sqlite3.Connection:
    """In WAL mode, where a commit survives the end of the process without waiting for the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=2, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(
        "CREATE TABLE IF NOT EXISTS usage (key TEXT, window TEXT, started REAL, used REAL, PRIMARY KEY (key, window))"
    )
    return connection


class Meter:
    """One request's account: admits it, charges it, and words the rate headers."""

    def __init__(self, key: Key, usage: Usage, audio: bool) -> None:
        """
        Args:
            audio: the request is for audio, whose limits count too.
        """
        self._key = key
        self._usage = usage
        self._audio = audio

    def admit(self) -> None:
        """Counts the request.

        Raises:
            RateLimited: a limit is reached; it says when the window ends.
        """
        for window, limit in self._limits():
            used = self._usage.used(self._key.name, window)
            if used.amount >= limit and (self._audio or window.kind == "requests"):
                raise RateLimited(
                    f"Rate limit reached for key `{self._key.name}` on {window.name.replace('_', ' ')}:"
                    f" limit {limit:g}, used {used.amount:g}. Please try again in {format_seconds(used.ends_in)}.",
                    retry_after=math.ceil(used.ends_in),
                )
        self._add("requests", 1)

    def charge_audio(self, seconds: float) -> None:
        """Counts audio that was transcribed or spoken."""
        if seconds > 0:
            self._add("audio-seconds", seconds)

    def headers(self, kinds: tuple[Kind, ...]) -> dict[str, str]:
        """`x-ratelimit-{limit,remaining,reset}-<kind>` of the window that ends first what may still be used."""
        headers = {}
        for kind in kinds:
            open_windows = [
                (max(0.0, limit - used.amount), limit, used.ends_in)
                for window, limit in self._limits()
                if window.kind == kind
                for used in (self._usage.used(self._key.name, window),)
            ]
            if open_windows:
                remaining, limit, ends_in = min(open_windows)
                headers[f"x-ratelimit-limit-{kind}"] = f"{limit:.15g}"
                headers[f"x-ratelimit-remaining-{kind}"] = f"{math.floor(remaining)}"
                headers[f"x-ratelimit-reset-{kind}"] = format_seconds(ends_in)
        return headers

    def _limits(self) -> Iterator[tuple[LimitWindow, float]]:
        for window in WINDOWS:
            limit = getattr(self._key.limits, window.name)
            if limit is not None:
                yield window, limit

    def _add(self, kind: Kind, amount: float) -> None:
        for window in WINDOWS:
            if window.kind == kind:
                self._usage.add(self._key.name, window, amount)


def format_seconds(seconds: float) -> str:
    """`43.2s`, `2m59.56s`, `9m6s`, `1h0m5s`, as the hosted services write it; rounded up to hundredths."""
    hundredths = math.ceil(seconds * 100 - 1e-6)
    minutes, rest = divmod(hundredths, 6000)
    hours, minutes = divmod(minutes, 60)
    text = f"{rest / 100:.2f}".rstrip("0").rstrip(".") + "s"
    if hours:
        return f"{hours}h{minutes}m{text}"
    return f"{minutes}m{text}" if minutes else text


def format_usage(key: Key, usage: Usage) -> str:
    """`anna  made 2026-05-01  requests per minute 3 of 60  ...`, a line for people."""
    made = time.strftime("%Y-%m-%d", time.gmtime(key.created))
    parts = [f"{key.name}  made {made}"]
    for window in WINDOWS:
        limit = getattr(key.limits, window.name)
        amount = usage.used(key.name, window).amount
        parts.append(f"{window.name.replace('_', ' ')} {amount:g}" + (f" of {limit:g}" if limit is not None else ""))
    return "  ".join(parts)
