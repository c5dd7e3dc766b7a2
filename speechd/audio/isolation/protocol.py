"""What the two ends of a decoding say to each other over a UNIX stream socket.

First comes the request: four bytes of length, JSON, and with the length the file's descriptor (SCM_RIGHTS). The answer
is a row of messages: kind, two numbers, then what they measure. `H` is the header of the recording, `P` a piece of PCM,
`D` how it ended, `E` an error. After the header the decoding waits for GO.

Between the server of the processes and who uses them: with each process's number comes our end of the socket to it, and
an order is a letter and a number.

Nothing that comes from a decoding is trusted: it is JSON with known fields or PCM, bounded, and never a pickle.
"""

import json
import socket
import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

import numpy as np

from speechd.errors import (
    IndexRefused,
    InternalError,
    InvalidAudio,
    InvalidRequest,
    SpeechdError,
    TooLarge,
    UnsupportedAudioFormat,
)
from speechd.types import SAMPLE_RATE, Clip, Samples

DEFAULT_MAX_SECONDS: Final = 43_200.0
MAX_PIECE: Final = 10 * SAMPLE_RATE
"""Samples of each channel in one piece."""
MAX_CHANNELS: Final = 8
MAX_TEXT: Final = 1 << 16
"""Bytes of a message that is JSON."""
GO: Final = b"g"

PROCESS: Final = struct.Struct("<I")
"""A process's number."""
ORDER: Final = struct.Struct("<cI")
NEXT: Final = b"+"
"""One more process."""
END: Final = b"-"
"""The end of this one."""

_LENGTH: Final = struct.Struct("<I")
_HEAD: Final = struct.Struct("<cII")

ERRORS: Final[Mapping[str, type[SpeechdError]]] = {
    error.__name__: error
    for error in (InvalidAudio, IndexRefused, UnsupportedAudioFormat, InvalidRequest, TooLarge, InternalError)
}
"""What a decoding may raise."""


class BrokenOff(Exception):
    """The other end is gone, or says what it must not."""


@dataclass(frozen=True, slots=True)
class DecodeOptions:
    """Bounds of a decoding, and what is heard."""

    max_seconds: float = DEFAULT_MAX_SECONDS
    """The longest recording accepted, in seconds of audio."""
    grace: float = 20.0
    """CPU seconds that decoding may take beyond a fifth of the audio's own length."""
    apart: bool = False
    """Do not mix the channels."""
    audio_track: str | None = None
    """Which one of several, see speechd.types.TranscribeOptions."""
    start: float = 0.0
    """Seconds. What is before is decoded, but not yielded."""
    duration: float | None = None
    """Seconds that are yielded at most."""

    @property
    def clip(self) -> Clip:
        return Clip(self.start, self.duration)


@dataclass(frozen=True, slots=True)
class Header:
    """What is known of a recording before it is decoded; see speechd.audio.decode.AudioStream."""

    container: str
    codec: str
    sample_rate: int
    channels: int
    expected_seconds: float
    probable_seconds: float | None
    declares_length: bool

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Self:
        """
        Raises:
            BrokenOff: the fields are not those of a header.
        """
        try:
            guess = fields["probable_seconds"]
            return cls(
                container=str(fields["container"]),
                codec=str(fields["codec"]),
                sample_rate=int(fields["sample_rate"]),
                channels=int(fields["channels"]),
                expected_seconds=float(fields["expected_seconds"]),
                probable_seconds=None if guess is None else float(guess),
                declares_length=bool(fields["declares_length"]),
            )
        except (LookupError, TypeError, ValueError, OverflowError) as error:
            raise BrokenOff from error


@dataclass(frozen=True, slots=True)
class Ending:
    """How a recording ended; see speechd.audio.decode.AudioStream."""

    truncated: bool
    trailing: bool


Message = Header | Samples | Ending


def send_request(to: socket.socket, options: DecodeOptions, descriptor: int) -> None:
    text = json.dumps(asdict(options)).encode()
    socket.send_fds(to, [_LENGTH.pack(len(text))], [descriptor])
    to.sendall(text)


def receive_request(source: socket.socket) -> tuple[DecodeOptions, int]:
    """The options and the descriptor of the recording.

    Raises:
        BrokenOff: nobody asks any more.
    """
    head, descriptors, _, _ = socket.recv_fds(source, _LENGTH.size, 1)
    if len(head) < _LENGTH.size or not descriptors:
        raise BrokenOff
    text = _received(source, _LENGTH.unpack(head)[0])
    return DecodeOptions(**json.loads(text)), descriptors[0]


def send_header(to: socket.socket, header: Header) -> None:
    _send_text(to, b"H", asdict(header))


def send_ending(to: socket.socket, ending: Ending) -> None:
    _send_text(to, b"D", asdict(ending))


def send_error(to: socket.socket, error: SpeechdError) -> None:
    kind = next((name for name, known in ERRORS.items() if type(error) is known), "InternalError")
    _send_text(to, b"E", {"error": kind, "message": error.message[: MAX_TEXT // 8], "param": error.param})


def send_samples(to: socket.socket, samples: Samples) -> None:
    """
    Args:
        samples: of shape (n,) or (channels, n).
    """
    for start in range(0, samples.shape[-1], MAX_PIECE):
        piece = np.ascontiguousarray(samples[..., start : start + MAX_PIECE], np.float32)
        channels = piece.shape[0] if piece.ndim > 1 else 0
        to.sendall(_HEAD.pack(b"P", channels, piece.shape[-1]))
        to.sendall(piece.data.cast("B"))


def receive(source: socket.socket) -> Message:
    """The next message.

    Raises:
        SpeechdError: it is an error, one of ERRORS.
        BrokenOff: the other end is gone, or says what it must not.
        TimeoutError: it says nothing for as long as the socket's timeout.
    """
    kind, first, second = _HEAD.unpack(_received(source, _HEAD.size))
    if kind == b"P":
        return _received_samples(source, first, second)
    if first > MAX_TEXT or kind not in (b"H", b"D", b"E"):
        raise BrokenOff
    try:
        fields = json.loads(_received(source, first))
    except (ValueError, RecursionError) as error:
        raise BrokenOff from error
    if not isinstance(fields, dict):
        raise BrokenOff
    if kind == b"E":
        raise _error(fields)
    if kind == b"D":
        return Ending(fields.get("truncated") is True, fields.get("trailing") is True)
    return Header.of(fields)


def _send_text(to: socket.socket, kind: bytes, fields: Mapping[str, Any]) -> None:
    text = json.dumps(fields).encode()
    to.sendall(_HEAD.pack(kind, len(text), 0) + text)


def _error(fields: Mapping[str, Any]) -> SpeechdError:
    kind, param = ERRORS.get(str(fields.get("error")), InternalError), fields.get("param")
    return kind(str(fields.get("message")), param=None if param is None else str(param))


def _received(source: socket.socket, size: int) -> bytes:
    buffer = bytearray(size)
    _fill(source, memoryview(buffer))
    return bytes(buffer)


def _received_samples(source: socket.socket, channels: int, count: int) -> Samples:
    if channels > MAX_CHANNELS or not 0 < count <= MAX_PIECE:
        raise BrokenOff
    samples = np.empty((channels, count) if channels else count, np.float32)
    _fill(source, samples.data.cast("B"))
    return samples


def _fill(source: socket.socket, left: memoryview) -> None:
    while left:
        got = source.recv_into(left)
        if not got:
            raise BrokenOff
        left = left[got:]
