"""Integrated loudness by ITU-R BS.1770-4, in LUFS.

Written here because pyloudnorm brings SciPy (over 100 MB), and PyAV shows the readings of FFmpeg's `ebur128` only from
18.1 on. The tests compare it with that filter.
"""

import numpy as np
import numpy.typing as npt

from speechd.types import Samples

SILENT = -70.0
"""LUFS of the absolute gate (annex 1): nothing quieter counts, so silence measures as this."""
RELATIVE_GATE = 10.0
"""LU below the mean of the blocks that passed the absolute gate; quieter blocks are pauses (annex 1)."""
BLOCK, HOP = 0.4, 0.1
"""Seconds of a gating block, and from one to the next: they overlap by 75 % (annex 1)."""
OFFSET = -0.691
"""dB: makes a 997 Hz sine of full scale on one channel measure -3.01 LUFS (annex 1)."""
FILTERS_RATE = 48_000
"""Hz for which the filters below are given."""
SHELF = ((1.53512485958697, -2.69169618940638, 1.19839281085285), (1.0, -1.69065929318241, 0.73248077421585))
"""Numerator and denominator of the head's effect (annex 1, table 1)."""
HIGH_PASS = ((1.0, -2.0, 1.0), (1.0, -1.99004745483398, 0.99007225036621))
"""Numerator and denominator of the RLB weighting (annex 1, table 2)."""
RINGING = 0.5
"""Seconds of silence after the sound, so that the ringing of the filters does not wrap around to its beginning."""

FloatArray = npt.NDArray[np.float64]


def integrated_loudness(samples: Samples, sample_rate: int) -> float:
    """K-weighted and gated twice, so that pauses do not count.

    Args:
        samples: mono, shape (n,); shorter than a gating block, it is one block.
        sample_rate: Hz.

    Returns:
        LUFS; SILENT where no block is louder.
    """
    powers = _block_powers(_k_weighted(samples, sample_rate), sample_rate)
    audible = powers[_lufs(powers) > SILENT]
    if not len(audible):
        return SILENT
    spoken = audible[_lufs(audible) > _lufs(audible.mean()) - RELATIVE_GATE]
    return float(_lufs(spoken.mean()))


def decibels(factor: float) -> float:
    """A factor on the amplitude, in dB."""
    return float(20 * np.log10(factor))


def amplitude(decibels: float) -> float:
    """The factor on the amplitude that makes a sound so many dB louder."""
    return float(10 ** (decibels / 20))


def _k_weighted(samples: Samples, sample_rate: int) -> FloatArray:
    """The samples through both filters, whose responses are read off at the frequencies of this rate."""
    size = len(samples) + round(RINGING * sample_rate)
    delay = np.exp(-2j * np.pi * np.fft.rfftfreq(size, 1 / sample_rate) / FILTERS_RATE)
    spectrum = np.fft.rfft(samples.astype(np.float64), size)
    for numerator, denominator in (SHELF, HIGH_PASS):
        spectrum *= np.polyval(numerator[::-1], delay) / np.polyval(denominator[::-1], delay)
    return np.fft.irfft(spectrum, size)[: len(samples)]


def _block_powers(samples: FloatArray, sample_rate: int) -> FloatArray:
    """Mean square of each gating block; an incomplete one at the end does not count."""
    size = min(round(BLOCK * sample_rate), len(samples))
    if not size:
        return np.zeros(0)
    energy = np.concatenate([[0.0], np.cumsum(samples**2)])
    starts = np.arange(0, len(samples) - size + 1, round(HOP * sample_rate))
    powers: FloatArray = (energy[starts + size] - energy[starts]) / size
    return powers


def _lufs(powers: FloatArray | np.float64) -> FloatArray:
    return OFFSET + 10 * np.log10(np.maximum(powers, 1e-12))
