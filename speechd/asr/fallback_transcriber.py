"""Two recognisers: the first transcribes the beginning, and the second takes over where the first is unsure.

For `model=auto` where only embedded models are installed: whisper-pocket is exact on the sentences it was trained on
and writes other sentences of that kind over everything else, with a lower log-probability; PocketSphinx makes errors
everywhere and understands a person's English.
"""

import contextlib
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from speechd.asr.hallucination import mean_logprob
from speechd.priority import PrioritySource, interactive
from speechd.types import Segment, TranscribeOptions, Transcriber, Transcript

SECONDS_HEARD = 20.0
"""Seconds of speech that decide between them; the whole recording where it is shorter."""


@dataclass(slots=True)
class FallbackTranscriber:
    """Transcribes with one of two recognisers."""

    first: Transcriber
    second: Transcriber
    language: str
    """The one language of the second."""
    min_logprob: float
    """Mean log-probability from which the result of the first is used."""
    model: str = ""
    """See speechd.types.Transcriber. Before the decision it names both."""

    def __post_init__(self) -> None:
        self.model = f"{self.first.model} or {self.second.model}"

    async def stream(
        self, audio: BinaryIO, options: TranscribeOptions, priority: PrioritySource = interactive, caller: str = ""
    ) -> AsyncGenerator[Segment | Transcript, None]:
        """See speechd.types.Transcriber."""
        async with contextlib.aclosing(self.first.stream(audio, options, priority, caller)) as parts:
            heard = [part async for part in _beginning(parts)]
            self.model = self.first.model
            if not self._hand_over(heard):
                for part in heard:
                    yield part
                async for part in parts:
                    yield part
                return
        audio.seek(0)
        self.model = self.second.model
        async with contextlib.aclosing(self.second.stream(audio, options, priority, caller)) as parts:
            async for part in parts:
                yield part

    def _hand_over(self, heard: Sequence[Segment | Transcript]) -> bool:
        segments = [part for part in heard if isinstance(part, Segment)]
        mean = mean_logprob(segments)
        if mean is None or segments[0].language != self.language:
            return False  # where the first finds no words, the second might invent some
        return mean < self.min_logprob


async def _beginning(parts: AsyncGenerator[Segment | Transcript, None]) -> AsyncGenerator[Segment | Transcript, None]:
    """The parts until there is enough speech to decide, or all."""
    seconds = 0.0
    async for part in parts:
        yield part
        seconds += part.duration if isinstance(part, Segment) else 0.0
        if seconds >= SECONDS_HEARD:
            return
