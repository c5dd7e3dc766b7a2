"""Voice activity detection: Silero's network over a stream of audio, frame by frame.

The network (Silero VAD v6, shipped by faster-whisper) classifies frames of 512 samples at 16 kHz with 64 samples of
context and carries a recurrent state; both are carried here from chunk to chunk, so a stream of any length gives the
same probabilities as the whole file at once, in constant memory.
"""

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from speechd.types import SAMPLE_RATE, Samples, VadOptions

FRAME = 512
"""Samples that the network classifies at once: 32 ms."""
FRAME_SECONDS = FRAME / SAMPLE_RATE
CONTEXT = 64
STATE = 128
HYSTERESIS = 0.15
"""Speech ends this far below the threshold that starts it (Silero's own default)."""
LOW_LEVEL = 0.03
"""Root mean square, -30 dBFS: a recording whose loudest frames are quieter is amplified to it for the detector, which
misses words from about -40 dBFS on. Whisper normalises by itself."""
MAX_GAIN = 1000.0
"""60 dB."""
NO_SOUND = 1e-6
"""Root mean square, -120 dBFS, of digital silence: below the least step of 16 bits, and not amplified."""
LEVEL_FRAMES = 320
"""Frames whose level counts: 10 s."""


class RunningLevel:
    """How loud the louder frames of the last 10 s are."""

    def __init__(self) -> None:
        self._levels = np.zeros(0, np.float32)

    def gain(self, frames: Samples) -> float:
        """What the detector's input is to be multiplied by, 1 to MAX_GAIN; 1 for digital silence.

        Args:
            frames: the next of the stream, shape (n, FRAME).
        """
        rms = np.sqrt(np.square(frames).mean(axis=1))
        self._levels = np.concatenate([self._levels, rms])[-LEVEL_FRAMES:]
        level = float(np.percentile(self._levels, 95))
        return 1.0 if level < NO_SOUND else min(max(LOW_LEVEL / level, 1.0), MAX_GAIN)


class SpeechDetector:
    """Speech probabilities of one audio stream, whatever its level."""

    def __init__(self) -> None:
        self._session = _session()
        self._h = np.zeros((1, 1, STATE), np.float32)
        self._c = np.zeros((1, 1, STATE), np.float32)
        self._context = np.zeros(CONTEXT, np.float32)
        self._level = RunningLevel()

    def __call__(self, samples: Samples) -> npt.NDArray[np.float32]:
        """Probability of speech in each frame of `samples`, shape (n / FRAME,); n must be a multiple of FRAME."""
        frames = samples.reshape(-1, FRAME)
        if not len(frames):
            return np.zeros(0, np.float32)
        frames = frames * np.float32(self._level.gain(frames))
        contexts = np.vstack([self._context, frames[:-1, -CONTEXT:]])
        self._context = frames[-1, -CONTEXT:].copy()
        inputs = {"input": np.hstack([contexts, frames]), "h": self._h, "c": self._c}
        output, self._h, self._c = self._session.run(None, inputs)
        probabilities: npt.NDArray[np.float32] = np.asarray(output, np.float32).reshape(-1)
        return probabilities


@functools.cache
def _session() -> Any:
    import faster_whisper.utils
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.inter_op_num_threads = options.intra_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 4
    path = Path(faster_whisper.utils.get_assets_path()) / "silero_vad_v6.onnx"
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"], sess_options=options)


@dataclass(frozen=True, slots=True)
class Region:
    """A stretch of speech, in frames; `end` is exclusive."""

    start: int
    end: int

    @property
    def frames(self) -> int:
        return self.end - self.start


class RegionFinder:
    """Turns probabilities into speech regions, with hysteresis. It needs no audio."""

    def __init__(self, options: VadOptions) -> None:
        self._start_at = options.threshold
        self._stop_at = max(options.threshold - HYSTERESIS, 0.01)
        self._min_silence = max(1, round(options.min_silence / FRAME_SECONDS))
        self._min_speech = max(1, round(options.min_speech / FRAME_SECONDS))
        self._frame = 0
        self._silent_since: int | None = None
        self.open_since: int | None = None
        """First frame of the region that is still going on, if any."""

    def push(self, probabilities: npt.NDArray[np.float32]) -> Iterator[Region]:
        """Yields each region once it is known to have ended."""
        for probability in probabilities.tolist():
            if probability >= self._start_at:
                self._silent_since = None
                if self.open_since is None:
                    self.open_since = self._frame
            elif self.open_since is not None and probability < self._stop_at:
                if self._silent_since is None:
                    self._silent_since = self._frame
                if self._frame + 1 - self._silent_since >= self._min_silence:
                    yield from self._close(self._silent_since)
            self._frame += 1

    def finish(self) -> Iterator[Region]:
        """Yields the region that the end of the stream cut off."""
        if self.open_since is not None:
            yield from self._close(self._frame if self._silent_since is None else self._silent_since)

    def split(self, at: int) -> Region:
        """Ends the open region at frame `at`, where a new one begins; for speech longer than a window."""
        start = self.open_since
        if start is None or not start < at <= self._frame:
            raise ValueError(f"no open region around frame {at}")
        self.open_since = at
        if self._silent_since is not None:
            self._silent_since = max(self._silent_since, at)
        return Region(start, at)

    def _close(self, end: int) -> Iterator[Region]:
        start, self.open_since, self._silent_since = self.open_since, None, None
        if start is not None and end - start >= self._min_speech:
            yield Region(start, end)
