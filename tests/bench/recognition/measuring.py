"""Runs the loads: all peers in turn within each round, so that what disturbs the machine disturbs them alike."""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import numpy as np

from tests.bench.recognition.loads import Load, clips
from tests.bench.recognition.peers import RunningPeer
from tests.bench.recognition.usage import cpu_seconds, peak_megabytes, reset_peak
from tests.support.wer import Score, score


@dataclass(frozen=True)
class Sample:
    """One load, done once by one peer."""

    seconds: float
    """Wall clock."""
    cpu_seconds: float
    peak_megabytes: float
    score: Score
    clip_seconds: tuple[float, ...] = field(default=(), repr=False)
    """Of each clip that was sent beside the load."""
    slowdown: float = 0.0
    """Time of the load beside the clips, over its time alone."""


@dataclass(frozen=True)
class Row:
    """A load by a peer, in all rounds."""

    load: str
    peer: str
    samples: tuple[Sample, ...]

    @property
    def seconds(self) -> float:
        return statistics.median(sample.seconds for sample in self.samples)

    @property
    def cpu_seconds(self) -> float:
        return statistics.median(sample.cpu_seconds for sample in self.samples)

    @property
    def peak_megabytes(self) -> float:
        return max(sample.peak_megabytes for sample in self.samples)

    @property
    def score(self) -> Score:
        return sum((sample.score for sample in self.samples), Score(0, 0))

    @property
    def lost(self) -> float:
        """Runs of words that were lost, a round."""
        return len(self.score.lost) / len(self.samples)

    @property
    def clips(self) -> tuple[float, float]:
        """The 50th and the 95th percentile of the clips beside it, in seconds."""
        waits = [wait for sample in self.samples for wait in sample.clip_seconds]
        return float(np.quantile(waits, 0.5)), float(np.quantile(waits, 0.95))

    @property
    def slowdown(self) -> float:
        return statistics.median(sample.slowdown for sample in self.samples)

    def over(self, other: "Row", what: str) -> float:
        """The median over the rounds of this one's `seconds` or `cpu_seconds` over the other's."""
        pairs = zip(self.samples, other.samples, strict=True)
        return statistics.median(getattr(mine, what) / getattr(its, what) for mine, its in pairs)


async def measured(
    name: str, load: Load, peers: Mapping[str, RunningPeer], rounds: int, tell: Callable[[str], None]
) -> AsyncIterator[Row]:
    """The rows of a load, once all its rounds are done."""
    samples: dict[str, list[Sample]] = {peer: [] for peer in peers}
    once = beside if load.beside else sample
    for peer in peers.values():
        await peer.ask(load.recordings[0] if len(load.recordings) > 1 else clips(1, 2, 8)[0], load.words)
    for number in range(1, rounds + 1):
        for peer, running in peers.items():
            tell(f"{load.title}: {peer}, round {number} of {rounds}")
            samples[peer].append(await once(load, running))
    for peer, found in samples.items():
        yield Row(name, peer, tuple(found))


async def sample(load: Load, peer: RunningPeer) -> Sample:
    """All recordings of a load, so many at once."""
    reset_peak(peer.pid)
    cpu, started, waiting = cpu_seconds(peer.pid), time.perf_counter(), iter(enumerate(load.recordings))
    texts: dict[int, str] = {}

    async def client() -> None:
        for number, recording in waiting:
            texts[number] = await peer.ask(recording, load.words)

    await asyncio.gather(*(client() for _ in range(load.clients)))
    took = time.perf_counter() - started
    used = cpu_seconds(peer.pid) - cpu
    return Sample(took, used, peak_megabytes(peer.pid), _scored(load, [texts[number] for number in sorted(texts)]))


async def beside(load: Load, peer: RunningPeer) -> Sample:
    """A load alone, then once more with a clip of 3 s each second."""
    alone = await sample(load, peer)
    short, waits, asked = clips(12, 2.7, 3.3), list[float](), list[asyncio.Task[None]]()

    async def ask(number: int) -> None:
        started = time.perf_counter()
        await peer.ask(short[number % len(short)], False)
        waits.append(time.perf_counter() - started)

    work = asyncio.create_task(sample(load, peer))
    async with AsyncExitStack() as leaving:
        leaving.callback(work.cancel)
        while not work.done():
            asked.append(asyncio.create_task(ask(len(asked))))
            await asyncio.wait([work], timeout=1)
        await asyncio.gather(*asked)
    both = work.result()
    slowdown = both.seconds / alone.seconds
    return Sample(both.seconds, both.cpu_seconds, both.peak_megabytes, both.score, tuple(waits), slowdown)


def _scored(load: Load, texts: Sequence[str]) -> Score:
    pairs: Iterable[tuple[str, str]] = zip((each.text for each in load.recordings), texts, strict=True)
    return sum((score(said, text) for said, text in pairs), Score(0, 0))
