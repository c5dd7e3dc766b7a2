"""Conversations mixed from recordings of people, with who speaks when.

28 recordings of 1 to 6 people: clean, over a telephone line, with noise 15 dB below, with overlaps. Half of them are
for development; the other half has other people in it. The people were recorded in different rooms, but for the two
actors of each language, so that the channel helps to tell most of them apart. A conversation is made the same way each
time.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import soundfile
import soxr

from speechd.types import SAMPLE_RATE, Samples
from tests.real import sounds
from tests.real.debian import voices
from tests.support.diarization_error import Speaking

DEVELOPMENT = ("allison", "armelle", "carlo", "cs-m", "cs-v", "librivox")
HELD_OUT = ("july", "june", "maxim", "nl-m", "nl-v", "paola")
MANY_RECORDINGS = ("allison", "carlo", "cs-m", "nl-v")
"""Each has 20 minutes of them and more."""
WOMEN = frozenset({"allison", "armelle", "cs-m", "july", "june", "librivox", "nl-m", "paola"})
NOISE_DECIBELS = 15.0
QUIET = 0.05
"""Of an utterance's loudest 20 ms: what is quieter is a pause, where it is at an end or long."""
NOISE_FACTOR = 2.0
"""So many times its quietest twentieth is a pause, too: some recordings have hum."""
PAUSE_FRAMES = 25
"""0.5 s, of 20 ms: shorter pauses are part of a turn (as in the NIST evaluations, which take 0.3 s)."""
FADE = 160
"""Samples."""


@dataclass(frozen=True)
class Plan:
    """What a conversation is to be like."""

    speakers: int
    seconds: float
    telephone: bool = False
    noise: bool = False
    overlap: bool = False
    same_sex: bool = False

    @property
    def conditions(self) -> tuple[str, ...]:
        """The lines of the table that it counts for, beside `all`."""
        flags = {"telephone": self.telephone, "noise": self.noise, "overlap": self.overlap, "same sex": self.same_sex}
        return tuple(name for name, holds in flags.items() if holds) or ("plain",)


PLANS = (
    Plan(1, 60),
    Plan(1, 60, telephone=True, noise=True),
    Plan(2, 60),
    Plan(2, 90, telephone=True),
    Plan(2, 90, same_sex=True),
    Plan(2, 90, same_sex=True, telephone=True),
    Plan(2, 90, overlap=True),
    Plan(3, 90),
    Plan(3, 120, noise=True),
    Plan(3, 120, telephone=True, overlap=True),
    Plan(4, 120),
    Plan(4, 150, noise=True, overlap=True),
    Plan(5, 150, telephone=True),
    Plan(6, 180),
)
"""Of each half."""


@dataclass(frozen=True)
class Conversation:
    """A mixed recording."""

    name: str
    plan: Plan
    samples: Samples
    truth: tuple[Speaking, ...]

    @property
    def seconds(self) -> float:
        return len(self.samples) / SAMPLE_RATE


def conversations(half: str) -> list[Conversation]:
    """Those of one half: `development` or `held out`."""
    people = {"development": DEVELOPMENT, "held out": HELD_OUT}[half]
    return [_conversation(f"{half.replace(' ', '-')}-{n:02}", plan, people) for n, plan in enumerate(PLANS)]


def long_conversation(minutes: float) -> Conversation:
    """Of MANY_RECORDINGS, as long as nobody says the same twice: up to 80 minutes."""
    return _conversation("long", Plan(4, 60 * minutes), MANY_RECORDINGS)


