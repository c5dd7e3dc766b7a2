"""The vocoder: from frames of 32 values to samples, without any weights, in operations that ONNX has.

A harmonic-plus-noise source (a band-limited pulse train and white noise, mixed by band) is shaped by the mel-cepstral
envelope with its minimum phase, frame by frame, and overlap-added. Real DFTs are matrix products: ONNX opset 17's own
DFT is slower on a CPU.
"""

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from .network import BANDS, CEPSTRA, LOG_F0, VOICING
from .teacher import Floats

RATE = 16_000
HOP = 80
"""Samples of a frame: 5 ms."""
POINTS = 512
BINS = POINTS // 2 + 1
ALPHA = 0.42
"""Frequency warping of the teacher's mel-cepstra."""
HIGHEST = 7800.0
"""Hz of the highest harmonic."""
LOWEST_F0, HIGHEST_F0 = 50.0, 450.0
NOISE_TABLE = 16_384
NOISE_STEP = 5077
"""Each stretch of noise starts elsewhere in the table, so that it never repeats audibly."""
LEVEL = 1.2 / 32_768
"""The teacher's cepstra give 16-bit samples; this leaves headroom for the loudest vowel."""


def warped(frequency: Floats) -> Floats:
    """The bilinear warping of angular frequency that makes a cepstrum a mel-cepstrum (Tokuda et al., 1994)."""
    return frequency + 2 * np.arctan(ALPHA * np.sin(frequency) / (1 - ALPHA * np.cos(frequency)))


class Synthesiser(nn.Module):
    """Frames of natural scale in, samples out."""

    def __init__(self, filters: Floats, post_filter: float) -> None:
        """
        Args:
            filters: impulse responses of the 5 excitation bands, shape (5, taps).
            post_filter: cepstra from the second on are scaled by 1 + this; the energy of a frame stays.
        """
        super().__init__()
        for name, table in _tables(filters).items():
            self.register_buffer(name, torch.tensor(table, dtype=torch.float32))
        emphasis = torch.ones(CEPSTRA)
        emphasis[2:] += post_filter
        self.register_buffer("emphasis", emphasis)
        generator = torch.Generator().manual_seed(1)
        self.register_buffer("noise", torch.randn(NOISE_TABLE, generator=generator))
        self.register_buffer("within", (torch.arange(HOP) / HOP)[None])

    def forward(self, frames: Tensor, noise_offset: Tensor) -> Tensor:
        """
        Args:
            frames: (frames, 32), denormalised.
            noise_offset: (1,) integer, where in the noise table to start.

        Returns:
            Samples (frames * 80,), mostly within [-1, 1].
        """
        f0 = torch.exp(frames[:, LOG_F0].clamp(math.log(LOWEST_F0), math.log(HIGHEST_F0)))
        # a voicing that is surely one or the other is made wholly so
        voiced = ((torch.sigmoid(frames[:, VOICING]) - 0.5) * 3 + 0.5).clamp(0, 1)
        pulses, noise = _overlapping(self._pulses(f0)), _overlapping(self._noise(f0.shape[0], noise_offset))
        harmonic = (frames[:, BANDS].clamp(0, 1) @ self.bands) * voiced[:, None]
        real = (pulses @ self.cosines) * harmonic + (noise @ self.cosines) * (1 - harmonic)
        imaginary = (pulses @ self.sines) * harmonic + (noise @ self.sines) * (1 - harmonic)
        magnitude, phase = self._envelope(frames[:, :CEPSTRA])
        shape_real, shape_imaginary = magnitude * torch.cos(phase), magnitude * torch.sin(phase)
        shaped_real = real * shape_real - imaginary * shape_imaginary
        shaped_imaginary = real * shape_imaginary + imaginary * shape_real
        return _overlap_add(shaped_real @ self.inverse_real + shaped_imaginary @ self.inverse_imaginary) * LEVEL

    def _envelope(self, cepstra: Tensor) -> tuple[Tensor, Tensor]:
        """Magnitude and minimum phase, (frames, bins) each, after the formant emphasis."""
        sharp = cepstra * self.emphasis
        plain, sharpened = cepstra @ self.log_magnitude, sharp @ self.log_magnitude
        power = torch.log(torch.exp(2 * plain - 8).sum(1, keepdim=True))
        sharp_power = torch.log(torch.exp(2 * sharpened - 8).sum(1, keepdim=True))
        return torch.exp(sharpened + 0.5 * (power - sharp_power)), sharp @ self.phase

    def _pulses(self, f0: Tensor) -> Tensor:
        """A band-limited pulse train in closed form (Dirichlet kernel), (frames, hop)."""
        following = torch.cat([f0[1:], f0[-1:]])
        hertz = (f0[:, None] + (following - f0)[:, None] * self.within).reshape(-1)
        cycles = torch.cumsum(hertz.double() / RATE, 0)  # float32 would lose the phase of a long sentence
        half = math.pi * (cycles - torch.floor(cycles)).float()
        harmonics = torch.floor(HIGHEST / hertz)
        sine = torch.sin(half)
        near_zero = (sine.abs() < 1e-4).float()
        kernel = 0.5 * torch.sin((2 * harmonics + 1) * half) / (sine + near_zero * 2e-4) - 0.5
        pulses = kernel * (1 - near_zero) + harmonics * near_zero
        return (pulses * 2 * torch.sqrt(hertz / RATE)).reshape(-1, HOP)

    def _noise(self, frames: int, offset: Tensor) -> Tensor:
        at = torch.arange(frames * HOP)
        stretch = at // NOISE_TABLE
        return self.noise[(at + stretch * NOISE_STEP + offset) % NOISE_TABLE].reshape(-1, HOP)


def _tables(filters: Floats) -> dict[str, Floats]:
    frequency = np.arange(BINS) * 2 * np.pi / POINTS
    order = np.outer(np.arange(CEPSTRA), warped(frequency))
    bands = np.abs(np.fft.rfft(filters, POINTS, axis=1))
    at = np.arange(2 * HOP)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * (at + 0.5) / (2 * HOP))
    forward = 2 * np.pi * np.outer(at, np.arange(BINS)) / POINTS
    backward = 2 * np.pi * np.outer(np.arange(BINS), np.arange(POINTS)) / POINTS
    twice = np.full((BINS, 1), 2.0)
    twice[[0, -1]] = 1.0
    return {
        "log_magnitude": np.cos(order),
        "phase": -np.sin(order),
        "bands": bands / np.maximum(bands.sum(0, keepdims=True), 1e-6),
        "cosines": np.cos(forward) * window[:, None],
        "sines": -np.sin(forward) * window[:, None],
        "inverse_real": np.cos(backward) * twice / POINTS,
        "inverse_imaginary": -np.sin(backward) * twice / POINTS,
    }


def _overlapping(blocks: Tensor) -> Tensor:
    """(frames, hop) -> (frames, 2 * hop): each with the block after it."""
    return torch.cat([blocks, torch.cat([blocks[1:], torch.zeros_like(blocks[:1])])], 1)


def _overlap_add(frames: Tensor) -> Tensor:
    """(frames, 512), one every hop, summed to (frames * hop,)."""
    steps = -(-POINTS // HOP)
    blocks = functional.pad(frames, (0, steps * HOP - POINTS)).reshape(-1, steps, HOP)
    total = functional.pad(blocks[:, 0], (0, 0, 0, steps - 1))
    for step in range(1, steps):
        total = total + functional.pad(blocks[:, step], (0, 0, step, steps - 1 - step))
    return total.reshape(-1)[: -(steps - 1) * HOP]
