"""Small recordings made on the spot."""

import io
import struct
from collections.abc import Sequence
from fractions import Fraction

import av
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


def tone(seconds: float, rate: int, hertz: float = 440.0) -> Floats:
    """A sine of amplitude 0.4 whose last 0.1 s is an octave and a half higher: a lost end is heard. Shape (n,)."""
    count = round(seconds * rate)
    at = np.arange(count) / rate
    pitch = np.where(np.arange(count) < count - rate // 10, hertz, hertz * 3)
    return (0.4 * np.sin(2 * np.pi * pitch * at)).astype(np.float32)


def encode(
    samples: Floats,
    rate: int,
    container: str,
    codec: str,
    *,
    channels: int = 1,
    start: float = 0.0,
    video: bool = False,
    video_start: float = 0.0,
) -> bytes:
    """Mux samples through FFmpeg's own encoders.

    Args:
        samples: mono, which is copied to every channel, or of shape (channels, n).
        start: timestamp of the first sample, in seconds.
        video: put a video track of black frames before it.
        video_start: timestamp of the first frame, in seconds.
    """
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as out:
        if video:
            pictures = out.add_stream("mpeg4", rate=10)
            pictures.width = pictures.height = 32
        layout = {1: "mono", 2: "stereo", 6: "5.1"}[channels]
        track = out.add_stream(codec, rate=rate, layout=layout)
        if codec == "wmav2":
            track.bit_rate = 64_000  # it refuses FFmpeg's default
        if video:
            for number in range(round((start - video_start + samples.shape[-1] / rate) * 10)):
                picture = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8))
                picture.pts, picture.time_base = round(video_start * 10) + number, Fraction(1, 10)
                out.mux(pictures.encode(picture))
            out.mux(pictures.encode(None))
        for begin in range(0, samples.shape[-1], rate):
            part = samples[..., begin : begin + rate]
            part = np.broadcast_to(part, (channels, part.shape[-1]))
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(part), "fltp", layout)
            frame.sample_rate, frame.pts, frame.time_base = rate, round(start * rate) + begin, Fraction(1, rate)
            out.mux(track.encode(frame))
        out.mux(track.encode(None))
    return buffer.getvalue()


def m2ts(transport: bytes) -> bytes:
    """A transport stream as camcorders and Blu-ray discs have it: a time code of four bytes before each packet."""
    packets = (transport[at : at + 188] for at in range(0, len(transport), 188))
    return b"".join(struct.pack(">I", number) + packet for number, packet in enumerate(packets))


def wav(
    data: bytes, *, rate: int = 16_000, channels: int = 1, bits: int = 16, code: int = 1, size: int | None = None
) -> bytes:
    """A WAV file as its header is told to lie.

    Args:
        code: 1 PCM, 3 float, 6 A-law, 7 mu-law.
        size: what the data chunk claims, in bytes.
    """
    frame = (channels * bits // 8) & 0xFFFF
    claimed = len(data) if size is None else size
    form = struct.pack("<HHIIHH", code, channels, rate, (rate * frame) & 0xFFFFFFFF, frame, bits)
    return (
        struct.pack("<4sI4s4sI", b"RIFF", min(36 + claimed, 0xFFFFFFFF), b"WAVE", b"fmt ", 16)
        + form
        + struct.pack("<4sI", b"data", claimed)
        + data
    )


def pcm16(samples: Floats) -> bytes:
    return (samples * 32767).astype("<i2").tobytes()


def interleaved(channels: Sequence[Floats]) -> bytes:
    return pcm16(np.stack(channels, axis=1).reshape(-1))
