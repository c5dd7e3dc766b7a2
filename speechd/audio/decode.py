"""Any accepted recording in, float32 at 16 kHz out, mixed to mono or each channel apart, a few seconds at a time.

Memory stays flat however long the recording is. FFmpeg works in a process of its own for each recording, which has next
to no rights (see speechd.audio.isolation) and is gone when the stream is closed: a recording that is made to do harm
does it there.
"""

import threading
from collections.abc import Iterator
from types import TracebackType
from typing import BinaryIO, Self

from speechd.audio.isolation.decoding_process import DecodingProcess
from speechd.audio.isolation.descriptors import read_only
from speechd.audio.isolation.pool import DecoderPool, shared_pool
from speechd.audio.isolation.protocol import DEFAULT_MAX_SECONDS, DecodeOptions, Ending, Header
from speechd.errors import InternalError
from speechd.types import SAMPLE_RATE, Clip, Samples


def open_audio(
    file: BinaryIO,
    *,
    max_seconds: float = DEFAULT_MAX_SECONDS,
    grace: float = 20.0,
    apart: bool = False,
    audio_track: str | None = None,
    clip: Clip | None = None,
) -> "AudioStream":
    """Open a recording for decoding, judged by its content alone.

    Args:
        file: seekable, read from its start; it stays open and belongs to the caller.
        max_seconds: the longest recording accepted, in seconds of audio.
        grace: CPU seconds that decoding may take beyond a fifth of the audio's own length.
        apart: do not mix the channels.
        audio_track: which one of several, see speechd.types.TranscribeOptions.
        clip: the part that is yielded; the whole recording by default.

    Raises:
        UnsupportedAudioFormat: it is none of the accepted containers, or uses a codec that is not accepted.
        InvalidAudio: it is empty, broken, made to do harm, or has no audio track.
        InvalidRequest: it has no such track.
        Overloaded: as many recordings as may be are being decoded.
        InternalError: the file cannot be read, or no process can be started.
    """
    part = clip or Clip()
    stream = AudioStream(file, DecodeOptions(max_seconds, grace, apart, audio_track, part.start, part.duration))
    try:
        stream.open()
    except BaseException:
        stream.close()
        raise
    return stream


class AudioStream:
    """One recording; open it, iterate once for its Samples in chunks of some seconds. Close it, or use `with`.

    A chunk has the shape (n,) or, where channels stay apart, (channels, n). Several WAVs one behind the other in one
    file, as streaming servers send them, are one recording. `close` may be called by any thread, at any time: it ends
    the decoding at once, and a thread that waits for a chunk gets an error.
    """

    def __init__(self, file: BinaryIO, options: DecodeOptions, pool: DecoderPool | None = None) -> None:
        """
        Args:
            file: see open_audio.
            options: see open_audio.
            pool: where its process comes from; that of this process by default.
        """
        self._file = file
        self._options = options
        self._pool = pool or shared_pool()
        self._lock = threading.Lock()
        self._closed = False
        self._process: DecodingProcess | None = None
        self._header: Header | None = None
        self._samples = 0
        self.truncated = False
        """True once the iteration has ended because the recording breaks off."""
        self.trailing = False
        """True once the iteration has ended before bytes that may be audio which the header does not count."""

    def open(self) -> None:
        """Read the header; blocking.

        Raises:
            SpeechdError: see open_audio.
        """
        process = self._pool.acquire()
        with self._lock:
            self._process = process
            if self._closed:
                process.end()
        try:
            with read_only(self._file) as descriptor:
                process.ask(self._options, descriptor)
        except (OSError, ValueError) as error:
            raise InternalError("The uploaded file could not be read.") from error
        header = process.receive()
        if not isinstance(header, Header):
            raise InternalError("The decoder answers out of turn.")
        self._header = header

    @property
    def header(self) -> Header:
        """What is known before decoding."""
        if self._header is None:
            raise ValueError("the stream is not open")
        return self._header

    @property
    def container(self) -> str:
        """FFmpeg's short name: wav, mov, matroska, ogg ..."""
        return self.header.container

    @property
    def codec(self) -> str:
        """FFmpeg's short name."""
        return self.header.codec

    @property
    def sample_rate(self) -> int:
        """Hz, of the source; 0 when only its frames say."""
        return self.header.sample_rate

    @property
    def channels(self) -> int:
        """Of the source; 0 when only its frames say."""
        return self.header.channels

    @property
    def expected_seconds(self) -> float:
        """How long it will probably be: what its header says, else FFmpeg's guess, else one from its size."""
        return self._options.clip.seconds_of(self.header.expected_seconds)

    @property
    def declares_length(self) -> bool:
        """Whether `expected_seconds` is what its header says, not a guess."""
        return self.header.declares_length

    @property
    def probable_seconds(self) -> float | None:
        """How long FFmpeg takes it to be, which may be a guess: to show to people. None: it has no idea."""
        guess = self.header.probable_seconds
        return None if guess is None else self._options.clip.seconds_of(guess)

    @property
    def seconds(self) -> float:
        """Seconds of audio yielded so far."""
        return self._samples / SAMPLE_RATE

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the decoding; the file stays open."""
        with self._lock:
            self._closed = True
            process = self._process
        if process is not None:
            process.end()

    def __iter__(self) -> Iterator[Samples]:
        """Decode.

        Raises:
            TooLarge: the recording is longer than `max_seconds`.
            InvalidRequest: the recording ends before the clip begins.
            InvalidAudio: not one frame of it can be decoded, or decoding takes absurdly long, or it is made to do harm.
        """
        process = self._process
        if process is None:
            raise ValueError("the stream is not open")
        try:
            process.go_on()
            while not isinstance(message := process.receive(), Ending):
                if isinstance(message, Header):
                    raise InternalError("The decoder answers out of turn.")
                self._samples += message.shape[-1]
                yield message
        finally:
            process.end()  # also where the caller has broken off the iteration
        self.truncated, self.trailing = message.truncated, message.trailing
