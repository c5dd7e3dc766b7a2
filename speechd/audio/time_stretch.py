"""Speech made faster or slower without changing its pitch, and exactly as long as asked."""

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np

from speechd.types import Samples

SLOWEST, FASTEST = 0.25, 5.0
"""Speeds that are accepted: the union of OpenAI's 0.25 to 4 and Groq's 0.5 to 5."""
MAX_PER_FILTER = 2.0
"""FFmpeg's `atempo` drops whole stretches of sound above a factor of 2 (its documentation). So filters are chained."""
FEED = 1024
"""Samples for each call of the filter. It returns one result for each frame, so larger frames add delay."""
TAIL = 0.25
"""Seconds of silence that push the end of the sound through the filter; they are cut off again."""


def factors(speed: float) -> list[float]:
    """Equal factors between 0.5 and 2 whose product is the speed; none for speed 1."""
    if speed == 1.0:
        return []
    count = max(1, math.ceil(abs(math.log(speed)) / math.log(MAX_PER_FILTER) - 1e-9))
    return [speed ** (1 / count)] * count


class Tempo:
    """Stretches one stream of samples: feed it piece by piece, then flush it.

    `atempo` (WSOLA) ends a few milliseconds short or long, more for short inputs; what comes out in all is trimmed or
    padded to exactly `round(samples fed / speed)`, so the ratio holds from one word up.
    """

    def __init__(self, sample_rate: int, speed: float) -> None:
        """
        Args:
            sample_rate: Hz, of input and output.
            speed: how many times shorter the output is; 1 passes everything through.
        """
        self._speed = speed
        self._rate = sample_rate
        self._fed = 0
        self._given = 0
        self._held: Samples = np.zeros(0, np.float32)
        self._graph = _graph(sample_rate, factors(speed)) if speed != 1.0 else None

    def feed(self, samples: Samples) -> Samples:
        """Takes samples and returns those that are ready, often fewer or none.

        What the filter gave beyond `samples fed / speed` is held back: the end may have to be cut there.
        """
        self._fed += len(samples)
        if self._graph is None:
            return samples
        for start in range(0, len(samples), FEED):
            self._graph.push(self._frame(samples[start : start + FEED]))
        self._collect()
        return self._give(self._wanted)

    def flush(self) -> Samples:
        """The rest, so that exactly `round(samples fed / speed)` samples have come out."""
        if self._graph is None:
            return np.zeros(0, np.float32)
        self._graph.push(self._frame(np.zeros(round(TAIL * self._rate), np.float32)))
        self._graph.push(None)
        self._collect()
        missing = self._wanted - self._given - len(self._held)
        if missing > 0:
            self._held = np.pad(self._held, (0, missing))
        return self._give(self._wanted)

    @property
    def _wanted(self) -> int:
        return round(self._fed / self._speed)

    def _give(self, until: int) -> Samples:
        ready, self._held = np.split(self._held, [max(0, min(len(self._held), until - self._given))])
        self._given += len(ready)
        return ready

    def _collect(self) -> None:
        self._held = np.concatenate([self._held, *_pulled(self._graph)])

    def _frame(self, samples: Samples) -> Any:
        import av

        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples)[None], format="flt", layout="mono")
        frame.sample_rate = self._rate
        frame.time_base = Fraction(1, self._rate)
        return frame


def stretched(samples: Samples, sample_rate: int, speed: float) -> Samples:
    """All samples at another speed; exactly `round(len(samples) / speed)` of them."""
    tempo = Tempo(sample_rate, speed)
    return np.concatenate([tempo.feed(samples), tempo.flush()])


def _graph(sample_rate: int, speeds: list[float]) -> Any:
    import av.filter

    graph = av.filter.Graph()
    source = graph.add_abuffer(sample_rate=sample_rate, format="flt", layout="mono", time_base=Fraction(1, sample_rate))
    nodes = [source, *(graph.add("atempo", f"{speed:.9f}") for speed in speeds), graph.add("abuffersink")]
    graph.link_nodes(*nodes)
    graph.configure()
    return graph


def _pulled(graph: Any) -> Iterator[Samples]:
    import av

    while True:
        try:
            yield graph.pull().to_ndarray()[0]
        except (av.BlockingIOError, av.EOFError):
            return
