"""Whisper's features: the log-mel spectrogram of `faster_whisper.feature_extractor`.

Frames are kept as raw log10 mel power before Whisper's clipping and scaling, because gain, noise
and several utterances in a window are composed on them (`augment`, `windows`).
"""

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]

SAMPLE_RATE = 16000
HOP = 160
"""Samples from one frame to the next: 10 ms."""
WINDOW = 400
"""Samples in a frame: 25 ms."""
BANDS = 80
FLOOR = -10.0
"""log10 of the least power that is told from silence."""
_BREAK = 1000.0
_STEP = np.log(6.4) / 27


def hz_to_mel(hz: NDArray[np.floating]) -> NDArray[np.floating]:
    """Convert Hz to Slaney's mel scale (Auditory Toolbox): linear below 1 kHz, then log."""
    return np.where(hz < _BREAK, 3 * hz / 200, 15 + np.log(np.maximum(hz, 1) / _BREAK) / _STEP)


def mel_to_hz(mel: NDArray[np.floating]) -> NDArray[np.floating]:
    """Convert Slaney's mel scale to Hz."""
    return np.where(mel < 15, 200 * mel / 3, _BREAK * np.exp(_STEP * (mel - 15)))


def mel_filters() -> Float:
    """Return Whisper's 80 triangular filters, (201, 80): librosa's, with unit area."""
    top = hz_to_mel(np.array(SAMPLE_RATE / 2))
    edges = mel_to_hz(np.linspace(0, top, BANDS + 2))
    hz = np.linspace(0, SAMPLE_RATE / 2, WINDOW // 2 + 1)[:, None]
    rising = (hz - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - hz) / (edges[2:] - edges[1:-1])
    triangles = np.maximum(0, np.minimum(rising, falling))
    return (triangles * 2 / (edges[2:] - edges[:-2])).astype(np.float32)


_FILTERS = mel_filters()
_HANN = np.hanning(WINDOW + 1)[:-1].astype(np.float32)


def log_mel(samples: Float) -> Float:
    """Return raw log10 mel power, (frames, 80), of mono samples at 16 kHz."""
    padded = np.pad(samples.astype(np.float32), WINDOW // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP][:-1]
    power = np.abs(np.fft.rfft(frames * _HANN, axis=1)) ** 2
    return np.log10(np.maximum(power.astype(np.float32) @ _FILTERS, 1e-10))


def normalise(mel: Float, peak: float | None = None) -> Float:
    """Clip to 80 dB below the peak and scale as Whisper does: (x + 4) / 4.

    `peak` is log10 power; faster-whisper takes the maximum of the whole file, not of the window.
    """
    top = float(mel.max()) if peak is None else peak
    return (np.maximum(mel, top - 8.0) + 4.0) / 4.0


def resample(samples: Float, rate: float) -> Float:
    """Resample mono samples from `rate` to 16 kHz in the frequency domain."""
    length = -(-(len(samples) + 256) // 1000) * 1000
    target = round(length * SAMPLE_RATE / rate)
    spectrum = np.fft.rfft(np.pad(samples.astype(np.float32), (0, length - len(samples))))
    bins = np.zeros(target // 2 + 1, spectrum.dtype)
    keep = min(len(bins), len(spectrum))
    bins[:keep] = spectrum[:keep]
    out = np.fft.irfft(bins, target) * (target / length)
    return out[: int(len(samples) * target / length)].astype(np.float32)


def speech_bounds(samples: Float) -> tuple[int, int] | None:
    """Return first and last sample of the speech, to 10 ms, or None where all is silent.

    Speech is what exceeds 1.2 % of the loudest 10 ms; 20 ms before and 30 ms after are kept.
    """
    blocks = samples[: len(samples) // HOP * HOP].reshape(-1, HOP)
    if not len(blocks):
        return None
    level = np.sqrt((blocks**2).mean(1) + 1e-12)
    loud = np.flatnonzero(level > level.max() * 0.012)
    if not len(loud) or level.max() < 1e-4:
        return None
    return int(max(0, loud[0] - 2)) * HOP, int(min(len(level), loud[-1] + 4)) * HOP
