"""Windows of made-up voices: a direction for each speaker, and noise around it."""

from collections.abc import Sequence

import numpy as np

from speechd.asr.diarization.engine import SpeakerWindows, Vectors

DIMENSIONS = 64


def embeddings(speakers: Sequence[int], alike: float = 0.0, spread: float = 0.5, seed: int = 0) -> Vectors:
    """An embedding for each entry of `speakers`.

    Args:
        alike: cosine between two speakers, before the noise; as on a telephone line, where all are similar.
        spread: length of the noise, beside a voice of length 1.
    """
    choose = np.random.default_rng(seed)
    directions = np.sqrt(1 - alike) * np.eye(max(speakers) + 1, DIMENSIONS)
    directions[:, -1] = np.sqrt(alike)
    noise = choose.normal(0, spread / np.sqrt(DIMENSIONS), (len(speakers), DIMENSIONS))
    vectors = directions[list(speakers)] + noise
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def windows_of(speakers: Sequence[int], **options: float) -> SpeakerWindows:
    """Windows of 2 s, one beginning each second."""
    starts = np.arange(len(speakers), dtype=float)
    return SpeakerWindows(starts, starts + 2, embeddings(speakers, **options))
