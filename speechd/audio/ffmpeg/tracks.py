"""A container opened by FFmpeg: the selected audio track, the start of its clock, its frames, its end.

FFmpeg (through PyAV) reads a file object without a name. It may use only the containers of `containers.py` and no
protocol. So no file can make it open another file, a connection or a socket. An error inside FFmpeg becomes an error of
`speechd.errors`.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import av
import av.audio
import av.container
from av.audio.frame import AudioFrame
from av.stream import Disposition

from speechd.audio.ffmpeg.codecs import CODEC_WHITELIST, CODECS
from speechd.audio.ffmpeg.containers import ACCEPTED, FORMAT_WHITELIST, begins_as, formats_of, piece_of
from speechd.audio.ffmpeg.ffmpeg_input import FOREIGN, FFmpegInput
from speechd.audio.ffmpeg.headers import sample_data
from speechd.errors import InvalidAudio, InvalidRequest, UnsupportedAudioFormat
from speechd.languages import english_name, find
from speechd.types import SAMPLE_RATE

CUT_SECONDS: Final = 0.2
"""Seconds. Less than this is not reported as missing at the end; encoder delays, rounding and cut frames stay below
it."""

MAX_CHANNELS: Final = 64
"""As many as libswresample can take."""

MIN_SAMPLE_RATE: Final = 1_000
"""Hz."""

MAX_SAMPLE_RATE: Final = 768_000
"""Hz; the highest of studio converters."""

MAX_BAD_PACKETS: Final = 1_000
"""Undecodable packets in a row after which decoding stops."""

MAX_EDIT_SECONDS: Final = 60.0
"""An MP4 that starts later than this was cut from a running recording; an edit list delays by less."""

MAX_TRACKS_NAMED: Final = 16
"""Tracks that an error message lists at most."""
MAX_TITLE: Final = 40
"""Characters of a track's title in an error message."""

CONTAINER_OPTIONS: Final = {
    "format_whitelist": FORMAT_WHITELIST,
    "codec_whitelist": CODEC_WHITELIST,
    "protocol_whitelist": "",
}
"""Keeps FFmpeg from opening anything: it has only our containers and codecs and no protocol, not even `file`."""

TAG_OPTIONS: Final[dict[str, Any]] = (
    {"metadata_errors": "replace"} if int(av.__version__.partition(".")[0]) < 19 else {}
)
"""Tags that are not UTF-8 are replaced. PyAV 18 needs this argument. PyAV 19 has the behaviour and not the argument."""


