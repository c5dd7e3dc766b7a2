"""Mel filter bank energies as Kaldi computes them, which models that tell voices apart are trained on.

Kaldi, feat/feature-fbank.cc and feat/feature-window.cc, with their defaults but 80 bands and no dither: frames of 25 ms
every 10 ms that lie wholly in the audio, without their mean, pre-emphasised, in a Povey window.
"""

import functools

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from speechd.types import SAMPLE_RATE, Samples

Features = npt.NDArray[np.float32]
"""Shape (frames, BANDS)."""

BANDS = 80
FRAME_SAMPLES = 400
HOP_SAMPLES = 160
FFT_SAMPLES = 512
PREEMPHASIS = 0.97
LOWEST_HERTZ = 20.0
FLOOR = np.float32(np.finfo(np.float32).eps)
"""The least energy whose logarithm is taken."""
BLOCK_FRAMES = 1000
"""Frames computed at once: 10 s, in 8 MB."""


def mel_energies(samples: Samples) -> Features:
    """Natural logarithms of the energies in BANDS bands.

    Args:
        samples: in [-1, 1], shape (n,). Less than FRAME_SAMPLES give no frame.
    """
    if len(samples) < FRAME_SAMPLES:
        return np.zeros((0, BANDS), np.float32)
    frames = sliding_window_view(samples, FRAME_SAMPLES)[::HOP_SAMPLES]
    blocks = (frames[start : start + BLOCK_FRAMES] for start in range(0, len(frames), BLOCK_FRAMES))
    return np.concatenate([_energies(block) for block in blocks])


def _energies(frames: Samples) -> Features:
    centred = frames - frames.mean(axis=1, keepdims=True)
    before = np.concatenate([centred[:, :1], centred[:, :-1]], axis=1)
    windowed = (centred - np.float32(PREEMPHASIS) * before) * _povey_window()
    power = np.square(np.abs(np.fft.rfft(windowed, FFT_SAMPLES)[:, : FFT_SAMPLES // 2])).astype(np.float32)
    return np.asarray(np.log(np.maximum(power @ _mel_banks(), FLOOR)), np.float32)


@functools.cache
def _povey_window() -> Samples:
    """A Hann window to the power of 0.85."""
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME_SAMPLES) / (FRAME_SAMPLES - 1))
    return np.asarray(hann**0.85, np.float32)


@functools.cache
def _mel_banks() -> npt.NDArray[np.float32]:
    """Triangles that are even in mel, shape (FFT_SAMPLES / 2, BANDS)."""
    lowest, highest = _mel(np.array([LOWEST_HERTZ, SAMPLE_RATE / 2]))
    width = (highest - lowest) / (BANDS + 1)
    left = lowest + width * np.arange(BANDS)
    bins = _mel(np.arange(FFT_SAMPLES // 2) * SAMPLE_RATE / FFT_SAMPLES)[:, None]
    rising, falling = (bins - left) / width, (left + 2 * width - bins) / width
    return np.asarray(np.clip(np.minimum(rising, falling), 0, None), np.float32)


def _mel(hertz: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(1127 * np.log1p(hertz / 700), np.float64)
