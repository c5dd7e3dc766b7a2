"""Any accepted recording in, float32 at 16 kHz out, mixed to mono or each channel apart, a few seconds at a time.

FFmpeg (through PyAV) sees a file object without a name, may only use the containers of `containers.py` and no protocol:
whatever the bytes say, it cannot open another file, a connection or a socket. Memory stays flat however long the
recording is. What goes wrong inside FFmpeg leaves here as an error of `speechd.errors`.
"""

from collections.abc import Iterator
from fractions import Fraction
from types import TracebackType
from typing import BinaryIO, Final, Self

import av
import av.audio
import av.container
import numpy as np
from av.audio.frame import AudioFrame

from speechd.audio.containers import ACCEPTED, FORMAT_WHITELIST, begins_as, claim, looks_like
from speechd.audio.resample import GAP_SECONDS, Apart, Clock, Mono
from speechd.audio.source import FOREIGN, CpuBudget, Source
from speechd.errors import InvalidAudio, TooLarge, UnsupportedAudioFormat
from speechd.types import SAMPLE_RATE, Samples

CHUNK_SECONDS: Final = 5.0
"""Length of what the stream yields, except at a gap and at the end."""

CUT_SECONDS: Final = 0.2
"""A recording shorter by this than its header says was cut; encoder delays and rounding stay below it."""

MAX_CHANNELS: Final = 64
"""As many as libswresample can take."""

MIN_SAMPLE_RATE: Final = 1_000
"""Hz."""

MAX_SAMPLE_RATE: Final = 768_000
"""Hz; the highest of studio converters."""

MAX_BAD_PACKETS: Final = 1_000
"""Undecodable packets in a row after which the rest is given up."""

CONTAINER_OPTIONS: Final = {"format_whitelist": FORMAT_WHITELIST, "protocol_whitelist": ""}
"""What keeps FFmpeg from opening anything: only our containers, and not one protocol, not even `file`."""

GUESSED_BYTES_PER_SECOND: Final = 8_000
"""64 kbit/s: what streamed recordings without a length, such as a browser's WebM, usually come near to."""

DEFAULT_MAX_SECONDS: Final = 43_200.0


def open_audio(
    file: BinaryIO, *, max_seconds: float = DEFAULT_MAX_SECONDS, grace: float = 20.0, apart: bool = False
) -> "AudioStream":
    """Open a recording for decoding, judged by its content alone.

    Args:
        file: seekable, read from its start; it stays open and belongs to the caller until the stream is closed.
        max_seconds: the longest recording accepted, in seconds of audio.
        grace: CPU seconds that decoding may take beyond a fifth of the audio's own length.
        apart: do not mix the channels.

    Raises:
        UnsupportedAudioFormat: it is none of the accepted containers, or uses a codec that is not accepted.
        InvalidAudio: it is empty, broken, or has no audio track.
    """
    source = Source(file, CpuBudget(grace))
    source.budget.resume()
    _refuse_other_files(source.head)
    container = _open_container(source)
    try:
        stream = AudioStream(container, source, max_seconds, apart)
    except BaseException:
        container.close()
        raise
    finally:
        source.budget.pause()
    return stream