class Track:
    """One audio track of an open container. Read its frames once; close it."""

    def __init__(self, source: FFmpegInput, audio_track: str | None) -> None:
        """
        Args:
            source: the container's bytes.
            audio_track: which one, see speechd.types.TranscribeOptions; None takes the default one.

        Raises:
            UnsupportedAudioFormat: it is none of the accepted containers, or uses a codec that is not accepted.
            InvalidAudio: it is broken, or has no audio track.
            InvalidRequest: it has no such track.
        """
        self._source = source
        self._container = _open_container(source)
        try:
            self._stream = _usable(_chosen(self._container, source, audio_track))
        except BaseException:
            self._container.close()
            raise
        self._codec = self._stream.codec_context
        self._codec.thread_count = 1  # audio codecs are not faster with threads, and the engine needs the cores
        self.container = self._container.format.name.partition(",")[0]
        """FFmpeg's short name: wav, mov, matroska, ogg ..."""
        self.codec = self._codec.name
        self.sample_rate = self._codec.sample_rate
        """Hz; 0 when only its frames say."""
        self.channels = self._codec.channels
        """0 when only its frames say."""
        self.origin = _origin(self._container, self.container)
        """The timestamp, in seconds, that is second 0 of the recording; None where the first frame says."""
        self._data = sample_data(source.read_at, source.size)
        self._broke_off = False
        """The last packet was damaged."""
        self._unreadable = False
        """The container could not be read to its end."""

    def close(self) -> None:
        """Free the decoder; the file stays open."""
        self._container.close()

    @property
    def guessed(self) -> float | None:
        """Seconds by FFmpeg's estimate; None where it has none."""
        duration = self._container.duration
        return None if duration is None else self._since_origin(duration / av.time_base)

    @property
    def declared(self) -> float | None:
        """Seconds that the header says; None when it does not say, or FFmpeg only guessed."""
        no_header = self.container in ("aac", "ac3", "amr", "dts", "eac3", "mpeg", "mpegts", "ogg")
        if no_header or (self.container == "mp3" and not self._source.counts_mp3_frames()):
            return None
        if self.container == "mov":
            duration, unit = self._stream.duration, self._stream.time_base
            return None if duration is None or not unit else float(duration * unit)
        return None if len(self._container.streams) > 1 else self.guessed

    def frames(self, elapsed: Callable[[], float]) -> Iterator[AudioFrame]:
        """What the decoder makes of each packet; undecodable ones are left out.

        Args:
            elapsed: seconds of audio so far, which the time that decoding may take depends on.

        Raises:
            InternalError: the file itself cannot be read.
            InvalidAudio: decoding takes too long, or a frame has impossible properties.
        """
        bad = 0
        for packet in self._packets():
            self._source.check(elapsed())
            frames, damaged = self._decoded(packet)
            bad = bad + 1 if damaged and not frames else 0
            self._broke_off = damaged or bad > MAX_BAD_PACKETS
            yield from frames
            if bad > MAX_BAD_PACKETS:
                break
        self._source.check(elapsed())
        yield from self._decoded(None)[0]

    def breaks_off(self, seconds: float) -> bool:
        """Whether speech is probably missing at the end.

        Where the header tells the length, at least CUT_SECONDS must be missing. Elsewhere the evidence is a last frame
        or page that is cut. A transport stream always begins and ends inside a running one.

        Args:
            seconds: how many were decoded.
        """
        if self.container == "mpegts":
            return False
        if self._data is not None and self._data.held:
            return self._data.missing / self._data.held * seconds > CUT_SECONDS
        if self.declared is not None:
            if seconds < self.declared - CUT_SECONDS:
                return True
            if not self.codec.startswith("pcm_"):  # FFmpeg takes their length from the file's size when that is less
                return False  # tags and other bytes behind the declared end may look damaged and are not missed
        if self.container == "ogg" and not self._source.ends_as_ogg():
            return True
        return self._unreadable or self._broke_off

    def leaves_out(self, stray: int, seconds: float) -> bool:
        """Whether these bytes after the samples would last CUT_SECONDS as samples.

        Args:
            stray: bytes.
            seconds: what the samples came to.
        """
        return self._data is not None and stray * seconds > CUT_SECONDS * max(1, self._data.held)

    def _since_origin(self, end: float) -> float:
        """Matroska and ASF tell when a recording ends, on a clock that may start anywhere; others how long it is."""
        start = self.origin or 0.0
        return end - start if self.container in ("matroska", "asf") and 0 < start < end else end

    def _packets(self) -> Iterator["av.Packet[av.AudioStream]"]:
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
            frames = self._codec.decode(packet)
        except FOREIGN:
            return [], True
        for frame in frames:
            refuse_absurd(frame.sample_rate, frame.layout.nb_channels)  # a header may be wrong or change later
        return frames, packet is not None and packet.is_corrupt


def refuse_absurd(rate: float, channels: int) -> None:
    """
    Raises:
        InvalidAudio: the number of channels or the rate is impossible.
    """
    if not 1 <= channels <= MAX_CHANNELS:
        raise InvalidAudio(f"The audio claims {channels} channels; at most {MAX_CHANNELS} are accepted.", param="file")
    if not MIN_SAMPLE_RATE <= rate <= MAX_SAMPLE_RATE:
        raise InvalidAudio(f"The audio claims a sample rate of {rate:.0f} Hz.", param="file")


