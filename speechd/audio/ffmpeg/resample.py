"""Resamples frames to float32 at 16 kHz, mixed to mono or with separate channels, on the file's own clock."""

from collections.abc import Iterator
from math import isfinite
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt
from av.audio.fifo import AudioFifo
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler

from speechd.audio.ffmpeg.ffmpeg_input import FOREIGN
from speechd.errors import InvalidAudio, InvalidRequest
from speechd.types import SAMPLE_RATE, Samples

GAP_SECONDS: Final = 0.1
"""A frame this much later than the audio before it ends is preceded by silence (FFmpeg's own `min_hard_comp`)."""

MAX_GAP_SECONDS: Final = 3600.0
"""A longer gap counts as a broken clock or a cut from a live stream. It is closed."""

CLOCK_RESTART_SECONDS: Final = 1.0
"""Times that fall back by more than this begin a new clock (chained Ogg); less is jitter."""


class SampleClock:
    """Keeps counted samples and the file's timestamps together."""

    def __init__(self, origin: float | None) -> None:
        """
        Args:
            origin: the timestamp that is second 0 of the recording; None takes the first frame's.
        """
        self._origin = origin
        self._started = False
        self.elapsed = 0.0
        """Seconds of audio and silence so far."""

    def advance(self, seconds: float) -> None:
        self.elapsed += seconds

    def gap_before(self, timestamp: float | None) -> float:
        """Seconds of silence that belong before a frame with this timestamp (None, NaN: it just follows)."""
        if timestamp is None or not isfinite(timestamp):
            return 0.0
        if self._origin is None:
            self._origin = timestamp
        ahead = timestamp - (self._origin + self.elapsed)
        if GAP_SECONDS < ahead <= MAX_GAP_SECONDS:
            self._started = True
            return ahead
        if not self._started or ahead > MAX_GAP_SECONDS or ahead < -CLOCK_RESTART_SECONDS:
            self._origin += ahead
        self._started = True
        return 0.0


CANCELLED: Final = 10 ** (-15 / 10)
"""Two channels cancel each other where their mix has less than this share of the louder one's power.

15 dB: two voices are 3 dB below, a voice on one channel only 6 dB. A voice that is inverted on one channel is
at least 21 dB below after MP3, AAC, WMA and Opus at 32 kbit/s; at 24 kbit/s half of the seconds are, 90 % are 15."""
MIXABLE: Final = 10 ** (-9 / 10)
"""And from this share on they are mixed again: in between, lossy codecs leave noise of a cancelled voice."""
LOUDER: Final = 10 ** (1 / 10)
"""The right channel is taken where it has this many times the left one's power, 1 dB; no change for less later, too."""
FADE_SECONDS: Final = 0.02
"""From the mix to a channel and back."""
COMPARED: Final = 1_000
"""About this many samples of each frame are compared, evenly spaced."""

_DTYPES: Final[dict[str, npt.DTypeLike]] = {
    "u8": np.uint8,
    "s16": np.int16,
    "s32": np.int32,
    "s64": np.int64,
    "flt": np.float32,
    "dbl": np.float64,
}
"""By FFmpeg's name for packed samples."""


class PhaseCorrection:
    """Repairs stereo whose mix would be silence, because one channel is the inversion of the other.

    It works on the frames before they are mixed, a second at a time. Where the channels cancel each other, both become
    the louder one.
    """

    def __init__(self) -> None:
        self._left: float | None = None
        """The left channel's share in the mix so far: 0.5, or 1 or 0 where one channel is taken."""

    def apply(self, frame: AudioFrame) -> None:
        """Change the frame's samples in place, where they need it."""
        dtype = _DTYPES.get(frame.format.packed.name)
        if frame.layout.nb_channels != 2 or dtype is None:
            return
        left, right = _channels_of(frame, dtype)
        step = 1 + frame.samples // COMPARED
        with np.errstate(all="ignore"):  # floating-point samples may be anything
            share = self._share(*_powers(left[::step], right[::step]))
        before, self._left = share if self._left is None else self._left, share
        if before != 0.5 or share != 0.5:
            _mix(left, right, np.linspace(before, share, round(frame.sample_rate * FADE_SECONDS)))

    def _share(self, lefts: float, rights: float, both: float) -> float:
        """The left channel's share from here on.

        Args:
            lefts, rights: sums of the squares of each channel's samples.
            both: sum of their products.
        """
        if both > 0.0:
            return 0.5
        louder, mix = max(lefts, rights), (lefts + rights + 2 * both) / 4
        now = 0.5 if self._left is None else self._left
        if louder == 0.0:
            return now
        if not mix < louder * (CANCELLED if now == 0.5 else MIXABLE):  # NaN is mixed too
            return 0.5
        if now == 0.0:
            return 1.0 if lefts > rights * LOUDER else 0.0
        return 0.0 if rights > lefts * LOUDER else 1.0


def _channels_of(frame: AudioFrame, dtype: npt.DTypeLike) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Views of a stereo frame's samples, each of shape (n,): writing to them changes the frame."""
    if frame.format.is_planar:
        left, right = (np.frombuffer(memoryview(plane), dtype)[: frame.samples] for plane in frame.planes)
        return left, right
    packed = np.frombuffer(memoryview(frame.planes[0]), dtype)[: 2 * frame.samples]
    return packed[::2], packed[1::2]


def _powers(left: npt.NDArray[Any], right: npt.NDArray[Any]) -> tuple[float, float, float]:
    """Sums of the squares of each channel, and of their products."""
    both = np.array((left, right), np.float64)
    if left.dtype == np.uint8:
        both -= 128.0
    (lefts, products), (_, rights) = np.dot(both, both.T).tolist()
    return lefts, rights, products


