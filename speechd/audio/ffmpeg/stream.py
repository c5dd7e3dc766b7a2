"""Any accepted recording in, float32 at 16 kHz out, mixed to mono or each channel apart, a few seconds at a time.

Memory stays flat however long the recording is.
"""

from collections.abc import Iterator
from types import TracebackType
from typing import BinaryIO, Final, Self

import numpy as np
from av.audio.frame import AudioFrame

from speechd.audio.ffmpeg.containers import ACCEPTED, looks_like
from speechd.audio.ffmpeg.ffmpeg_input import CpuBudget, FFmpegInput
from speechd.audio.ffmpeg.headers import header_claim, recordings
from speechd.audio.ffmpeg.mp4_index import refuse_index_bomb
from speechd.audio.ffmpeg.resample import GAP_SECONDS, ChannelResampler, MonoResampler, SampleClock
from speechd.audio.ffmpeg.tracks import Track, refuse_absurd
from speechd.audio.isolation.protocol import DecodeOptions
from speechd.errors import InvalidAudio, TooLarge, UnsupportedAudioFormat
from speechd.types import SAMPLE_RATE, Samples

CHUNK_SECONDS: Final = 5.0
"""Length of what the stream yields, except at a gap and at the end."""

GUESSED_BYTES_PER_SECOND: Final = 8_000
"""64 kbit/s: what streamed recordings without a length, such as a browser's WebM, usually come near to."""


def open_stream(file: BinaryIO, options: DecodeOptions) -> "FFmpegStream":
    """Open a recording for decoding in this process; see speechd.audio.decode.open_audio, which isolates it.

    Args:
        file: seekable, read from its start; it stays open and belongs to the caller until the stream is closed.
        options: bounds, track and channels.

    Raises:
        UnsupportedAudioFormat, InvalidAudio, InvalidRequest: see speechd.audio.decode.open_audio.
    """
    source = FFmpegInput(file, CpuBudget(options.grace))
    source.budget.resume()
    try:
        _refuse_other_files(source.head)
        refuse_index_bomb(source, options.max_seconds)
        return FFmpegStream(source, options)
    finally:
        source.budget.pause()


class FFmpegStream:
    """One recording; iterate once for its Samples in chunks of about CHUNK_SECONDS. Close it, or use `with`.

    A chunk has the shape (n,) or, where channels stay apart, (channels, n). Several WAVs one behind the other in one
    file, as streaming servers send them, are one recording.
    """

    def __init__(self, source: FFmpegInput, options: DecodeOptions) -> None:
        self._source = source
        self._max_seconds = options.max_seconds
        self._sections = recordings(source.read_at, source.size)
        self._section = next(self._sections)
        """The stretch of the file that is read."""
        self._track = Track(self._bytes(), options.audio_track)
        self.container, self.codec = self._track.container, self._track.codec
        """FFmpeg's short names: wav, mov, matroska, ogg ..."""
        self.sample_rate = self._track.sample_rate
        """Hz, of the source; 0 when only its frames say."""
        self.channels = self._track.channels
        """Of the source; 0 when only its frames say."""
        self.truncated = False
        """True once the iteration has ended because the recording breaks off."""
        self.trailing = False
        """True once the iteration has ended before bytes that may be audio which the header does not count."""
        self._clock = SampleClock(self._track.origin)
        self._converter = ChannelResampler() if options.apart else MonoResampler()
        self._yielded = 0

    @property
    def expected_seconds(self) -> float:
        """How long it will probably be: what its header says, else FFmpeg's guess, else one from its size."""
        for seconds in (self._track.declared, self._track.guessed):
            if seconds is not None:
                return min(seconds * self._source.size / self._section.size, self._max_seconds)
        return min(self._source.size / GUESSED_BYTES_PER_SECOND, self._max_seconds)

    @property
    def declares_length(self) -> bool:
        """Whether `expected_seconds` is what its header says, not a guess."""
        return self._track.declared is not None

    @property
    def probable_seconds(self) -> float | None:
        """How long FFmpeg takes it to be, which may be a guess: to show to people. None: it has no idea."""
        return None if self._track.guessed is None else self.expected_seconds

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
        self._track.close()

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
        if size:
            yield np.concatenate(pending, axis=-1)
        if not self._clock.elapsed:
            raise InvalidAudio(
                f"No audio could be decoded from the file ({self.container}, {self.codec}): it is empty or damaged.",
                param="file",
            )

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
        """The frames of each recording in the file."""
        more = True
        while more:
            begun = self._clock.elapsed
            yield from self._track.frames(lambda: self._clock.elapsed)
            seconds = self._clock.elapsed - begun
            self.truncated = self._track.breaks_off(seconds)
            self.trailing = self._track.leaves_out(self._section.stray, seconds)
            more = self._open_next()

    def _open_next(self) -> bool:
        """Go on with the recording behind, if there is one that can be read."""
        section = next(self._sections, None)
        if section is None:
            return False
        self._section = section
        try:
            track = Track(self._bytes(), None)
        except InvalidAudio:
            self.trailing = True
            return False
        self._track.close()
        self._track = track
        return True

    def _bytes(self) -> FFmpegInput:
        whole = self._section.size == self._source.size
        return self._source if whole else self._source.section(self._section.start, self._section.size)


def _refuse_other_files(head: bytes) -> None:
    if not head:
        raise InvalidAudio("The file is empty.", param="file")
    noun = looks_like(head[:512])
    if noun:
        raise UnsupportedAudioFormat(f"The file looks like {noun}, not audio. Accepted: {ACCEPTED}.", param="file")
    header = header_claim(head)
    if header is not None:
        refuse_absurd(header.sample_rate, header.channels)
