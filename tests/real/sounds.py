"""Sounds without speech, and speech with such sounds under it; all mono float32 in [-1, 1] at 16 kHz, shape (n,)."""

import numpy as np

from speechd.types import SAMPLE_RATE, Samples

CHORDS = ((220.0, 261.6, 329.6), (174.6, 220.0, 261.6), (261.6, 329.6, 392.0), (196.0, 246.9, 293.7))
"""Hz of a minor, F, C and G."""
BEAT = 0.5
"""Seconds, 120 beats a minute."""


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * SAMPLE_RATE), np.float32)


def white_noise(seconds: float, level: float = 0.05, seed: int = 0) -> Samples:
    """Gaussian noise of this RMS."""
    noise = np.random.default_rng(seed).normal(0, level, round(seconds * SAMPLE_RATE))
    return np.clip(noise, -1, 1).astype(np.float32)


def pink_noise(seconds: float, level: float = 0.05, seed: int = 0) -> Samples:
    """Noise of this RMS whose power falls with 1/f, as of wind, rooms and roads."""
    spectrum = np.fft.rfft(white_noise(seconds, seed=seed))
    spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), 1))
    return _at_level(np.fft.irfft(spectrum, round(seconds * SAMPLE_RATE)), level)


def tones(seconds: float, level: float = 0.1) -> Samples:
    """A dialling tone, 350 and 440 Hz, for 2 of every 6 s."""
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    tone = np.sin(2 * np.pi * 350 * time) + np.sin(2 * np.pi * 440 * time)
    return _at_level(tone * (time % 6 < 2), level)


def music(seconds: float, level: float = 0.1, seed: int = 0) -> Samples:
    """Four chords in turn with an arpeggio above them, a bass drum on each beat and a snare on each second."""
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    beat = (time / BEAT).astype(int)
    roots = np.array(CHORDS)[(beat // 4) % len(CHORDS)]  # (n, 3)
    pad = sum(_note(roots[:, voice], time) for voice in range(3))
    within = time % BEAT
    picked = 2 * roots[np.arange(len(time)), (time / (BEAT / 2)).astype(int) % 3]
    arpeggio = _note(picked, time) * np.exp(-6 * (time % (BEAT / 2)))
    kick = np.sin(2 * np.pi * 55 * within) * np.exp(-18 * within)
    snare = np.random.default_rng(seed).normal(0, 1, len(time)) * np.exp(-25 * within) * (beat % 2)
    return _at_level(0.25 * pad + 0.6 * arpeggio + 1.5 * kick + 0.5 * snare, level)


def mixed_at(speech: Samples, other: Samples, decibels: float) -> Samples:
    """Speech with another sound under it, `decibels` below the mean power of the speech's louder half."""
    frames = speech[: len(speech) // 800 * 800].reshape(-1, 800)
    power = np.square(frames, dtype=np.float64).mean(axis=1)
    loud = power[power >= np.median(power)].mean()
    under = other[: len(speech)] * np.sqrt(loud / np.square(other, dtype=np.float64).mean() / 10 ** (decibels / 10))
    both = speech + under
    return np.asarray(both / max(1.0, float(np.abs(both).max())), np.float32)


def _note(hertz: Samples, time: Samples) -> Samples:
    """A tone with four overtones, each half as loud as the one below."""
    return sum(0.5**number * np.sin(2 * np.pi * (number + 1) * hertz * time) for number in range(5))  # type: ignore[return-value]


def _at_level(samples: Samples, level: float) -> Samples:
    scaled = samples * (level / np.sqrt(np.square(samples).mean()))
    return np.asarray(np.clip(scaled, -1, 1), np.float32)