def _mix(left: npt.NDArray[Any], right: npt.NDArray[Any], shares: npt.NDArray[np.float64]) -> None:
    """Make both channels a mix, in place.

    Args:
        shares: of the left channel in the first samples, moving to its share in all others.
    """
    count = min(len(left), len(shares))
    with np.errstate(all="ignore"):  # floating-point samples may be anything
        moving = right[:count] + (left[:count].astype(np.float64) - right[:count]) * shares[:count]
        left[:count] = right[:count] = moving
    if shares[-1] == 1.0:
        right[count:] = left[count:]
    elif shares[-1] == 0.0:
        left[count:] = right[count:]


MAX_APART: Final = 8
"""Maximum of channels that are transcribed separately: a 7.1 recording."""


class MonoResampler:
    """Downmixes and resamples frames of one kind to shape (n,); flush before the kind changes.

    Frames are joined to a second each first: the filter costs more per call than per sample.
    """

    def __init__(self) -> None:
        self._kind: tuple[str, str, int] | None = None
        self._uncancelled = PhaseCorrection()
        self._open()

    def _open(self) -> None:
        self._fifo = AudioFifo()
        self._resampler = self._new_resampler()
        self._packer = AudioResampler("flt", None, None)

    def _new_resampler(self) -> AudioResampler:
        # Normalised, so that full scale on all channels stays full scale (the ITU-R BS.775 mix; the mean for stereo).
        return AudioResampler("flt", "mono", SAMPLE_RATE, options={"rematrix_maxval": "1.0"})

    def silence(self, size: int, frame: AudioFrame) -> Samples:
        """Silence in the shape that this frame will have."""
        return np.zeros(size, np.float32)

    def fits(self, frame: AudioFrame) -> bool:
        return self._kind is None or self._kind == _kind(frame)

    def push(self, frame: AudioFrame) -> Iterator[Samples]:
        self._kind = _kind(frame)
        frame.pts = None  # the Clock has inserted silence already; the fifo would refuse a jump
        self._fifo.write(frame)
        if self._fifo.samples >= frame.sample_rate:
            yield from self._resample(self._fifo.read())

    def flush(self) -> Iterator[Samples]:
        """The remaining samples."""
        if self._kind is None:
            return
        if self._fifo.samples:
            yield from self._resample(self._fifo.read())
        yield from self._resample(None)
        self._kind = None
        self._open()

    def _resample(self, frame: AudioFrame | None) -> Iterator[Samples]:
        try:
            resampled = self._resampler.resample(frame and self._mixable(frame))
        except FOREIGN as error:
            raise InvalidAudio("The audio could not be converted to 16 kHz.", param="file") from error
        for part in resampled:
            if part.samples:
                samples = cast(Samples, part.to_ndarray()).reshape(-1)
                if not np.isfinite(samples).all():
                    samples = np.nan_to_num(samples, nan=0.0, posinf=1.0, neginf=-1.0)
                yield self._shaped(np.clip(samples, -1.0, 1.0, out=samples))

    def _mixable(self, frame: AudioFrame) -> AudioFrame:
        """The frame in a form that libswresample mixes correctly."""
        if frame.layout.nb_channels > 8:
            return self._mean_of_channels(frame)
        self._uncancelled.apply(frame)
        return frame

    def _mean_of_channels(self, frame: AudioFrame) -> AudioFrame:
        """Mono of a frame with so many channels that libswresample knows no layout for them.

        They are packed first: PyAV 18 reads beyond the end of 8 and more planes.
        """
        (packed,) = self._packer.resample(frame)
        mono = packed.to_ndarray().reshape(-1, packed.layout.nb_channels).mean(axis=1, dtype=np.float64)
        result = AudioFrame.from_ndarray(mono.astype(np.float32)[None], "flt", "mono")
        result.sample_rate = frame.sample_rate
        return result

    def _shaped(self, packed: Samples) -> Samples:
        """Samples as they lie in a frame, in the shape that is yielded."""
        return packed


class ChannelResampler(MonoResampler):
    """Resamples frames without mixing them, to shape (channels, n)."""

    def __init__(self) -> None:
        super().__init__()
        self._channels = 0

    def push(self, frame: AudioFrame) -> Iterator[Samples]:
        """
        Raises:
            InvalidRequest: there are more channels than MAX_APART, or not as many as before.
        """
        self._count(frame.layout.nb_channels)
        yield from super().push(frame)

    def silence(self, size: int, frame: AudioFrame) -> Samples:
        self._count(frame.layout.nb_channels)
        return np.zeros((self._channels, size), np.float32)

    def _count(self, channels: int) -> None:
        if channels > MAX_APART:
            raise InvalidRequest(
                f"The recording has {channels} channels; at most {MAX_APART} can be transcribed separately."
                " Leave `channels` out to have them mixed.",
                param="channels",
            )
        if channels != (self._channels or channels):
            raise InvalidRequest(
                f"The recording changes from {self._channels} to {channels} channels, so they cannot be separated."
                " Leave `channels` out to have them mixed.",
                param="channels",
            )
        self._channels = channels

    def _mixable(self, frame: AudioFrame) -> AudioFrame:
        return frame

    def _new_resampler(self) -> AudioResampler:
        return AudioResampler("flt", None, SAMPLE_RATE)  # packed, see _mean_of_channels

    def _shaped(self, packed: Samples) -> Samples:
        return packed.reshape(-1, self._channels).T


def _kind(frame: AudioFrame) -> tuple[str, str, int]:
    return frame.format.name, frame.layout.name, frame.sample_rate
