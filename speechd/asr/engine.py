"""The seam between the pipeline and whatever recognises speech.

An engine is synchronous, takes windows of PCM and gives back frozen dataclasses; it knows nothing of requests, files or
HTTP. As many threads call it at once as it says it has replicas.
"""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from speechd.types import Segment, Timings, TranscribeOptions, Window


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """One window and what is asked of it."""

    window: Window
    options: TranscribeOptions
    encoded: Any = None
    """What an earlier decode of the same window returned as `encoded`, so that it is not encoded twice."""
    before: tuple[Segment, ...] = ()
    """What was said before the window, for a model that can be told it, after the prompt; in order."""
    detect: bool = False
    """Only the language is asked for: the answer has no segments, and `heard` is 0."""


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """What was found in one window."""

    segments: tuple[Segment, ...]
    """On the window's clock, in order."""
    language: str
    language_probabilities: dict[str, float]
    """By code, summing to 1 over the languages allowed; one entry of 1.0 where the language was given."""
    timings: Timings = field(default_factory=Timings)
    """The engine's stages, shared equally among the windows of a batch."""
    heard: float = math.inf
    """Seconds of the window that the segments cover; what lies after them is to be decoded anew, as its own window.
    Infinite: all of it."""
    tail: tuple[Segment, ...] = ()
    """Text after `heard`, which the next window says again: only for those who decode no next one."""
    uncovered: tuple[tuple[float, float], ...] = ()
    """Speech for which there are no words: (start, end) in seconds on the window's clock. Engines leave it empty."""
    uncertain: bool = False
    """Of a window in which languages may mix: nowhere in it is the language plain. Engines leave it as it is."""
    encoded: Any = None
    """Opaque; kept only while the language is still open, to be handed back in a Job."""


class AsrEngine(Protocol):
    """Recognises speech."""

    languages: tuple[str, ...]
    """ISO 639-1 codes it was trained for."""
    batch_size: int
    """Jobs it likes to decode together."""
    replicas: int
    """Batches it can decode at once."""

    def group(self, job: Job) -> Hashable:
        """Jobs of equal group can be decoded in one batch."""
        ...

    def decode(self, jobs: Sequence[Job]) -> list[Decoded]:
        """Decodes jobs of one group; the results are in their order.

        Raises:
            OutOfMemory: the batch does not fit; a smaller one may.
            EngineFailure: the batch could not be computed; nothing of it was kept.
        """
        ...

    def close(self) -> None:
        """Gives its memory back; no call may follow."""
        ...