def _open_container(source: FFmpegInput) -> av.container.InputContainer:
    options = CONTAINER_OPTIONS | {"format_whitelist": formats_of(source.head)}
    try:
        opened: av.container.InputContainer = av.open(source, "r", container_options=options, **TAG_OPTIONS)
        return opened
    except FOREIGN as error:
        source.check(0.0)
        if piece := piece_of(source.head):
            raise InvalidAudio(
                f"The file is a fragment of {piece}, a later piece without the header that decoders need."
                " Send all pieces in one file, beginning with the first, or record again.",
                param="file",
            ) from error
        if name := begins_as(source.head):
            raise InvalidAudio(f"The file begins like {name} but is damaged or incomplete.", param="file") from error
        raise UnsupportedAudioFormat(
            f"The file is not audio in an accepted format. Accepted: {ACCEPTED}.", param="file"
        ) from error


def _chosen(
    container: av.container.InputContainer, source: FFmpegInput, audio_track: str | None
) -> "av.audio.AudioStream":
    """The track that was asked for, else the one flagged as default, else the first."""
    tracks = container.streams.audio
    if not tracks:
        kind = "video" if container.streams.video else begins_as(source.head) or container.format.name
        raise InvalidAudio(f"The file ({kind}) has no audio track.", param="file")
    fitting = [track for number, track in enumerate(tracks) if _fits(number, track, audio_track)]
    if not fitting:
        raise InvalidRequest(
            f"The recording has no audio track {audio_track!r}. It has {_listing(tracks)}.", param="audio_track"
        )
    return next((track for track in fitting if track.disposition & Disposition.default), fitting[0])


def _fits(number: int, track: "av.audio.AudioStream", audio_track: str | None) -> bool:
    return audio_track is None or audio_track == str(number) or audio_track in _languages(track)


def _languages(track: "av.audio.AudioStream") -> list[str]:
    """ISO 639-1 codes where there are; a track of two mono programmes has two (EN 300 468: `deu,eng`)."""
    tags = [tag.strip() for tag in track.metadata.get("language", "").split(",")]
    return [language.code if (language := find(tag)) else tag.lower() for tag in tags if tag]


def _listing(tracks: Sequence["av.audio.AudioStream"]) -> str:
    """`0 (German, "Commentary", aac, 2 channels), 1 (...)`."""
    named = [f"{number} ({_described(track)})" for number, track in enumerate(tracks[:MAX_TRACKS_NAMED])]
    more = len(tracks) - len(named)
    return ", ".join(named) + (f" and {more} more" if more else "")


def _described(track: "av.audio.AudioStream") -> str:
    codec = track.codec_context
    channels = 0 if codec is None else codec.channels
    title = "".join(letter for letter in track.metadata.get("title", "") if letter.isprintable())[:MAX_TITLE]
    parts = [
        ", ".join(english_name(code) for code in _languages(track)) or "language unknown",
        title and f'"{title}"',
        "unknown codec" if codec is None else codec.name,
        channels and f"{channels} channel{'s' if channels > 1 else ''}",
    ]
    return ", ".join(str(part) for part in parts if part)


def _usable(track: "av.audio.AudioStream") -> "av.audio.AudioStream":
    """
    Raises:
        UnsupportedAudioFormat: there is no decoder for it, or none that is accepted.
        InvalidAudio: its header has impossible values.
    """
    if track.codec_context is None or track.codec_context.name not in CODECS:
        raise UnsupportedAudioFormat(
            f"The audio track uses a codec that is not accepted. Accepted: {ACCEPTED}.", param="file"
        )
    refuse_absurd(track.codec_context.sample_rate or SAMPLE_RATE, track.codec_context.channels or 1)
    return track


def _origin(container: av.container.InputContainer, name: str) -> float | None:
    """The start of all its tracks, so that sound that begins after the picture keeps its position.

    MP4 has its clock at 0 (ISO/IEC 14496-12, section 8.6.5: an edit list delays a track by silence), unless it is a
    piece of a running recording.
    """
    start = None if container.start_time is None else container.start_time / av.time_base
    if name == "mov" and (start is None or start <= MAX_EDIT_SECONDS):
        return 0.0
    return start
