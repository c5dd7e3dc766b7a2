"""Sound kept below a ceiling, also between its samples: what a converter or a decoder makes of them peaks there.

No library serves: FFmpeg's `alimiter` and pedalboard's Limiter (GPL) look at the samples only and miss what is between.
"""

import numpy as np
import numpy.typing as npt

from speechd.types import Samples

OVERSAMPLING = 4
"""ITU-R BS.1770-5, annex 2, measures true peaks at four times the rate."""
CEILING = 0.7
"""-3.1 dBFS: lossy codecs add up to 20 % to a true peak (measured), and -1 dBFS is 0.891."""
SURE = 0.4
"""Samples below this are not oversampled: the peak of speech between samples is at most 1.6 times theirs (measured)."""
LIMITER_BLOCK = 0.002
"""Seconds over which one gain is chosen."""
REACH = 8
"""Blocks before and after a loud one over which the gain falls and rises: 16 ms, which is no audible distortion."""


def true_peak(samples: Samples, sample_rate: int) -> float:
    """The highest absolute value of the sound, between its samples too."""
    return float(np.abs(_oversampled(samples, sample_rate)).max(initial=0))


def limited(samples: Samples, sample_rate: int) -> Samples:
    """The samples, turned down around each place where their true peak is above CEILING; most need nothing.

    The gain moves slowly enough that the wave keeps its shape: cutting or bending it would add peaks of its own.
    """
    if np.abs(samples).max(initial=0) <= SURE:
        return samples
    size = max(1, round(LIMITER_BLOCK * sample_rate))
    peaks = _block_peaks(_oversampled(samples, sample_rate), size * OVERSAMPLING, -(-len(samples) // size))
    if peaks.max() <= CEILING:
        return samples
    gains = _smooth(CEILING / np.maximum(peaks, CEILING))
    centres = (np.arange(len(gains)) + 0.5) * size
    result: Samples = samples * np.interp(np.arange(len(samples)), centres, gains).astype(np.float32)
    return result


def _oversampled(samples: Samples, sample_rate: int) -> Samples:
    import soxr

    result: Samples = soxr.resample(samples, sample_rate, OVERSAMPLING * sample_rate, "HQ")
    return result


def _block_peaks(sound: Samples, size: int, blocks: int) -> npt.NDArray[np.float64]:
    """Highest absolute value of each block."""
    padded = np.zeros(blocks * size)
    padded[: len(sound)] = np.abs(sound[: blocks * size])
    result: npt.NDArray[np.float64] = padded.reshape(blocks, size).max(axis=1)
    return result


def _smooth(gains: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Gains that change gradually and are nowhere higher: a mean over minima that reach one block farther."""
    windows = np.lib.stride_tricks.sliding_window_view
    least = windows(np.pad(gains, REACH + 1, constant_values=1.0), 2 * REACH + 3).min(axis=1)
    result: npt.NDArray[np.float64] = windows(np.pad(least, REACH, mode="edge"), 2 * REACH + 1).mean(axis=1)
    return result
