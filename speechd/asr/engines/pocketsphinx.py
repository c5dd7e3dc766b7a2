"""CMU PocketSphinx with the US English model of its package: English of people, offline.

It knows words of a dictionary and how they follow each other; it writes no punctuation, and capitals only where English
always has them. Its decoder is deterministic and takes no prompt, no hot words and no temperature. A window is decoded
as a whole, and its words are then assigned to the speech regions. Cutting first loses words at the edges (word error
rate .140 instead of .064 on 15 sentences of flite's slt, .305 instead of .253 on 10 clips of people).
"""

import json
import re
import sys
from collections.abc import Hashable, Iterator, Sequence
from pathlib import Path

import numpy as np

from speechd.asr.engine import Decoded, Job
from speechd.asr.engines import pocketsphinx_process
from speechd.asr.engines.engine_process import EngineProcesses
from speechd.types import Samples, Segment, TokenLogprob, Window, Word

SPHINX_FRAME_SECONDS = 0.01
QUIET_RMS = 2 / 32_768
"""Two steps of 16-bit PCM: nothing louder is digital silence, in which PocketSphinx invents a word."""
ALTERNATIVE = re.compile(r"\(\d+\)$")
"""How the dictionary marks a word's second pronunciation: `the(2)`."""
FIRST_PERSON = re.compile(r"^i(?='|$)")

SphinxWord = tuple[str, int, int, float]
"""A word, its first and last frame, and the natural logarithm of its posterior probability."""


class SphinxEngine:
    """PocketSphinx in processes of its own, one for each window that is decoded at the same time."""

    def __init__(self, folder: Path, replicas: int = 1, timeout: float = 120.0) -> None:
        """
        Args:
            folder: holds the acoustic model `en-us`, the language model and the dictionary.
            replicas: windows decoded at once. Each further process starts when it is needed.
            timeout: seconds for a window, after which its process is killed.

        Raises:
            EngineFailure: PocketSphinx is not installed or cannot load them.
        """
        self.languages: tuple[str, ...] = ("en",)
        self.batch_size = 1
        self.replicas = replicas
        command = [sys.executable, "-P", str(pocketsphinx_process.__file__), str(folder)]
        self._processes = EngineProcesses("pocketsphinx", command, timeout)

    def group(self, job: Job) -> Hashable:
        return None

    def decode(self, jobs: Sequence[Job]) -> list[Decoded]:
        return [self._decode(job) for job in jobs]

    def interrupt(self) -> None:
        """See speechd.asr.engine.Interruptible."""
        self._processes.interrupt()

    def close(self) -> None:
        self._processes.close()

    def _decode(self, job: Job) -> Decoded:
        if job.detect:
            return Decoded((), "en", {"en": 1.0}, heard=0.0)
        silent = not np.any(np.abs(job.window.samples) > QUIET_RMS)
        words = [] if silent else [_timed(heard) for heard in self._hear(job.window.samples)]
        segments = (_segment(start, end, group, job) for start, end, group in _by_region(words, job.window))
        return Decoded(tuple(segments), "en", {"en": 1.0})

    def _hear(self, samples: Samples) -> list[SphinxWord]:
        """The words in the samples.

        Raises:
            EngineFailure: the process hung or died.
        """
        pcm = np.round(np.clip(samples, -1, 1) * 32_767).astype("<i2").tobytes()
        answer = self._processes.ask(pocketsphinx_process.HEADER.pack(len(pcm)) + pcm)
        return [(word, start, end, score) for word, start, end, score in json.loads(answer)]


def _timed(heard: SphinxWord) -> tuple[Word, float]:
    """A word on the window's clock, and the log-probability behind it."""
    spelled, first, last, score = heard
    text = FIRST_PERSON.sub("I", ALTERNATIVE.sub("", spelled))
    score = min(0.0, score)
    return Word(text, first * SPHINX_FRAME_SECONDS, (last + 1) * SPHINX_FRAME_SECONDS, float(np.exp(score))), score


ScoredWord = tuple[Word, float]


def _by_region(words: Sequence[ScoredWord], window: Window) -> Iterator[tuple[float, float, list[ScoredWord]]]:
    """Words by speech region: one segment for each region that they are in or next to."""
    regions = window.speech or ((0.0, window.duration),)
    groups: list[list[ScoredWord]] = [[] for _ in regions]
    for word, score in words:
        middle = (word.start + word.end) / 2
        nearest = min(range(len(regions)), key=lambda i: max(regions[i][0] - middle, middle - regions[i][1], 0.0))
        groups[nearest].append((word, score))
    for group in filter(None, groups):
        yield group[0][0].start, min(group[-1][0].end, window.duration), group


def _segment(start: float, end: float, words: Sequence[ScoredWord], job: Job) -> Segment:
    text = "".join(f" {word.word}" for word, _ in words)
    return Segment(
        start=start,
        end=end,
        text=text,
        avg_logprob=sum(score for _, score in words) / len(words),
        words=tuple(word for word, _ in words) if job.options.word_timestamps else (),
        logprobs=tuple(_logprob(*each) for each in words) if job.options.logprobs else (),
    )


def _logprob(word: Word, score: float) -> TokenLogprob:
    return TokenLogprob(f" {word.word}", score, tuple(f" {word.word}".encode()))
