"""Changes of the sound, made on raw log-mel frames: (frames, 80) of log10 power.

Noise is added as power. All functions take the random generator they draw from.
"""

import random
from functools import cache

import numpy as np

from .features import BANDS, FLOOR, SAMPLE_RATE, Float, hz_to_mel, log_mel, mel_to_hz

Spans = list[tuple[float, float]]


def _warp_matrix(factor: float) -> Float:
    """Return the (80, 80) matrix that moves spectral envelopes by `factor` in frequency."""
    centres = np.linspace(0, hz_to_mel(np.array(8000.0)), BANDS + 2)[1:-1]
    source = hz_to_mel(mel_to_hz(centres) * factor)
    position = np.clip((source - centres[0]) / (centres[1] - centres[0]), 0, BANDS - 1)
    low = np.minimum(position.astype(int), BANDS - 2)
    part = (position - low).astype(np.float32)
    matrix = np.zeros((BANDS, BANDS), np.float32)
    matrix[low, np.arange(BANDS)] += 1 - part
    matrix[low + 1, np.arange(BANDS)] += part
    return matrix


_WARPS = [_warp_matrix(f) for f in (0.9, 0.92, 0.94, 0.96, 0.98, 1.02, 1.04, 1.06, 1.08, 1.1)]
_CENTRES = mel_to_hz(np.linspace(0, hz_to_mel(np.array(8000.0)), BANDS + 2)[1:-1])


def stretch(mel: Float, factor: float) -> Float:
    """Change the speed: `factor` times as many frames, linearly interpolated."""
    count = max(2, int(len(mel) * factor))
    position = np.arange(count) * (len(mel) - 1) / (count - 1)
    low = np.minimum(position.astype(int), len(mel) - 2)
    part = (position - low)[:, None].astype(np.float32)
    return mel[low] * (1 - part) + mel[low + 1] * part


def tilt(rng: random.Random, slope: float, bumps: float) -> Float:
    """Return a random colouring, (80,): a slope and seven smooth bumps, log10 power."""
    line = np.linspace(-1, 1, BANDS) * rng.uniform(-slope, slope)
    knots = [rng.gauss(0, bumps) for _ in range(7)]
    curve = np.interp(np.arange(BANDS), np.linspace(0, BANDS - 1, 7), knots)
    return (line + curve).astype(np.float32)


def reverberate(mel: Float, seconds: float, wet: float) -> Float:
    """Smear power with an exponential tail of reverberation time `seconds` (60 dB)."""
    power = 10**mel
    decay = 10 ** (-6 * 0.01 / seconds)
    tail = np.empty_like(power)
    state = np.zeros(BANDS, np.float32)
    for index, frame in enumerate(power):
        state = state * decay + frame
        tail[index] = state
    return np.log10(power + wet * 4 * (1 - decay) * (tail - power) + 1e-10)


def telephone(mel: Float, rng: random.Random) -> Float:
    """Keep about 300 to 3400 Hz."""
    low, high = rng.uniform(200, 350), rng.uniform(3200, 3700)
    outside = (low > _CENTRES) | (high < _CENTRES)
    return mel - np.where(outside, rng.uniform(2.5, 9.0), 0.0).astype(np.float32)


def speaker(mel: Float, spans: Spans | None, rng: random.Random) -> tuple[Float, Spans | None]:
    """Change one utterance: vocal tract, speed, colour, room and level; spans move along."""
    if rng.random() < 0.4:
        mel = mel @ rng.choice(_WARPS)
    if rng.random() < 0.25:
        factor = rng.uniform(0.85, 1.18)
        mel = stretch(mel, factor)
        spans = [(a * factor, b * factor) for a, b in spans] if spans else None
    if rng.random() < 0.5:
        mel = mel + tilt(rng, 0.6, 0.2)
    if rng.random() < 0.1:
        mel = reverberate(mel, rng.uniform(0.15, 0.6), rng.uniform(0.05, 0.35))
    return mel + rng.uniform(-1.2, 0.6), spans


@cache
def _white() -> Float:
    """Return a minute of white noise, (6000, 80), its mean moved to 0."""
    mel = log_mel(np.random.default_rng(1).standard_normal(60 * SAMPLE_RATE).astype(np.float32))
    return mel - mel.mean()


def noise(frames: int, rng: random.Random) -> Float:
    """Return coloured noise of random spectrum, (frames, 80), at no particular level."""
    grain = np.take(_white(), np.arange(frames) + rng.randrange(len(_white())), axis=0, mode="wrap")
    falling = np.linspace(0, 1, BANDS, dtype=np.float32) * rng.uniform(-2, 0.6)
    return grain + falling + tilt(rng, 0.0, 0.3)


def mean_level(mel: Float) -> float:
    """Return log10 of the mean power."""
    return float(np.log10((10**mel).mean() + 1e-10))


def add_noise(mel: Float, disturbance: Float, snr: float) -> Float:
    """Add a disturbance `snr` decades (10 dB each) below the mean power of `mel`."""
    shift = mean_level(mel) - snr - mean_level(disturbance)
    return np.log10(10**mel + 10 ** (disturbance + shift) + 1e-10)


def mask(mel: Float, rng: random.Random) -> Float:
    """Blank a few bands and short stretches of a normalised window (SpecAugment, Park 2019)."""
    mel = mel.copy()
    fill = float(mel.mean())
    if rng.random() < 0.4:
        width = rng.randint(1, 9)
        first = rng.randrange(BANDS - width)
        mel[:, first : first + width] = fill
    for _ in range(rng.randint(0, 2)):
        width = rng.randint(1, min(12, max(2, len(mel) // 8)))
        first = rng.randrange(max(1, len(mel) - width))
        mel[first : first + width] = fill
    return mel


def without_speech(frames: int, rng: random.Random) -> Float:
    """Return raw frames of digital silence, tones, noise, hum or clicks."""
    kind = rng.random()
    if kind < 0.2:
        return np.full((frames, BANDS), FLOOR, np.float32)
    if kind < 0.45:
        return tones(frames, rng)
    mel = noise(frames, rng) + rng.uniform(-8, 0)
    if kind < 0.65:
        mel[:, rng.randrange(BANDS)] += rng.uniform(1, 5)
    elif kind < 0.85:
        for _ in range(rng.randint(1, 6)):
            first = rng.randrange(frames)
            mel[first : first + rng.randint(2, 12)] += rng.uniform(1, 4)
    return mel


def tones(frames: int, rng: random.Random) -> Float:
    """Return raw frames of one to three sines, steady or as beeps, over silence or a little noise."""
    time = np.arange(frames * SAMPLE_RATE // 100) / SAMPLE_RATE
    samples = np.zeros_like(time)
    for _ in range(rng.choice([1, 1, 2, 3])):
        hertz = 40 * 175 ** rng.random()  # 40 Hz to 7 kHz
        samples += 10 ** rng.uniform(-2, -0.3) * np.sin(2 * np.pi * hertz * time + rng.uniform(0, 6))
    if rng.random() < 0.3:
        samples *= time % rng.uniform(0.2, 2.0) < rng.uniform(0.1, 1.0)
    if rng.random() < 0.5:
        samples += 10 ** rng.uniform(-5, -2) * np.random.default_rng(rng.getrandbits(32)).standard_normal(len(time))
    return log_mel(samples.astype(np.float32))
