"""Counts what becomes of engines that are processes, and tells which engines are late with a window."""

import contextlib
import functools
import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from speechd.errors import EngineFailure

OVERDUE_SHARE = 0.5
"""Of its deadline, after which a window counts as overdue."""

log = logging.getLogger("speechd.models")


@dataclass(frozen=True, slots=True)
class EngineFaults:
    """What became of the processes of one engine, since this process began."""

    hung: int = 0
    """Killed, because they did not answer within the deadline. The next window gets a new one."""
    crashed: int = 0
    """Ended by themselves. The next window gets a new one."""
    overdue: int = 0
    """Windows that wait now, for more than half of the deadline. An engine that is a library has no other faults: what
    hangs in it cannot be ended without the server."""


@dataclass(slots=True)
class EngineMonitor:
    """Counts what becomes of the processes of engines. Engines come and go with their models, and the counts stay."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _faults: dict[str, EngineFaults] = field(default_factory=dict)
    _late: dict[object, tuple[str, float]] = field(default_factory=dict)
    """The engine of each running window, and when the window is overdue."""

    @contextlib.contextmanager
    def expect(self, engine: str, seconds: float) -> Iterator[None]:
        """One window, which should take less than so many seconds."""
        window = object()
        with self._lock:
            self._late[window] = engine, time.monotonic() + seconds * OVERDUE_SHARE
        try:
            yield
        finally:
            with self._lock:
                del self._late[window]

    @contextlib.contextmanager
    def watch(self, engine: str, seconds: float) -> Iterator[None]:
        """One window of an engine that is a process, which is ended after so many seconds.

        Raises:
            EngineFailure: it hung or crashed; counted.
        """
        try:
            with self.expect(engine, seconds):
                yield
        except TimeoutError as error:
            self._count(engine, hung=1)
            raise EngineFailure(
                f"The engine {engine} did not answer within {seconds:g} s. It was ended and starts anew.",
                code="engine_timeout",
            ) from error
        except (OSError, EOFError) as error:
            self._count(engine, crashed=1)
            raise EngineFailure(f"The engine {engine} crashed on this recording. It starts anew.") from error

    def faults(self) -> dict[str, EngineFaults]:
        """By engine; those without a fault are left out."""
        now = time.monotonic()
        with self._lock:
            found = dict(self._faults)
            late = [engine for engine, since in self._late.values() if since < now]
        for engine in late:
            known = found.get(engine, EngineFaults())
            found[engine] = replace(known, overdue=known.overdue + 1)
        return found

    def _count(self, engine: str, *, hung: int = 0, crashed: int = 0) -> None:
        with self._lock:
            known = self._faults.get(engine, EngineFaults())
            counted = replace(known, hung=known.hung + hung, crashed=known.crashed + crashed)
            self._faults[engine] = counted
        log.warning("the engine %s: %d processes hung, %d crashed so far", engine, counted.hung, counted.crashed)


@functools.cache
def shared_monitor() -> EngineMonitor:
    """That of this process."""
    return EngineMonitor()
