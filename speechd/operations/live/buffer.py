"""The audio of a live transcription that is not committed yet, on one clock for frames and raw samples."""

from collections.abc import Iterator

import numpy as np

from speechd.audio.vad import FRAME, FRAME_SECONDS
from speechd.operations.live.pcm_input import HeardAudio
from speechd.types import SAMPLE_RATE, Samples


class AudioBuffer:
    """Raw samples from `start` on, and the last frames. All positions count from the stream's first sample."""

    def __init__(self, rate: int, before: float = 0.0) -> None:
        """
        Args:
            rate: samples a second.
            before: seconds of audio that came before the first sample, in another format.
        """
        self.rate = rate
        self._before = before
        self.start = 0
        """Position of the first raw sample that is still there."""
        self.frames = 0
        """Frames that have been heard."""
        self._raw = bytearray()
        self._recent: list[tuple[Samples, float]] = []
        """The newest frames, each with its probability of speech."""

    @property
    def end(self) -> int:
        """Position after the last raw sample."""
        return self.start + len(self._raw) // 2

    def push(self, heard: HeardAudio) -> Iterator[tuple[Samples, float]]:
        """Takes a piece, and gives its frames one by one; `frames` counts those that were given."""
        self._raw += heard.raw
        for samples, probability in zip(heard.samples.reshape(-1, FRAME), heard.probabilities.tolist(), strict=True):
            self.frames += 1
            self._recent.append((samples, probability))
            yield samples, probability

    def recent(self, count: int) -> list[tuple[Samples, float]]:
        """The last so many frames, or all that are there."""
        return self._recent[-count:] if count else []

    def position(self, frame: int) -> int:
        """Of the first raw sample of a frame."""
        return round(frame * FRAME * self.rate / SAMPLE_RATE)

    def cut(self, start: int, end: int) -> bytes:
        """The raw samples from `start` to `end`; everything before `end` is then forgotten."""
        first, last = 2 * max(0, start - self.start), 2 * max(0, end - self.start)
        piece = bytes(self._raw[first:last])
        self.forget_before(end)
        return piece

    def forget_before(self, position: int) -> None:
        """Raw samples before this position are not needed any more."""
        drop = min(max(0, position - self.start), len(self._raw) // 2)
        del self._raw[: 2 * drop]
        self.start += drop

    def keep_frames(self, seconds: float) -> None:
        """Of the frames only the last so many seconds are needed."""
        keep = int(np.ceil(seconds / FRAME_SECONDS))
        if len(self._recent) > 2 * keep + FRAMES_SLACK:
            del self._recent[: len(self._recent) - keep]

    @property
    def seconds(self) -> float:
        """Of all audio so far."""
        return self._before + self.end / self.rate

    def milliseconds(self, position: int) -> int:
        """Of all audio before this position."""
        return round(1000 * (self._before + position / self.rate))


FRAMES_SLACK = 32
"""Frames beyond what is needed that may stay, so that not each frame moves all others."""