class AudioStream:
    """One recording; iterate once for its Samples in chunks of about CHUNK_SECONDS. Close it, or use `with`.

    A chunk has the shape (n,) or, where channels stay apart, (channels, n).
    """

    def __init__(self, container: av.container.InputContainer, source: Source, max_seconds: float, apart: bool) -> None:
        self._container = container
        self._source = source
        self._max_seconds = max_seconds
        self._stream = _audio_track(container, source)
        codec = self._stream.codec_context
        self.container = container.format.name.partition(",")[0]
        """FFmpeg's short name: wav, mov, matroska, ogg ..."""
        self.codec = codec.name
        self.sample_rate = codec.sample_rate
        """Hz, of the source; 0 when only its frames say."""
        self.channels = codec.channels
        """Of the source; 0 when only its frames say."""
        self.truncated = False
        """True once the iteration has ended because the recording breaks off."""
        self._declared = _declared_seconds(container, self._stream, source)
        self._guessed = None if container.duration is None else container.duration / av.time_base
        header = claim(source.head)
        self._endless = header is not None and header.endless
        self._clock = Clock(_clock_origin(container))
        self._converter = Apart() if apart else Mono()
        self._yielded = 0
        self._broke_off = False
        """The last packet was damaged."""
        self._unreadable = False
        """The container could not be read to its end."""
        codec.thread_count = 1  # audio codecs gain nothing from threads, and the engine needs the cores

    @property
    def expected_seconds(self) -> float:
        """How long it will probably be: what its header says, else FFmpeg's guess, else one from its size."""
        for seconds in (self._declared, self._guessed):
            if seconds is not None:
                return min(seconds, self._max_seconds)
        return min(self._source.size / GUESSED_BYTES_PER_SECOND, self._max_seconds)

    @property
    def probable_seconds(self) -> float | None:
        """How long FFmpeg takes it to be, which may be a guess: to show to people. None: it has no idea."""
        known = self._container.duration
        return None if known is None else min(known / av.time_base, self._max_seconds)

    @property
    def seconds(self) -> float:
        """Seconds of audio yielded so far."""
        return self._yielded / SAMPLE_RATE

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Free the decoder; the file stays open."""
        self._container.close()

    def __iter__(self) -> Iterator[Samples]:
        """Decode.

        Raises:
            TooLarge: the recording is longer than `max_seconds`.
            InvalidAudio: not one frame of it can be decoded, or decoding takes absurdly long.
        """
        chunks = self._chunks()
        while True:
            self._source.budget.resume()  # only the time spent in here counts, whatever the consumer does between
            try:
                chunk = next(chunks, None)
            finally:
                self._source.budget.pause()
            if chunk is None:
                return
            self._yielded += chunk.shape[-1]
            if self.seconds > self._max_seconds + GAP_SECONDS:
                raise TooLarge(
                    f"The audio is longer than the {self._max_seconds:g} seconds that this server accepts.",
                    param="file",
                )
            yield chunk

    def _chunks(self) -> Iterator[Samples]:
        """Blocks of any length, joined to chunks."""
        pending: list[Samples] = []
        size = 0
        for block in self._blocks():
            pending.append(block)
            size += block.shape[-1]
            if size >= CHUNK_SECONDS * SAMPLE_RATE:
                yield np.concatenate(pending, axis=-1)
                pending, size = [], 0
        self._source.check(self._clock.elapsed)
        if size:
            yield np.concatenate(pending, axis=-1)
        if not self._clock.elapsed:
            raise InvalidAudio(
                f"No audio could be decoded from the file ({self.container}, {self.codec}): it is empty or damaged.",
                param="file",
            )
        self.truncated = self._breaks_off()

    def _blocks(self) -> Iterator[Samples]:
        """Every frame in order, with silence where the file's clock has a hole."""
        for frame in self._frames():
            gap = self._clock.gap_before(frame.time)
            if gap or not self._converter.fits(frame):
                yield from self._converter.flush()
            yield from self._silence(gap, frame)
            yield from self._converter.push(frame)
            self._clock.advance(gap + frame.samples / frame.sample_rate)
        yield from self._converter.flush()

    def _silence(self, seconds: float, before: AudioFrame) -> Iterator[Samples]:
        left = round(seconds * SAMPLE_RATE)
        while left > 0:
            size = min(left, round(CHUNK_SECONDS * SAMPLE_RATE))
            yield self._converter.silence(size, before)
            left -= size

    def _frames(self) -> Iterator[AudioFrame]:
        """What the decoder makes of each packet; undecodable ones are left out."""
        bad = 0
        for packet in self._packets():
            self._source.check(self._clock.elapsed)
            frames, damaged = self._decoded(packet)
            bad = bad + 1 if damaged and not frames else 0
            self._broke_off = damaged or bad > MAX_BAD_PACKETS
            yield from frames
            if bad > MAX_BAD_PACKETS:
                break
        yield from self._decoded(None)[0]

    def _packets(self) -> Iterator["av.Packet[av.AudioStream]"]:
        """The packets of the track."""
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except FOREIGN:
                self._unreadable = True
                return
            if packet.size:  # the last one is empty: PyAV's way to drain the decoder
                yield packet

    def _decoded(self, packet: "av.Packet[av.AudioStream] | None") -> tuple[list[AudioFrame], bool]:
        """The frames of a packet, None for those that the decoder still holds; and whether the packet was damaged."""
        try:
            frames = self._stream.codec_context.decode(packet)
        except FOREIGN:
            return [], True
        for frame in frames:
            _refuse_absurd(frame.sample_rate, frame.layout.nb_channels)  # a header may lie, and change on the way
        return frames, packet is not None and packet.is_corrupt

    def _breaks_off(self) -> bool:
        if self._endless:
            return False
        if self._declared is not None:
            if self._clock.elapsed < self._declared - CUT_SECONDS:
                return True
            if not self.codec.startswith("pcm_"):  # FFmpeg takes their length from the file's size when that is less
                return False  # tags and other bytes behind the declared end may look damaged and are not missed
        if self.container == "ogg" and not self._source.ends_as_ogg():
            return True
        return self._unreadable or self._broke_off


