"""CMU PocketSphinx with the US English model that its package carries: a person's English, offline.

It knows words of a dictionary and how they follow each other; it writes no punctuation, and capitals only where English
always has them. Its decoder is deterministic and takes no prompt, no hot words and no temperature. A window is decoded
as a whole and its words are then shared out to the speech regions: cut there first, words at the edges are lost (word
error rate .140 instead of .064 on 15 sentences of flite's slt, .305 instead of .253 on 10 clips of people).
"""

import json
import re
import subprocess
import sys
import threading
from collections.abc import Hashable, Iterator, Sequence
from pathlib import Path

import numpy as np

from speechd.asr import sphinx_worker
from speechd.asr.engine import Decoded, Job
from speechd.asr.sphinx_worker import HEADER
from speechd.errors import EngineFailure
from speechd.types import Samples, Segment, TokenLogprob, Window, Word

FRAME_SECONDS = 0.01
ALTERNATIVE = re.compile(r"\(\d+\)$")
"""How the dictionary marks a word's second pronunciation: `the(2)`."""
FIRST_PERSON = re.compile(r"^i(?='|$)")

Heard = tuple[str, int, int, float]
"""A word, its first and last frame, and the natural logarithm of its posterior probability."""


class SphinxEngine:
    """PocketSphinx in a process of its own."""

    def __init__(self, folder: Path) -> None:
        """
        Args:
            folder: holds the acoustic model `en-us`, the language model and the dictionary.

        Raises:
            EngineFailure: PocketSphinx is not installed or cannot load them.
        """
        self.languages: tuple[str, ...] = ("en",)
        self.batch_size = 1
        self.replicas = 1
        self._folder = folder
        self._guard = threading.Lock()
        self._process = self._start()

    def group(self, job: Job) -> Hashable:
        return None

    def decode(self, jobs: Sequence[Job]) -> list[Decoded]:
        return [self._decode(job) for job in jobs]

    def close(self) -> None:
        with self._guard:
            self._stop()

    def _decode(self, job: Job) -> Decoded:
        words = [_timed(heard) for heard in self._hear(job.window.samples)]
        segments = (_segment(start, end, group, job) for start, end, group in _by_region(words, job.window))
        return Decoded(tuple(segments), "en", {"en": 1.0})

    def _hear(self, samples: Samples) -> list[Heard]:
        """What the process says of the samples; a process that died is replaced for the next one."""
        pcm = np.round(np.clip(samples, -1, 1) * 32_767).astype("<i2").tobytes()
        with self._guard:
            try:
                stream = self._process.stdin
                if stream is None:
                    raise EngineFailure
                stream.write(HEADER.pack(len(pcm)) + pcm)
                stream.flush()
                return self._answer(self._process)
            except (OSError, EngineFailure) as error:
                self._stop()
                self._process = self._start()
                raise EngineFailure("PocketSphinx broke off on this recording.") from error

    def _start(self) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-P", str(sphinx_worker.__file__), str(self._folder)]
        process = subprocess.Popen(  # noqa: S603 - our own module
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._answer(process)  # says that it has loaded the model
        return process

    def _answer(self, process: "subprocess.Popen[bytes]") -> list[Heard]:
        line = process.stdout.readline() if process.stdout else b""
        if not line.endswith(b"\n"):
            process.kill()
            process.wait()
            raise EngineFailure("PocketSphinx could not load its model.")
        return [(word, start, end, score) for word, start, end, score in json.loads(line)]

    def _stop(self) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                stream.close()


def _timed(heard: Heard) -> tuple[Word, float]:
    """A word on the window's clock, and the log-probability behind it."""
    spelled, first, last, score = heard
    text = FIRST_PERSON.sub("I", ALTERNATIVE.sub("", spelled))
    score = min(0.0, score)
    return Word(text, first * FRAME_SECONDS, (last + 1) * FRAME_SECONDS, float(np.exp(score))), score


Scored = tuple[Word, float]


def _by_region(words: Sequence[Scored], window: Window) -> Iterator[tuple[float, float, list[Scored]]]:
    """Words by the speech region that they lie in or next to: one segment each."""
    regions = window.speech or ((0.0, window.duration),)
    groups: list[list[Scored]] = [[] for _ in regions]
    for word, score in words:
        middle = (word.start + word.end) / 2
        nearest = min(range(len(regions)), key=lambda i: max(regions[i][0] - middle, middle - regions[i][1], 0.0))
        groups[nearest].append((word, score))
    for group in filter(None, groups):
        yield group[0][0].start, min(group[-1][0].end, window.duration), group


def _segment(start: float, end: float, words: Sequence[Scored], job: Job) -> Segment:
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