def _conversation(name: str, plan: Plan, people: Sequence[str]) -> Conversation:
    choose = random.Random(name)
    speakers = _chosen(plan, people, choose)
    gains = {speaker: 10 ** (choose.uniform(-4, 4) / 20) for speaker in speakers}
    placed, truth = list[tuple[int, Samples, str]](), list[Speaking]()
    here = SAMPLE_RATE // 2
    speaker = ""
    waiting = {name: _shuffled(name, choose) for name in speakers}
    while here < plan.seconds * SAMPLE_RATE:
        able = [name for name in speakers if waiting[name]]  # nobody says the same twice
        others = [name for name in able if name != speaker] or able
        silent = [name for name in others if all(name != turn.speaker for turn in truth)]
        speaker = choose.choice(silent or others)
        for number in range(min(choose.randint(1, 3), len(waiting[speaker]))):
            samples, spoken = utterance(waiting[speaker].pop())
            if number == 0 and plan.overlap and placed and choose.random() < 0.4:
                here = max(placed[-1][0], here - round(choose.uniform(0.4, 1.5) * SAMPLE_RATE))
            placed.append((here, samples * np.float32(gains[speaker]), speaker))
            seconds = here / SAMPLE_RATE
            truth += [Speaking(seconds + start, seconds + end, speaker) for start, end in spoken]
            here += len(samples) + round(choose.uniform(0.1, 0.6) * SAMPLE_RATE)
        here += round(choose.uniform(0.0, 0.9) * SAMPLE_RATE)
    mixed = np.zeros(max(start + len(samples) for start, samples, _ in placed) + SAMPLE_RATE // 2, np.float32)
    for start, samples, _ in placed:
        mixed[start : start + len(samples)] += samples
    return Conversation(name, plan, _changed(mixed, plan), tuple(sorted(truth, key=lambda turn: turn.start)))


def _chosen(plan: Plan, people: Sequence[str], choose: random.Random) -> list[str]:
    if plan.same_sex:
        people = [name for name in people if name in WOMEN]
    return choose.sample(list(people), plan.speakers)


def _shuffled(speaker: str, choose: random.Random) -> list[Path]:
    paths = _recordings(speaker)
    return choose.sample(paths, len(paths))


@cache
def _recordings(speaker: str) -> tuple[Path, ...]:
    """Those of 1 to 8 s."""
    return tuple(path for path in voices()[speaker] if 1.0 <= soundfile.info(str(path)).duration <= 8.0)


@cache
def utterance(path: Path) -> tuple[Samples, tuple[tuple[float, float], ...]]:
    """One recording at 16 kHz without the silence at its ends, at -26 dBFS, and the stretches of speech in it."""
    samples, rate = soundfile.read(path, dtype="float32")
    samples = np.asarray(soxr.resample(samples.reshape(len(samples), -1).mean(axis=1), rate, SAMPLE_RATE), np.float32)
    frames = np.sqrt(np.square(samples[: len(samples) // 320 * 320].reshape(-1, 320)).mean(axis=1))
    loud = np.flatnonzero(frames > max(QUIET * frames.max(), NOISE_FACTOR * np.quantile(frames, 0.05)))
    cut = samples[loud[0] * 320 : (loud[-1] + 1) * 320].copy()
    ramp = np.linspace(0, 1, FADE, dtype=np.float32)
    cut[:FADE] *= ramp
    cut[-FADE:] *= ramp[::-1]
    stretches = np.split(loud - loud[0], np.flatnonzero(np.diff(loud) > PAUSE_FRAMES) + 1)
    spoken = tuple((float(part[0]) / 50, float(part[-1] + 1) / 50) for part in stretches)
    return np.asarray(cut * (0.05 / np.sqrt(np.square(cut).mean())), np.float32), spoken


def _changed(samples: Samples, plan: Plan) -> Samples:
    if plan.telephone:
        samples = telephone(samples)
    if plan.noise:
        samples = sounds.mixed_at(samples, sounds.white_noise(len(samples) / SAMPLE_RATE + 1), NOISE_DECIBELS)
    return np.clip(samples, -1, 1)


def telephone(samples: Samples) -> Samples:
    """300 to 3400 Hz, 8 kHz, 8 bits of mu-law (ITU-T G.711), and back at 16 kHz."""
    narrow = np.asarray(soxr.resample(samples, SAMPLE_RATE, 8000), np.float64)
    spectrum = np.fft.rfft(narrow)
    hertz = np.fft.rfftfreq(len(narrow), 1 / 8000)
    spectrum *= np.clip((hertz - 200) / 100, 0, 1) * np.clip((3600 - hertz) / 200, 0, 1)
    narrow = np.clip(np.fft.irfft(spectrum, len(narrow)), -1, 1)
    coded = np.round(np.sign(narrow) * np.log1p(255 * np.abs(narrow)) / np.log(256) * 127) / 127
    decoded = np.sign(coded) * np.expm1(np.abs(coded) * np.log(256)) / 255
    return np.asarray(soxr.resample(decoded, 8000, SAMPLE_RATE), np.float32)[: len(samples)]
