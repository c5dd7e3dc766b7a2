"""Two recognisers, one recording: who is believed, on what evidence."""

import contextlib
import io
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import BinaryIO

import pytest

from speechd.asr.fallback_transcriber import SECONDS_HEARD, FallbackTranscriber
from speechd.priority import PrioritySource, interactive
from speechd.types import Segment, TranscribeOptions, Transcript


@dataclass
class Scripted:
    """Says the segments of a script, and remembers how far it was read and that it was closed."""

    model: str
    script: list[Segment]
    said: int = 0
    closed: bool = False
    positions: list[int] = field(default_factory=list)

    async def stream(
        self, audio: BinaryIO, options: TranscribeOptions, priority: PrioritySource = interactive, caller: str = ""
    ) -> AsyncGenerator[Segment | Transcript, None]:
        self.positions.append(audio.tell())
        audio.read()
        try:
            for segment in self.script:
                self.said += 1
                yield segment
            yield Transcript("transcribe", "en", 60, tuple(self.script), self.model)
        finally:
            self.closed = True


def segment(start: float, length: float, logprob: float, language: str = "en") -> Segment:
    return Segment(start, start + length, " words", avg_logprob=logprob, language=language)


async def run(first: list[Segment]) -> tuple[FallbackTranscriber, Scripted, Scripted, list[Segment | Transcript]]:
    one, two = Scripted("one", first), Scripted("two", [segment(0, 5, -1)])
    relay = FallbackTranscriber(one, two, "en", min_logprob=-0.3)
    assert relay.model == "one or two"
    async with contextlib.aclosing(relay.stream(io.BytesIO(b"audio"), TranscribeOptions())) as parts:
        return relay, one, two, [part async for part in parts]


@pytest.mark.parametrize(
    ("first", "chosen"),
    [
        ([segment(0, 2, -0.2)], "one"),
        ([segment(0, 2, -0.4)], "two"),
        ([segment(0, 2, -0.4, "de")], "one"),
        ([], "one"),
        ([segment(0, 9, -0.2), segment(9, 1, -1)], "one"),
        ([segment(0, 1, -0.2), segment(1, 9, -1)], "two"),
    ],
)
async def test_the_evidence_is_weighed_by_its_length(first: list[Segment], chosen: str) -> None:
    relay, one, two, parts = await run(first)
    assert relay.model == chosen
    assert isinstance(parts[-1], Transcript)
    assert parts[-1].model == chosen
    assert one.closed
    assert two.positions == ([0] if chosen == "two" else []), "the second hears the recording from its start"


async def test_a_long_recording_is_judged_by_its_beginning() -> None:
    script = [segment(start, 5, -0.9) for start in range(0, 600, 5)]
    relay, one, _, parts = await run(script)
    assert relay.model == "two"
    assert one.said == SECONDS_HEARD / 5
    assert len(parts) == 2


async def test_what_was_heard_is_not_lost_when_the_first_goes_on() -> None:
    script = [segment(start, 5, -0.1) for start in range(0, 100, 5)]
    _, _, _, parts = await run(script)
    assert parts[:-1] == script
