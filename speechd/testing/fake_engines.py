"""Instant, deterministic stand-ins for the engines, for tests of everything around them."""

import time
from collections.abc import Hashable, Sequence
from dataclasses import replace

import numpy as np

from speechd.asr.diarization.engine import SpeakerWindows
from speechd.asr.engine import Decoded, Job
from speechd.audio.limiter import limited
from speechd.tts.engine import PHONEMES, Spoken, SynthesisOptions, VoiceInfo
from speechd.types import SAMPLE_RATE, Samples, Segment, TokenLogprob, Word


class FakeAsr:
    """Hears, in every speech region of a window, the words `speech at <second>`."""

    def __init__(
        self,
        languages: tuple[str, ...] = ("en", "es", "de"),
        batch_size: int = 8,
        replicas: int = 1,
        delay: float = 0.0,
        regions_heard: int | None = None,
    ) -> None:
        """
        Args:
            regions_heard: speech regions after which it ends a window early, as Whisper may; None: never.
        """
        self.languages = languages
        self.batch_size = batch_size
        self.replicas = replicas
        self.closed = False
        self.batches: list[list[Job]] = []
        """What it was asked, batch by batch."""
        self._delay = delay
        self._regions_heard = regions_heard

    def group(self, job: Job) -> Hashable:
        return job.options.temperature

    def decode(self, jobs: Sequence[Job]) -> list[Decoded]:
        time.sleep(self._delay * len(jobs))
        self.batches.append(list(jobs))
        return [self._decode(job) for job in jobs]

    def close(self) -> None:
        self.closed = True

    def _decode(self, job: Job) -> Decoded:
        allowed = job.options.languages or self.languages
        language = job.options.language or allowed[0]
        if job.detect:
            return Decoded((), language, {language: 1.0}, heard=0.0)
        segments = tuple(_segment(job, start, end) for start, end in job.window.speech)
        kept = len(segments) if self._regions_heard is None else self._regions_heard
        heard = segments[kept - 1].end if kept < len(segments) else job.window.duration
        return Decoded(segments[:kept], language, {language: 1.0}, heard=heard)


def _segment(job: Job, start: float, end: float) -> Segment:
    texts = ["speech", "at", f"{job.window.start + start:.0f}."]
    step = (end - start) / len(texts)
    words = tuple(Word(text, start + i * step, start + (i + 1) * step, 0.9) for i, text in enumerate(texts))
    segment = Segment(start, end, " " + " ".join(texts), tokens=(1, 2, 3), avg_logprob=-0.1)
    if job.options.word_timestamps:
        segment = replace(segment, words=words)
    if job.options.logprobs:
        logprobs = tuple(TokenLogprob(" " + text, -0.1, tuple(f" {text}".encode())) for text in texts)
        segment = replace(segment, logprobs=logprobs)
    return segment


class FakeTts:
    """Says each word as 0.2 s of a 220 Hz tone, with 0.1 s of silence around the sentence; signs say nothing."""

    def __init__(self, info: VoiceInfo | None = None, delay: float = 0.0) -> None:
        self.info = info or VoiceInfo(sample_rate=16_000, language="en", slowest=0.5, fastest=1.5)
        self.closed = False
        self.said: list[str] = []
        """What it was asked, sentence by sentence."""
        self._delay = delay

    def synthesize(self, sentence: str, options: SynthesisOptions) -> Spoken:
        time.sleep(self._delay)
        self.said.append(sentence)
        texts = [text for text in sentence.translate(_NO_BRACKETS).split() if any(map(str.isalnum, text))]
        if not texts:
            return Spoken(np.zeros(0, np.float32))
        step, edge = 0.2 / options.speed, 0.1 / options.speed
        clock = np.arange(round((2 * edge + step * len(texts)) * self.info.sample_rate)) / self.info.sample_rate
        sounding = (clock >= edge) & (clock < edge + step * len(texts))
        samples = np.where(sounding, 0.5 * np.sin(2 * np.pi * 220 * clock), 0).astype(np.float32)
        words = [Word(text, edge + n * step, edge + (n + 1) * step) for n, text in enumerate(texts)]
        return Spoken(
            limited(samples * np.float32(options.gain), self.info.sample_rate), tuple(words) if options.words else ()
        )

    def close(self) -> None:
        self.closed = True


_NO_BRACKETS = str.maketrans(dict.fromkeys("".join(PHONEMES)))


class FakeSpeakers:
    """Tells speakers apart by the loudness of their windows: each 3 dB are another voice. Windows are 1 s long."""

    dimensions = 32

    def __init__(self) -> None:
        self.closed = False

    def embed(self, samples: Samples, spans: Sequence[tuple[float, float]]) -> SpeakerWindows:
        times = [(start + n, min(start + n + 1, end)) for start, end in spans for n in range(round(end - start + 0.2))]
        windows = [samples[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)] for start, end in times]
        voices = np.array([_loudness(window) // 3 for window in windows], np.int64)
        embeddings = np.eye(self.dimensions, dtype=np.float32)[voices % self.dimensions]
        starts, ends = np.array(times, float).reshape(-1, 2).T
        return SpeakerWindows(starts, ends, embeddings)

    def close(self) -> None:
        self.closed = True


def _loudness(samples: Samples) -> float:
    """Decibels above -96 dBFS."""
    return float(96 + 10 * np.log10(max(np.square(samples, dtype=np.float64).mean(), 10**-9.6)))
