"""Cuts a stream of audio into the windows that are decoded: speech only, never inside a word.

Speech regions that are close together share a window up to the model's limit; long silences are never sent to the
encoder. A region longer than the limit is cut at its quietest moment. A window is one unbroken stretch of the
recording, so its clock differs from the recording's by a constant. Channels that are kept apart are cut apart.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from speechd.audio.vad import FRAME, FRAME_SECONDS, Region, RegionFinder
from speechd.types import Samples, VadOptions, Window

Detector = Callable[[Samples], npt.NDArray[np.float32]]
"""Speech probability of each FRAME of the samples given, in stream order."""

STEP = 64 * FRAME
"""Samples judged before windows are looked for again: 2 s, which bounds how late a long region is cut."""


@dataclass(frozen=True, slots=True)
class Packing:
    """How regions share windows."""

    max_seconds: float = 30.0
    """Longest window; Whisper's own is 30 s."""
    max_gap: float = 2.0
    """Silences longer than this many seconds end a window."""


def cut_windows(
    chunks: Iterable[Samples], new_detector: Callable[[], Detector], packing: Packing, vad: VadOptions | None
) -> Iterator[Window]:
    """Yields windows as soon as they are complete, holding no more than about two windows of audio of each channel.

    Args:
        chunks: the recording, float32 at 16 kHz, in pieces of any length: mono, or with as many channels in each.
        new_detector: makes what judges the frames of one channel; not used when `vad` is None, then everything counts
            as speech.
        packing: the limits of a window.
        vad: what counts as speech.
    """
    cutters: list[_Cutter] = []
    for chunk in chunks:
        channels = list(np.atleast_2d(chunk))
        if not cutters:
            numbers = range(1, len(channels) + 1) if chunk.ndim > 1 else (0,)
            cutters = [_Cutter(new_detector() if vad else _everything_is_speech, packing, vad, n) for n in numbers]
        windows = [window for pair in zip(cutters, channels, strict=True) for window in pair[0].push(pair[1])]
        yield from _in_order(windows, min(cutter.horizon for cutter in cutters))
    yield from _in_order([window for cutter in cutters for window in cutter.finish()], math.inf)


def _in_order(windows: list[Window], horizon: float) -> Iterator[Window]:
    """Windows of several channels by their starts, each told how early the next ones may begin."""
    ordered = sorted(windows, key=lambda window: window.start)
    for window, following in pairwise([*ordered, None]):
        if window is not None:
            yield replace(window, horizon=min(horizon, following.start) if following else horizon)


def _everything_is_speech(samples: Samples) -> npt.NDArray[np.float32]:
    return np.ones(len(samples) // FRAME, np.float32)


class _Cutter:
    """Of one channel: audio since `_origin`, the regions waiting to share a window, and where the last one ended."""

    def __init__(self, detector: Detector, packing: Packing, vad: VadOptions | None, channel: int) -> None:
        vad = vad or VadOptions(padding=0, min_speech=0)
        self._detector = detector
        self._channel = channel
        self._finder = RegionFinder(vad)
        self._max_gap = round(packing.max_gap / FRAME_SECONDS)
        self._max_frames = int(packing.max_seconds / FRAME_SECONDS)
        self._padding = min(round(vad.padding / FRAME_SECONDS), self._max_frames // 4)  # half is left for speech
        self._max_region = self._max_frames - 2 * self._padding
        self._audio = np.zeros(0, np.float32)
        self._origin = 0
        self._judged = 0
        self._last_end = 0
        self._waiting: list[Region] = []

    @property
    def horizon(self) -> float:
        """No window still to come begins before this second of the recording."""
        return max(self._origin, self._last_end) * FRAME_SECONDS

    def push(self, chunk: Samples) -> Iterator[Window]:
        self._audio = np.concatenate([self._audio, chunk])
        while len(self._audio) - self._unjudged_from() >= STEP:
            yield from self._judge(self._audio[self._unjudged_from() : self._unjudged_from() + STEP])

    def finish(self) -> Iterator[Window]:
        rest = self._audio[self._unjudged_from() :]
        padded = np.pad(rest, (0, -len(rest) % FRAME))
        yield from self._judge(padded)
        for region in self._finder.finish():
            yield from self._add(region)
        yield from self._emit()

    def _unjudged_from(self) -> int:
        return (self._judged - self._origin) * FRAME

    def _judge(self, samples: Samples) -> Iterator[Window]:
        probabilities = self._detector(samples)
        self._judged += len(probabilities)
        for region in self._finder.push(probabilities):
            yield from self._add(region)
        while self._finder.open_since is not None and self._judged - self._finder.open_since > self._max_region:
            cut = self._quietest(self._finder.open_since)
            yield from self._add(self._finder.split(cut))
        if self._waiting and self._judged - self._waiting[-1].end > self._max_gap and self._finder.open_since is None:
            yield from self._emit()
        self._forget()

    def _add(self, region: Region) -> Iterator[Window]:
        """Puts a finished region into the waiting window, or ends that and begins another."""
        while region.frames > self._max_region:
            cut = self._quietest(region.start)
            yield from self._add(Region(region.start, cut))
            region = Region(cut, region.end)
        if self._waiting and not self._fits(region):
            yield from self._emit(before=region.start)
        self._waiting.append(region)

    def _fits(self, region: Region) -> bool:
        together = region.end - self._waiting[0].start + 2 * self._padding
        return together <= self._max_frames and region.start - self._waiting[-1].end <= self._max_gap

    def _quietest(self, start: int) -> int:
        """The frame with the least energy in the second half of the longest region that could begin at `start`."""
        first, last = start + self._max_region // 2, start + self._max_region
        frames = self._audio[(first - self._origin) * FRAME : (last - self._origin) * FRAME].reshape(-1, FRAME)
        energy = np.convolve(np.square(frames).sum(axis=1), np.ones(3), mode="same")
        energy[0] = energy[-1] = np.inf  # their sums lack a neighbour
        return first + int(energy.argmin())

    def _emit(self, before: int | None = None) -> Iterator[Window]:
        """Ends the waiting window, at the latest where the next region begins: at frame `before`."""
        if not self._waiting:
            return
        first, last = self._waiting[0], self._waiting[-1]
        start = max(first.start - self._padding, self._last_end)
        end = min(last.end + self._padding, self._judged if before is None else before)
        offset = start * FRAME_SECONDS
        yield Window(
            start=offset,
            samples=self._audio[(start - self._origin) * FRAME : (end - self._origin) * FRAME].copy(),
            speech=tuple((r.start * FRAME_SECONDS - offset, r.end * FRAME_SECONDS - offset) for r in self._waiting),
            channel=self._channel,
        )
        self._last_end, self._waiting = end, []

    def _forget(self) -> None:
        """Drops audio that no window can need any more."""
        needed = self._judged if self._finder.open_since is None else self._finder.open_since
        if self._waiting:
            needed = self._waiting[0].start
        keep_from = max(self._origin, min(needed, self._judged) - self._padding)
        self._audio = self._audio[(keep_from - self._origin) * FRAME :]
        self._origin = keep_from
