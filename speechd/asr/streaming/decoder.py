"""A loaded recogniser as live transcription uses it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from speechd.asr.batcher import Batcher
from speechd.asr.engine import Decoded, Job

DUE = 1.0
"""Seconds after which a hypothesis is wanted. By then it goes before every upload that came later."""


class WindowDecoder(Protocol):
    """Decodes single windows; local or remote."""

    @property
    def longest(self) -> float:
        """Seconds of audio in one window."""
        ...

    async def decode(self, job: Job) -> Decoded:
        """Decodes one window ahead of uploads that come later.

        Raises:
            Overloaded, EngineFailure: see speechd.asr.batcher.Batcher.
        """
        ...


@dataclass(frozen=True, slots=True)
class StreamingDecoder:
    """Decodes the hypotheses of live turns among all other windows of a model."""

    batcher: Batcher
    longest: float
    """Seconds of audio in one window."""
    caller: str = ""
    """Id of the key that it is for."""
    clock: Callable[[], float] = time.monotonic
    """The batcher's."""

    async def decode(self, job: Job) -> Decoded:
        """The hypothesis takes no room in the queue, so that no upload and no final text is refused because of it.

        Raises:
            Overloaded, EngineFailure: see Batcher.
        """
        with self.batcher.reserve(0.0, caller=self.caller) as queued:
            queued.due = self.clock() + DUE
            return await self.batcher.decode(job, queued)
