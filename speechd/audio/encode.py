"""Samples -> bytes of an audio file, streamed where the format allows it: one class for each encoder.

Facts that shaped it, measured with PyAV 18 and libsndfile 1.2:

- The av wheel has no Vorbis encoder: Ogg Vorbis goes through libsndfile. libopus refuses rates such as 22 050 Hz, and
  every Opus decoder gives 48 kHz anyway.
- A FLAC without its length breaks readers, so it is finished (spooled to disk when large) before it is sent.
- A streamed WAV with sizes 0xFFFFFFFF can be read; a streamed MP3 lacks the Xing frame, so its encoder delay is heard
  as 46 ms of silence. A speech that is known whole is written with true sizes and delays instead.
- AAC in ADTS can say neither delay nor length: the first packet is nothing but delay and is left out; the end is
  rounded up to a frame of 1024 samples.
"""

import io
import struct
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from speechd.types import Samples

SAMPLE_RATES = (8000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
"""Hz that may be asked for."""
DEFAULT_RATE = 24_000
FAST_LAME = (("compression_level", "7"),)
"""LAME's quality 7 takes half the time of its default (measured) at the same bit rate."""
EXACT_AAC = (("aac_coder", "fast"),)
"""FFmpeg's other coder of AAC, its default, raises single peaks of loud speech by half (measured)."""
OPUS_RATES = (8000, 16_000, 24_000, 48_000)
UNKNOWN_SIZE = 0xFFFFFFFF
IN_MEMORY = 4_000_000
"""Bytes of a FLAC that are kept in memory; a longer one is spooled to disk."""
ENCODER_CHUNK = 65_536
VORBIS_FEED = 4096
"""Samples; libsndfile overruns its stack when Vorbis is written in large blocks."""
PCM, MULAW = 1, 7
"""Format tags of RIFF WAVE (RFC 2361)."""


class Encoder(Protocol):
    """Encodes one stream of samples into one file."""

    def encode(self, samples: Samples) -> bytes:
        """The bytes that are ready after these samples; may be none yet."""
        ...

    def finish(self) -> Iterator[bytes]:
        """The rest of the file. Only `close` may follow."""
        ...

    def close(self) -> None:
        """Ends its threads and frees its memory, wherever it was broken off. No call may follow."""
        ...


class WaveEncoder:
    """RIFF WAVE of 16-bit PCM or of G.711 mu-law, or the bare samples without a header."""

    def __init__(self, rate: int, whole: bool, *, tag: int = PCM, header: bool = True) -> None:
        self._rate = rate
        self._tag = tag
        self._held: list[bytes] | None = [] if whole and header else None
        self._head = _wave_header(rate, tag, None) if header and not whole else b""

    def encode(self, samples: Samples) -> bytes:
        data = mulaw(samples) if self._tag == MULAW else pcm16(samples).tobytes()
        if self._held is not None:
            self._held.append(data)
            return b""
        head, self._head = self._head, b""
        return head + data

    def finish(self) -> Iterator[bytes]:
        if self._held is not None:
            data = b"".join(self._held)
            yield _wave_header(self._rate, self._tag, len(data)) + data + b"\0" * (len(data) % 2)
        elif self._head:
            yield self._head

    def close(self) -> None:
        """It has nothing to free."""


def pcm16(samples: Samples) -> npt.NDArray[np.int16]:
    """16-bit little-endian samples; what lies outside [-1, 1] is limited."""
    whole: npt.NDArray[np.int16] = np.rint(samples.clip(-1, 1) * 32767).astype("<i2")
    return whole


def mulaw(samples: Samples) -> bytes:
    """G.711 mu-law, one byte a sample (ITU-T G.711; bias 33 on 14 bits, the form that is common in software)."""
    linear = np.rint(samples.clip(-1, 1) * 32635).astype(np.int32)
    size = np.abs(linear) + 132
    exponent = np.floor(np.log2(size)).astype(np.int32) - 7
    mantissa = (size >> (exponent + 3)) & 0x0F
    code = (exponent << 4) | mantissa | np.where(linear < 0, 0x80, 0)
    return bytes((~code & 0xFF).astype(np.uint8))


def _wave_header(rate: int, tag: int, size: int | None) -> bytes:
    """The bytes before the samples; sizes are "unknown" while the speech is still being made."""
    width = 1 if tag == MULAW else 2
    layout = struct.pack("<HHIIHH", tag, 1, rate, rate * width, width, width * 8)
    chunks = struct.pack("<4sI", b"fmt ", len(layout)) + layout
    if tag != PCM:
        layout += struct.pack("<H", 0)
        count = UNKNOWN_SIZE if size is None else size // width
        chunks = struct.pack("<4sI", b"fmt ", len(layout)) + layout + struct.pack("<4sII", b"fact", 4, count)
    data = UNKNOWN_SIZE if size is None else size
    riff = UNKNOWN_SIZE if size is None else 4 + len(chunks) + 8 + size + size % 2
    return struct.pack("<4sI4s", b"RIFF", riff, b"WAVE") + chunks + struct.pack("<4sI", b"data", data)


def bare_pcm_header(rate: int) -> bytes:
    """What makes a WAV of samples that follow it: 16-bit little-endian mono PCM.

    Args:
        rate: Hz.
    """
    return _wave_header(rate, PCM, None)


class _ByteSink:
    """A file that takes bytes and hands them on; it cannot seek, so muxers stream."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def write(self, data: bytes) -> int:
        self._bytes += data
        return len(data)

    def take(self) -> bytes:
        taken = bytes(self._bytes)
        self._bytes.clear()
        return taken


@dataclass(frozen=True, slots=True)
class Codec:
    """How PyAV is to encode."""

    name: str
    container: str
    sample_format: str
    bits_per_second: int = 0
    """For rates from 32 kHz on; half of it below. 0: lossless."""
    options: tuple[tuple[str, str], ...] = ()
    """The codec's own."""
    skip_packets: int = 0
    """Packets at the start that hold nothing but the encoder's delay."""


class AvEncoder:
    """Any codec of FFmpeg's in any container."""

    def __init__(self, rate: int, whole: bool, *, codec: Codec) -> None:
        import av

        self._sink: Any = tempfile.SpooledTemporaryFile(IN_MEMORY) if whole else _ByteSink()  # noqa: SIM115
        options = {"page_duration": "200000"} if codec.container == "ogg" and not whole else {}
        self._container: Any = av.open(self._sink, "w", format=codec.container, options=options)
        stream: Any = self._container.add_stream(codec.name, rate=rate, layout="mono")
        stream.format, stream.options = codec.sample_format, dict(codec.options)
        if codec.bits_per_second:
            stream.bit_rate = codec.bits_per_second if rate >= 32_000 else codec.bits_per_second // 2
        self._stream, self._rate, self._codec = stream, rate, codec
        self._skip, self._at = codec.skip_packets, 0

    def encode(self, samples: Samples) -> bytes:
        if len(samples):
            self._mux(self._stream.encode(self._frame(samples)))
        return self._sink.take() if isinstance(self._sink, _ByteSink) else b""

    def finish(self) -> Iterator[bytes]:
        self._mux(self._stream.encode(None))
        self._container.close()
        if isinstance(self._sink, _ByteSink):
            yield self._sink.take()
            return
        with self._sink:
            self._sink.seek(0)
            while chunk := self._sink.read(ENCODER_CHUNK):
                yield chunk

    def close(self) -> None:
        """See Encoder. Codec and container refer to each other, so only the garbage collector would free them."""
        self._container.close()
        if not isinstance(self._sink, _ByteSink):
            self._sink.close()

    def _mux(self, packets: list[Any]) -> None:
        for packet in packets:
            if self._skip:
                self._skip -= 1
            else:
                self._container.mux(packet)

    def _frame(self, samples: Samples) -> Any:
        import av

        kind = self._codec.sample_format
        data = pcm16(samples) if kind == "s16" else np.ascontiguousarray(samples.clip(-1, 1), np.float32)
        frame = av.AudioFrame.from_ndarray(data[None], format=kind, layout="mono")
        frame.sample_rate = self._rate
        frame.time_base, frame.pts = Fraction(1, self._rate), self._at
        self._at += len(samples)
        return frame


class VorbisEncoder:
    """Ogg Vorbis through libsndfile."""

    def __init__(self, rate: int, whole: bool) -> None:
        import soundfile

        self._sink = _AppendOnlyFile()
        self._file = soundfile.SoundFile(self._sink, "w", rate, 1, format="OGG", subtype="VORBIS")

    def encode(self, samples: Samples) -> bytes:
        for start in range(0, len(samples), VORBIS_FEED):
            self._file.write(samples[start : start + VORBIS_FEED].clip(-1, 1))
        return self._sink.take()

    def finish(self) -> Iterator[bytes]:
        self._file.close()
        yield self._sink.take()

    def close(self) -> None:
        """See Encoder."""
        self._file.close()


class _AppendOnlyFile(io.RawIOBase):
    """Write-only; it says where it is and "seeks" nowhere else, which is all libsndfile does when it writes Ogg."""

    def __init__(self) -> None:
        self._outlet = _ByteSink()
        self._at = 0

    def write(self, data: Any) -> int:
        self._at += len(data)
        return self._outlet.write(bytes(data))

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._at

    def take(self) -> bytes:
        return self._outlet.take()


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """One format that speech can leave in."""

    name: str
    media_type: str
    suffix: str
    """File name suffix, with the dot."""
    _open: Callable[[int, bool], Encoder]
    needs_whole: bool = False
    """Nothing leaves before the end."""
    coded_rates: tuple[int, ...] = SAMPLE_RATES
    """Rates that the codec takes; a request for another is coded at the highest."""

    def coded_rate(self, rate: int | None) -> int:
        """Hz at which a request for this rate (None: no wish) is coded."""
        wish = rate or DEFAULT_RATE
        return wish if wish in self.coded_rates else max(self.coded_rates)

    def open(self, rate: int, whole: bool) -> Encoder:
        """An encoder; `whole` promises that little will come, so that it may hold everything back to its end."""
        return self._open(rate, whole or self.needs_whole)


def _av(*codec: Any) -> Callable[[int, bool], Encoder]:
    return lambda rate, whole: AvEncoder(rate, whole, codec=Codec(*codec))


AUDIO_FORMATS: dict[str, AudioFormat] = {
    format_.name: format_
    for format_ in (
        AudioFormat("mp3", "audio/mpeg", ".mp3", _av("libmp3lame", "mp3", "fltp", 96_000, FAST_LAME)),
        AudioFormat("wav", "audio/wav", ".wav", WaveEncoder),
        AudioFormat("flac", "audio/flac", ".flac", _av("flac", "flac", "s16"), needs_whole=True),
        AudioFormat("ogg", "audio/ogg", ".ogg", VorbisEncoder),
        AudioFormat("opus", "audio/ogg", ".opus", _av("libopus", "ogg", "flt", 64_000), coded_rates=OPUS_RATES),
        AudioFormat("aac", "audio/aac", ".aac", _av("aac", "adts", "fltp", 96_000, EXACT_AAC, 1)),
        AudioFormat("mulaw", "audio/wav", ".wav", lambda rate, whole: WaveEncoder(rate, whole, tag=MULAW)),
        AudioFormat("pcm", "audio/pcm", ".pcm", lambda rate, whole: WaveEncoder(rate, whole, header=False)),
        AudioFormat(
            "basic",
            "audio/basic",
            ".au",
            lambda rate, whole: WaveEncoder(rate, whole, tag=MULAW, header=False),
        ),
    )
}
"""`basic` is headerless mu-law (RFC 2046: audio/basic), for clients whose Accept asks for it."""