def _refuse_other_files(head: bytes) -> None:
    if not head:
        raise InvalidAudio("The file is empty.", param="file")
    noun = looks_like(head[:512])
    if noun:
        raise UnsupportedAudioFormat(f"The file looks like {noun}, not audio. Accepted: {ACCEPTED}.", param="file")
    header = claim(head)
    if header is not None:
        _refuse_absurd(header.sample_rate, header.channels)


def _open_container(source: Source) -> av.container.InputContainer:
    try:
        return av.open(
            source,
            "r",
            container_options=CONTAINER_OPTIONS,
            metadata_errors="replace",
        )
    except FOREIGN as error:
        source.check(0.0)
        name = begins_as(source.head)
        if name:
            raise InvalidAudio(f"The file begins like {name} but is damaged or incomplete.", param="file") from error
        raise UnsupportedAudioFormat(
            f"The file is not audio in an accepted format. Accepted: {ACCEPTED}.", param="file"
        ) from error


def _audio_track(container: av.container.InputContainer, source: Source) -> "av.audio.AudioStream":
    """The first audio track.

    Raises:
        InvalidAudio: there is none, or its header is absurd.
        UnsupportedAudioFormat: there is no decoder for it.
    """
    if not container.streams.audio:
        kind = "video" if container.streams.video else begins_as(source.head) or container.format.name
        raise InvalidAudio(f"The file ({kind}) has no audio track.", param="file")
    track = container.streams.audio[0]
    if track.codec_context is None:
        raise UnsupportedAudioFormat(
            f"The audio track uses a codec that is not accepted. Accepted: {ACCEPTED}.", param="file"
        )
    _refuse_absurd(track.codec_context.sample_rate or SAMPLE_RATE, track.codec_context.channels or 1)
    return track


def _refuse_absurd(rate: float, channels: int) -> None:
    if not 1 <= channels <= MAX_CHANNELS:
        raise InvalidAudio(f"The audio claims {channels} channels; at most {MAX_CHANNELS} are accepted.", param="file")
    if not MIN_SAMPLE_RATE <= rate <= MAX_SAMPLE_RATE:
        raise InvalidAudio(f"The audio claims a sample rate of {rate:.0f} Hz.", param="file")


def _clock_origin(container: av.container.InputContainer) -> float | None:
    """Where the file's own clock has its zero, in seconds: at 0 in MP4 and Matroska, elsewhere at its first packet."""
    if container.format.name.startswith(("mov", "matroska")):
        return 0.0
    start = container.start_time
    return None if start is None else float(start * Fraction(1, av.time_base))


def _declared_seconds(
    container: av.container.InputContainer, track: "av.audio.AudioStream", source: Source
) -> float | None:
    """How long the header says the track is; None when it does not say, or FFmpeg only guessed."""
    name = container.format.name.partition(",")[0]
    guessed = name in ("aac", "amr", "mpeg", "ogg") or (name == "mp3" and not source.counts_mp3_frames())
    if guessed or (len(container.streams) > 1 and name != "mov"):
        return None
    if name == "mov":
        return None if track.duration is None or not track.time_base else float(track.duration * track.time_base)
    return None if container.duration is None else container.duration / av.time_base
