"""Bare integer PCM, as it comes over a wire or from a microphone."""

import numpy as np

from speechd.types import Samples


def mono_from_pcm(data: bytes, width: int, channels: int) -> Samples:
    """The mean of the channels as float32 in [-1, 1], shape (n,).

    Args:
        data: whole samples of all channels, interleaved.
        width: bytes of a sample: 1 is unsigned, 2 to 4 are signed and little-endian, as in WAV.
        channels: how many.
    """
    samples = _decoded(data, width).reshape(-1, channels)
    mixed: Samples = samples.mean(axis=1, dtype=np.float32)
    return mixed


def _decoded(data: bytes, width: int) -> Samples:
    if width == 1:
        return np.frombuffer(data, np.uint8).astype(np.float32) / np.float32(128) - np.float32(1)
    if width == 3:  # each becomes the upper bytes of 32 bits
        padded = np.zeros((len(data) // 3, 4), np.uint8)
        padded[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        data, width = padded.tobytes(), 4
    return np.frombuffer(data, f"<i{width}").astype(np.float32) / np.float32(2 ** (8 * width - 1))
