"""Cuts a stream of audio into the windows that are decoded: speech only, never inside a word.

Speech regions that are close together share a window up to the model's limit; long silences are never sent to the
encoder. A region longer than the limit is cut at its quietest moment. A window is one unbroken stretch of the
recording, so its clock differs from the recording's by a constant. Separate channels are cut separately.
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

MAX_LEAD = 1.0
"""Seconds before and after speech within which a window may begin and end; `VadOptions.padding` are heard at least."""
QUIET_POWER = 4.0
"""A frame is as quiet as the pause up to this many times the pause's least power (6 dB: what room noise varies by)."""
NO_POWER = 1e-10
"""Mean square of what is digital silence: -100 dBFS."""

STEP = 64 * FRAME
"""Samples between two searches for windows: 2 s, which bounds how late a long region is cut."""


@dataclass(frozen=True, slots=True)
class Packing:
    """How regions share windows."""

    max_seconds: float = 30.0
    """Longest window; Whisper's own is 30 s."""
    max_gap: float = 5.0
    """Silences longer than this many seconds end a window. Fewer, fuller windows are faster and more often right: of 10
    minutes with pauses whisper-base decodes 25 windows instead of 39 at 2 s, with a WER of .018 instead of .024."""


def cut_windows(
    chunks: Iterable[Samples], new_detector: Callable[[], Detector], packing: Packing, vad: VadOptions | None
) -> Iterator[Window]:
    """Yields windows as soon as they are complete, holding no more than about two windows of audio of each channel.

    Args:
        chunks: the recording, float32 at 16 kHz, in pieces of any length: mono, or with as many channels in each.
        new_detector: makes the detector of one channel. It is not used when `vad` is None: then everything counts as
            speech.
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
        self._lead = max(round(MAX_LEAD / FRAME_SECONDS), self._padding)
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
        pause = self._judged - self._waiting[-1].end if self._waiting else 0
        if pause > max(self._max_gap, self._lead) and self._finder.open_since is None:
            yield from self._emit()
        self._forget()

    def _add(self, region: Region) -> Iterator[Window]:
        """Adds a finished region to the waiting window, or ends that window and begins another."""
        while region.frames > self._max_region:
            cut = self._quietest(region.start)
            yield from self._add(Region(region.start, cut))
            region = Region(cut, region.end)
        while self._waiting and not self._fits(region):
            yield from self._emit(following=region)
        self._waiting.append(region)

    def _fits(self, region: Region) -> bool:
        together = region.end - self._waiting[0].start + 2 * self._padding
        return together <= self._max_frames and region.start - self._waiting[-1].end <= self._max_gap

    def _quietest(self, start: int) -> int:
        """The frame with the least energy in the second half of the longest region that could begin at `start`."""
        return self._quietest_of(start + self._max_region // 2, start + self._max_region)

    def _quietest_of(self, first: int, last: int) -> int:
        return first + int(self._power(first, last).argmin())

    def _power(self, first: int, last: int) -> npt.NDArray[np.float32]:
        """Mean square of each frame from `first` to `last` and its neighbours, so that a click or a zero crossing is
        not taken for a pause; infinite at the ends, whose neighbours are missing."""
        frames = self._audio[(first - self._origin) * FRAME : (last - self._origin) * FRAME].reshape(-1, FRAME)
        power = np.convolve(np.square(frames).mean(axis=1), np.full(3, 1 / 3), mode="same").astype(np.float32)
        if len(power) > 2:
            power[0] = power[-1] = np.inf
        return power

    def _emit(self, following: Region | None = None) -> Iterator[Window]:
        """Ends the waiting window; `following` is the next speech, where it is known."""
        if not self._waiting:
            return
        regions = self._waiting[: self._best_end(following)]
        self._waiting = self._waiting[len(regions) :]
        next_speech = self._waiting[0] if self._waiting else following
        first, last = regions[0].start, regions[-1].end
        room = (self._max_frames - (last - first)) // 2
        start, end = self._begin(first, room), self._end(last, room, next_speech.start if next_speech else None)
        offset = start * FRAME_SECONDS
        yield Window(
            start=offset,
            samples=self._audio[(start - self._origin) * FRAME : (end - self._origin) * FRAME].copy(),
            speech=tuple((r.start * FRAME_SECONDS - offset, r.end * FRAME_SECONDS - offset) for r in regions),
            channel=self._channel,
        )
        self._last_end = end

    def _best_end(self, following: Region | None) -> int:
        """How many of the waiting regions the window takes: up to the longest pause in the last third of its length,
        which is more often the end of a sentence than where the length is used up."""
        if following is None or following.start - self._waiting[-1].end > self._max_gap:
            return len(self._waiting)
        earliest = self._waiting[0].start + self._max_frames * 2 // 3
        pauses = [
            (after.start - before.end, number)
            for number, (before, after) in enumerate(pairwise([*self._waiting, following]), start=1)
            if before.end >= earliest
        ]
        return max(pauses)[1] if pauses else len(self._waiting)

    def _begin(self, speech: int, room: int) -> int:
        """Where a window begins whose speech begins at frame `speech`: at the last quiet moment before the padding, at
        most MAX_LEAD before; at the beginning of the recording where that is as near."""
        earliest = max(speech - min(self._lead, room), self._last_end)
        latest = speech - self._padding
        if latest <= earliest or speech <= self._lead:
            return earliest
        calm = self._calm(earliest, speech)[: latest - earliest + 1]
        return earliest + int(np.flatnonzero(calm)[-1]) if calm.any() else earliest

    def _end(self, speech: int, room: int, following: int | None) -> int:
        """Where a window ends whose speech ends at frame `speech`: as `_begin`, towards the end; where other speech
        follows soon, no later than the quietest moment between them."""
        latest = min(speech + min(self._lead, room), self._judged)
        if following is not None and following - speech <= 2 * self._lead:
            latest = min(latest, self._quietest_of(speech, following) if following - speech > 2 else following)
        earliest = speech + self._padding
        if latest <= earliest or latest == self._judged:
            return latest
        calm = self._calm(speech, latest)[earliest - speech :]
        return earliest + int(np.flatnonzero(calm)[0]) if calm.any() else latest

    def _calm(self, first: int, last: int) -> npt.NDArray[np.bool_]:
        """Which of the frames are as quiet as the quietest."""
        power = self._power(first, last)
        return np.asarray(power <= max(QUIET_POWER * float(power.min()), NO_POWER))

    def _forget(self) -> None:
        """Drops audio that no later window needs."""
        needed = self._judged if self._finder.open_since is None else self._finder.open_since
        if self._waiting:
            needed = self._waiting[0].start
        keep_from = max(self._origin, min(needed, self._judged) - self._lead)
        self._audio = self._audio[(keep_from - self._origin) * FRAME :]
        self._origin = keep_from
