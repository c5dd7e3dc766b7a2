"""One recording: from bytes to windows of speech, with the time that each stage takes."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO, TypeVar

from speechd.audio.decode import AudioStream
from speechd.audio.duplicate_channels import DuplicateChannelFilter
from speechd.audio.isolation.protocol import DecodeOptions
from speechd.audio.vad import SpeechDetector
from speechd.audio.windows import Packing, cut_windows
from speechd.telemetry.tracing import add_span
from speechd.types import Timings, TranscribeOptions, Window

T = TypeVar("T")
R = TypeVar("R")


@dataclass(slots=True)
class Stopwatch:
    """Adds up the time of one stage, without what runs between its steps."""

    seconds: float = 0.0

    def iterating(self, items: Iterable[T]) -> Iterator[T]:
        """The items; the time to make each counts."""
        iterator, end = iter(items), object()
        while (item := self._timed(next, iterator, end)) is not end:
            yield item

    def calling(self, function: Callable[[T], R]) -> Callable[[T], R]:
        """The function; the time of each call counts."""
        return lambda argument: self._timed(function, argument)

    def _timed(self, function: Callable[..., R], *arguments: object) -> R:
        started = time.perf_counter()
        try:
            return function(*arguments)
        finally:
            self.seconds += time.perf_counter() - started


class OpenRecording:
    """A recording. Open it, read its windows once, and then its length is known. Close it, from any thread."""

    def __init__(self, audio: BinaryIO, max_seconds: float, options: TranscribeOptions) -> None:
        """
        Args:
            audio: stays open.
            max_seconds: longest recording accepted.
            options: which track is transcribed, whether channels are separate, and what counts as speech.
        """
        self._options = options
        self._apart = options.channels == "split"
        self._clip = options.clip
        decoding = DecodeOptions(
            max_seconds,
            apart=self._apart,
            audio_track=options.audio_track,
            start=self._clip.start,
            duration=self._clip.duration,
        )
        self._stream = AudioStream(audio, decoding)
        self._copies = DuplicateChannelFilter()
        self._decoding, self._detecting = Stopwatch(), Stopwatch()

    def open(self) -> None:
        """Read its header; blocking.

        Raises:
            SpeechdError: see speechd.audio.decode.open_audio.
        """
        self._stream.open()

    def close(self) -> None:
        """End its decoding at once; a thread that reads its windows gets an error."""
        self._stream.close()

    @property
    def expected_seconds(self) -> float:
        """Probable seconds of audio to transcribe. Separate channels count each."""
        done = max(0.0, self._options.start - self._clip.start)
        ahead = max(0.0, self._stream.expected_seconds - done)
        return ahead * (max(1, self._stream.channels) if self._apart else 1)

    @property
    def seconds(self) -> float:
        """The length of what was transcribed, once the windows are read."""
        return self._stream.seconds

    @property
    def channels(self) -> int:
        """How many channels were transcribed separately, once the windows are read. Copies do not count."""
        return self._copies.apart

    @property
    def warnings(self) -> tuple[str, ...]:
        """Its warnings, once the windows are read."""
        signs = {"truncated-audio": self._stream.truncated, "trailing-data": self._stream.trailing}
        return tuple(word for word, seen in signs.items() if seen)

    @property
    def timings(self) -> Timings:
        return Timings(decode=self._decoding.seconds, vad=self._detecting.seconds)

    def windows(self, packing: Packing) -> Iterator[Window]:
        """Its windows from `options.start` on, about in order, on the clock of the whole recording; blocking.

        Raises:
            InvalidAudio, InvalidRequest, TooLarge: see speechd.audio.decode.AudioStream.
        """
        begun = time.time()
        chunks = self._copies.silenced(self._decoding.iterating(self._stream))
        cut = cut_windows(chunks, lambda: self._detecting.calling(SpeechDetector()), packing, self._options.vad)
        placed = (_later(window, self._clip.start) for window in cut)
        yield from (window for window in placed if _begins_after(window, self._options.start))
        shares = {f"speechd__{name}_ms": round(getattr(self.timings, name) * 1000, 3) for name in ("decode", "vad")}
        add_span("read", begun, time.time(), speechd__audio_seconds=self.seconds, **shares)


def _later(window: Window, seconds: float) -> Window:
    return replace(window, start=window.start + seconds, horizon=window.horizon + seconds) if seconds else window


def _begins_after(window: Window, start: float) -> bool:
    """Whether it begins at `start` or later, to the 10 ms that a segment's `seek` tells of its window."""
    return round(window.start * 100) >= round(start * 100)
