"""Transcriptions that several servers would compute: one computes, and the others take its result."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Literal, Protocol

from speechd.types import Segment, Transcript


@dataclass(frozen=True, slots=True)
class FoundResult:
    """What another server has computed."""

    transcript: Transcript
    status: Literal["joined", "hit"]
    """It was computed while this server waited, or before."""


class ClaimedResult(Protocol):
    """This server's right to compute a result. One of both calls ends it, the first; neither waits."""

    def publish(self, transcript: Transcript) -> None:
        """Gives the result to other servers."""
        ...

    def release(self) -> None:
        """There is no result: another server that waits computes it."""
        ...


class ResultExchange(Protocol):
    """The results of all servers."""

    async def obtain(self, id: str) -> FoundResult | ClaimedResult | None:
        """Waits while another server computes this result.

        Returns:
            The result, the right to compute it, or None where it is computed without the others: there are none, or
            the database is away.
        """
        ...


async def computed_once(
    exchange: ResultExchange,
    id: str,
    compute: Callable[[], AsyncGenerator[Segment | Transcript, None]],
    found: Callable[[FoundResult], None],
) -> AsyncGenerator[Segment | Transcript, None]:
    """The parts of a transcription that one of all servers computes.

    Args:
        id: of the result: equal for requests that must have equal answers.
        compute: begins it here.
        found: told of what another server has computed.
    """
    result = await exchange.obtain(id)
    if isinstance(result, FoundResult):
        found(result)
        for segment in result.transcript.segments:
            yield segment
        yield result.transcript
        return
    try:
        async with aclosing(compute()) as parts:
            async for part in parts:
                if result is not None and isinstance(part, Transcript):
                    result.publish(part)
                yield part
    finally:
        if result is not None:
            result.release()
