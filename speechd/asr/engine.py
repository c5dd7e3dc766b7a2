"""The protocol between the pipeline and a recogniser.

An engine is synchronous, takes windows of PCM and returns frozen dataclasses. It knows nothing of requests, files or
HTTP. It is called from one thread for each of its replicas.
"""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol, runtime_checkable

from speechd.types import Segment, Timings, TranscribeOptions, Window

Context = Literal["short", "wide", "full"]
"""How much silence a window is encoded with: the model's own margin, several times as much, or all that it takes."""


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """One window and the options for it."""

    window: Window
    options: TranscribeOptions
    encoded: Any = None
    """What an earlier decode of the same window returned as `encoded`, so that it is not encoded twice."""
    before: tuple[Segment, ...] = ()
    """The text before the window, in order: a model that takes a prompt gets it after the caller's prompt."""
    detect: bool = False
    """Detect only the language: the result has no segments, and `heard` is 0."""
    context: Context = "short"

    def widened(self, doubt: str) -> "Job":
        """The job for the next attempt, after what spoke against the text of this one."""
        wide = self.context == "short" and doubt == "improbable"
        return replace(self, context="wide" if wide else "full", encoded=None)


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """The result for one window."""

    segments: tuple[Segment, ...]
    """On the window's clock, in order."""
    language: str
    language_probabilities: dict[str, float]
    """By code, summing to 1 over the languages allowed; one entry of 1.0 where the language was given."""
    timings: Timings = field(default_factory=Timings)
    """The engine's stages, shared equally among the windows of a batch."""
    heard: float = math.inf
    """Seconds of the window that the segments cover; the rest is decoded again, as a window of its own.
    Infinite: all of it."""
    tail: tuple[Segment, ...] = ()
    """Text after `heard`. The next window repeats it, so it counts only where there is no next one."""
    uncovered: tuple[tuple[float, float], ...] = ()
    """Speech for which there are no words: (start, end) in seconds on the window's clock. Engines leave it empty."""
    uncertain: bool = False
    """Of a window in which languages may mix: no stretch of it has a certain language. Engines leave it as it is."""
    doubt: str = ""
    """Why the text of a short or wide context looks wrong; see hypothesis.doubt. The result is then not to be used: it
    has no segments and `heard` is 0, and the job is to be decoded again, `widened`."""
    encoded: Any = None
    """Opaque. It is kept only until the language is known, and then passed back in a Job."""


class AsrEngine(Protocol):
    """Recognises speech."""

    languages: tuple[str, ...]
    """ISO 639-1 codes it was trained for."""
    batch_size: int
    """Best number of jobs to decode together."""
    replicas: int
    """Batches it can decode at once."""

    def group(self, job: Job) -> Hashable:
        """Jobs of equal group can share a batch."""
        ...

    def decode(self, jobs: Sequence[Job]) -> list[Decoded]:
        """Decodes jobs of one group; the results are in their order.

        Raises:
            OutOfMemory: the batch does not fit; a smaller one may.
            EngineFailure: the batch could not be computed.
        """
        ...

    def close(self) -> None:
        """Frees its memory. No call may follow."""
        ...


@runtime_checkable
class SelfTesting(Protocol):
    """An engine with stages that not every window reaches."""

    def self_test(self, job: Job) -> None:
        """Runs them on a window, whatever its text.

        Raises:
            EngineFailure: one could not be computed.
        """
        ...


@runtime_checkable
class Interruptible(Protocol):
    """An engine whose running work can be broken off."""

    def interrupt(self) -> None:
        """Makes every running `decode` fail soon, and every later one at once. Any thread may call it."""
        ...
