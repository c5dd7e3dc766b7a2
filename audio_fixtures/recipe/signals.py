"""Recordings put together from utterances, and sounds without speech. All of them are seeded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from recipe.voices import RATE, Samples, Utterance, Word

EDGE = 0.2
"""Seconds of silence before the first and after the last word of a clip."""


@dataclass(frozen=True)
class Turn:
    """What one side of a call says without a break."""

    channel: int
    """From 1."""
    start: float
    end: float
    text: str


@dataclass(frozen=True)
class Recording:
    """Samples and what is said in them."""

    samples: Samples
    """Float32 at `RATE` Hz: shape (frames,), or (frames, channels)."""
    text: str = ""
    """Everything that is said, in order."""
    words: tuple[Word, ...] = ()
    """The words with their times in this recording."""
    turns: tuple[Turn, ...] = ()
    """Who speaks when, by their starts; their words overlap where they do."""

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return len(self.samples) / RATE


def silence(seconds: float) -> Samples:
    """Digital silence."""
    return np.zeros(round(seconds * RATE), np.float32)


def sequence(parts: Iterable[tuple[Utterance, float]]) -> Recording:
    """Utterances one after the other, each followed by its pause, silence at both ends."""
    pieces, words, texts = [silence(EDGE)], [], []
    for utterance, pause in parts:
        offset = sum(map(len, pieces)) / RATE
        words += [word.later(offset) for word in utterance.words]
        texts.append(utterance.text)
        pieces += [utterance.samples, silence(pause)]
    return Recording(np.concatenate([*pieces, silence(EDGE)]), " ".join(texts), tuple(words))


def clip(utterance: Utterance) -> Recording:
    """One utterance with silence at both ends."""
    return sequence([(utterance, 0.0)])


def random_pauses(utterances: Sequence[Utterance], seed: int) -> Recording:
    """Utterances with pauses of 0.4 to 1.5 s between them."""
    pauses = np.random.default_rng(seed).uniform(0.4, 1.5, len(utterances))
    return sequence(zip(utterances, pauses.round(2), strict=True))


def in_channel(recording: Recording, channel: int, channels: int) -> Recording:
    """The same recording in one of several channels, the others silent."""
    samples = np.zeros((len(recording.samples), channels), np.float32)
    samples[:, channel] = recording.samples
    return Recording(samples, recording.text, recording.words)


def take_turns(left: Utterance, right: Utterance) -> Recording:
    """Two speakers in stereo: the left one speaks, then the right one."""
    both = sequence([(left, 0.6), (right, 0.0)])
    turn = round((EDGE + left.duration + 0.3) * RATE)
    samples = np.stack([both.samples, both.samples], axis=1)
    samples[turn:, 0] = 0.0
    samples[:turn, 1] = 0.0
    return Recording(samples, both.text, both.words)


def call(turns: Sequence[tuple[int, float, Utterance]]) -> Recording:
    """A call in stereo: each side on its own channel, whether or not the other one speaks."""
    end = max(start + utterance.duration for _, start, utterance in turns)
    samples = np.zeros((round((end + EDGE) * RATE), 2), np.float32)
    for channel, start, utterance in turns:
        first = round(start * RATE)
        samples[first : first + len(utterance.samples), channel - 1] += utterance.samples
    return Recording(
        samples,
        " ".join(utterance.text for _, _, utterance in turns),
        tuple(word.later(start) for _, start, utterance in turns for word in utterance.words),
        tuple(Turn(channel, start, start + said.duration, said.text) for channel, start, said in turns),
    )


def with_noise(recording: Recording, decibels: float, seed: int) -> Recording:
    """White noise under the whole recording, `decibels` below the mean power of its speech."""
    speech = recording.samples[np.abs(recording.samples) > 0]
    power = float((speech**2).mean()) / 10 ** (decibels / 10)
    noise = np.random.default_rng(seed).normal(0.0, power**0.5, len(recording.samples))
    samples = np.clip(recording.samples + noise, -1, 1).astype(np.float32)
    return Recording(samples, recording.text, recording.words)


def white_noise(seconds: float) -> Recording:
    """White noise at -26 dBFS RMS."""
    noise = np.random.default_rng(1).normal(0.0, 0.05, round(seconds * RATE))
    return Recording(noise.astype(np.float32))


def hum(seconds: float) -> Recording:
    """Mains hum: 50 Hz and its odd harmonics."""
    time = np.arange(round(seconds * RATE)) / RATE
    wave = np.sum([np.sin(2 * np.pi * 50 * k * time) / k for k in (1, 3, 5, 7)], axis=0)
    return Recording((0.1 * wave).astype(np.float32))


def clicks(seconds: float) -> Recording:
    """About three single-sample clicks a second over silence."""
    chance = np.random.default_rng(2).random(round(seconds * RATE))
    return Recording(np.where(chance < 3 / RATE, 0.8, 0.0).astype(np.float32))


def tones(seconds: float) -> Recording:
    """Music-like: a plucked chord of three decaying notes every half second."""
    samples = silence(seconds)
    chords = ((262, 330, 392), (220, 262, 330), (175, 220, 262), (196, 247, 294))
    length = RATE // 2
    time = np.arange(length) / RATE
    for index in range(len(samples) // length):
        notes = chords[index % len(chords)]
        partials = [
            np.sin(2 * np.pi * note * harmonic * time) / harmonic**2 for note in notes for harmonic in (1, 2, 3)
        ]
        chord = np.sum(partials, axis=0)
        samples[index * length : (index + 1) * length] = 0.15 * chord * np.exp(-4 * time)
    return Recording(samples)
