"""CAM++ through ONNX Runtime: windows of 2 s, every second, to embeddings."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
import onnxruntime

from speechd.asr.diarization.engine import SpeakerWindows, Vectors, no_windows
from speechd.asr.diarization.fbank import FRAME_SAMPLES, HOP_SAMPLES, Features, mel_energies
from speechd.errors import EngineFailure
from speechd.types import SAMPLE_RATE, Samples

WINDOW_FRAMES = 198
"""2 s. The network was converted for windows of at most that length."""
STEP_FRAMES = 100
"""1 s from window to window."""
MIN_FRAMES = 28
"""0.3 s: what is shorter tells no voice."""
BATCH = 8
"""Windows of one length that are embedded together; more take memory and no less time."""
FRAME_RATE = SAMPLE_RATE / HOP_SAMPLES
"""Frames in a second."""
EDGE_SECONDS = (FRAME_SAMPLES - HOP_SAMPLES) / SAMPLE_RATE
"""What the last frame of a window reaches beyond its own 10 ms."""


class CampplusEngine:
    """Embeds with CAM++."""

    dimensions = 192

    def __init__(self, folder: Path) -> None:
        """
        Args:
            folder: has the converted model, `campplus.onnx`.

        Raises:
            EngineFailure: it cannot be loaded.
        """
        options = onnxruntime.SessionOptions()
        options.inter_op_num_threads = options.intra_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        options.log_severity_level = 4
        try:
            self._session = onnxruntime.InferenceSession(
                str(folder / "campplus.onnx"), providers=["CPUExecutionProvider"], sess_options=options
            )
        except Exception as error:  # ONNX Runtime's exceptions have no common class of their own
            raise EngineFailure(f"The model for speakers could not be loaded: {error}") from error

    def embed(self, samples: Samples, spans: Sequence[tuple[float, float]]) -> SpeakerWindows:
        """See speechd.asr.diarization.engine.SpeakerEngine."""
        found = [
            (start + first / FRAME_RATE, features[first : first + count])
            for start, features in _features(samples, spans)
            for first, count in cut_frames(len(features))
        ]
        if not found:
            return no_windows(self.dimensions)
        starts = np.array([start for start, _ in found])
        lengths = np.array([len(features) / FRAME_RATE + EDGE_SECONDS for _, features in found])
        return SpeakerWindows(starts, starts + lengths, self._embedded([features for _, features in found]))

    def close(self) -> None:
        """See speechd.asr.diarization.engine.SpeakerEngine."""
        del self._session

    def _embedded(self, windows: list[Features]) -> Vectors:
        """The embeddings of windows, in their order."""
        embedded = np.zeros((len(windows), self.dimensions), np.float32)
        order = sorted(range(len(windows)), key=lambda number: len(windows[number]))
        for _, equal in groupby(order, key=lambda number: len(windows[number])):
            numbers = list(equal)
            for first in range(0, len(numbers), BATCH):
                batch = numbers[first : first + BATCH]
                embedded[batch] = self._run(np.stack([windows[number] for number in batch]))
        return embedded

    def _run(self, features: Features) -> Vectors:
        """One batch, shape (windows, frames, bands). Each band counts from its mean in the window."""
        try:
            (output,) = self._session.run(None, {"features": features - features.mean(axis=1, keepdims=True)})
        except Exception as error:
            raise EngineFailure(f"The model for speakers failed: {error}") from error
        return np.asarray(output / np.maximum(np.linalg.norm(output, axis=1, keepdims=True), 1e-9), np.float32)


def cut_frames(count: int) -> Iterator[tuple[int, int]]:
    """The windows of a span of so many frames, as (first frame, number of frames); the last one ends with the span."""
    if count < MIN_FRAMES:
        return
    last = max(0, count - WINDOW_FRAMES)
    for first in range(0, last, STEP_FRAMES):
        yield first, WINDOW_FRAMES
    yield last, min(count, WINDOW_FRAMES)


def _features(samples: Samples, spans: Sequence[tuple[float, float]]) -> Iterator[tuple[float, Features]]:
    """The start of each span, and its features."""
    for start, end in spans:
        yield start, mel_energies(samples[max(0, round(start * SAMPLE_RATE)) : round(end * SAMPLE_RATE)])
