"""Pulls in the background: one for each model at a time, with progress."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event
from typing import Literal

from speechd.errors import Overloaded, SpeechdError
from speechd.executors import PULLS, run_in
from speechd.registry.catalog import Model
from speechd.registry.sources.base import ProgressCallback
from speechd.telemetry.metrics import PULL_BYTES, pull_label

Puller = Callable[[Model, ProgressCallback], object]
"""Pulls a model, blocking, and reports its progress."""


class PullStopped(Exception):
    """The server is stopping. The bytes that arrived are kept."""


@dataclass(eq=False, slots=True)
class Pull:
    """One pull and its progress."""

    model: Model
    state: Literal["pulling", "installed", "failed"] = "pulling"
    done: int = 0
    """Bytes that arrived."""
    total: int = 0
    """Total bytes; 0 while unknown."""
    error: str = ""
    code: str | None = None
    """Of the error."""
    began: float = field(default_factory=time.monotonic)
    ended: float = 0.0
    _first: int | None = None

    def advance(self, done: int, total: int) -> None:
        if self._first is None:
            self._first = self.done = done  # bytes of an earlier attempt do not measure the speed
        PULL_BYTES.labels(pull_label(self.model.id)).inc(max(0, done - self.done))
        self.done, self.total = done, total

    def may_start_again(self, after: float) -> bool:
        """Whether it has ended, and in case of a failure more than `after` seconds ago."""
        return self.state == "installed" or (self.state == "failed" and time.monotonic() - self.ended > after)

    @property
    def seconds_left(self) -> float:
        """An estimate from the speed so far, between 2 s and 10 minutes."""
        took, brought = time.monotonic() - self.began, self.done - (self._first or 0)
        return min(600.0, max(2.0, took * (self.total - self.done) / brought)) if brought > 0 else 10.0


class Pulls:
    """The pulls of one server."""

    def __init__(self, puller: Puller, maximum: int = 8) -> None:
        """
        Args:
            puller: does one.
            most: pulls that may run or wait at once.
        """
        self._puller = puller
        self._maximum = maximum
        self._pulls: dict[str, Pull] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._stop = Event()

    def get(self, model_id: str) -> Pull | None:
        """The latest pull of that model."""
        return self._pulls.get(model_id)

    def list(self) -> tuple[Pull, ...]:
        """The latest pull of each model."""
        return tuple(self._pulls.values())

    async def ended(self, pull: Pull) -> None:
        """Waits until a pull has ended in any way."""
        await asyncio.wait([self._tasks[pull.model.id]])

    def forget(self, model_id: str) -> None:
        """Forgets a pull that has ended."""
        pull = self._pulls.get(model_id)
        if pull is not None and pull.state != "pulling":
            del self._pulls[model_id]

    def start(self, model: Model) -> Pull:
        """Begins to pull a model, or joins its running pull.

        Raises:
            Overloaded: too many run or wait.
        """
        running = self._pulls.get(model.id)
        if running is not None and running.state == "pulling":
            return running
        if sum(pull.state == "pulling" for pull in self._pulls.values()) >= self._maximum:
            raise Overloaded(
                f"{self._maximum} models are being pulled. Please try again later.",
                code="too_many_pulls",
                retry_after=30,
            )
        pull = self._pulls[model.id] = Pull(model)
        self._tasks[model.id] = asyncio.create_task(self._run(pull), name=f"pull-{model.id}")
        return pull

    async def close(self) -> None:
        """Cancels running pulls. A later pull resumes them."""
        self._stop.set()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _run(self, pull: Pull) -> None:
        def report(done: int, total: int) -> None:
            if self._stop.is_set():
                raise PullStopped
            pull.advance(done, total)

        def work() -> None:
            if self._stop.is_set():  # it waited for a thread until now
                raise PullStopped
            self._puller(pull.model, report)

        try:
            await run_in(PULLS, work)
            pull.state = "installed"
        except SpeechdError as error:
            pull.state, pull.error, pull.code = "failed", error.message, error.error_code
        except PullStopped:
            pull.state, pull.error = "failed", "The server was stopped. Pull again to resume."
        except BaseException:
            pull.state, pull.error = "failed", "Something went wrong inside the server. See its log."
            raise
        finally:
            pull.ended = time.monotonic()
