"""The process that decodes one recording and ends."""

import gc
import io
import os
import signal
import socket
import sys
import traceback
from collections.abc import Iterator
from typing import BinaryIO, Final, cast

from speechd.audio.ffmpeg.stream import FFmpegStream, open_stream
from speechd.audio.isolation import protocol, sandbox
from speechd.audio.isolation.protocol import BrokenOff, DecodeOptions, Ending, Header
from speechd.errors import InternalError, InvalidAudio, InvalidRequest, SpeechdError
from speechd.types import Clip, Samples

SPARE_SECONDS: Final = 2.0
"""CPU seconds beyond the budget after which the kernel ends a decoding that does not see for itself that it is over."""


class DescriptorFile(io.RawIOBase):
    """A file by its descriptor, with a position of its own; needs no system calls but lseek and pread."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._size = os.lseek(descriptor, 0, os.SEEK_END)
        self._at = 0

    def seek(self, offset: int, whence: int = 0, /) -> int:
        at = offset + (0, self._at, self._size)[whence]
        if at < 0:
            raise ValueError("before the start")
        self._at = at
        return at

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1, /) -> bytes:
        piece = os.pread(self._descriptor, max(0, self._size - self._at) if size < 0 else size, self._at)
        self._at += len(piece)
        return piece


def run(asker: socket.socket) -> int:
    """Decode what the other end of the socket asks for.

    Returns:
        The exit status; not 0 where this module failed, not the recording.
    """
    try:
        options, descriptor = protocol.receive_request(asker)
        _answer(asker, options, cast(BinaryIO, DescriptorFile(descriptor)))
    except (BrokenOff, OSError):
        return 0  # nobody asks any more
    except Exception:  # noqa: BLE001 - the last frame of the process
        traceback.print_exc(file=sys.stderr)
        protocol.send_error(asker, InternalError())
        return 1
    return 0


def warm_up() -> None:
    """Load what decoding loads late; afterwards nothing can be opened."""
    header = b"RIFF" + (2036).to_bytes(4, "little") + b"WAVEfmt \x10\0\0\0\1\0\2\0\x80\xbb\0\0\0\xee\2\0\4\0\x10\0data"
    file = io.BytesIO(header + (2000).to_bytes(4, "little") + bytes(2000))
    with open_stream(file, DecodeOptions()) as stream:
        for _ in stream:
            pass


def enter_sandbox(keep: int) -> sandbox.Sandbox:
    """See sandbox.enter; and what the process that was forked had switched off is on again."""
    gc.enable()
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGPROF):
        signal.signal(number, signal.SIG_DFL)
    return sandbox.enter(keep)


def _answer(asker: socket.socket, options: DecodeOptions, file: BinaryIO) -> None:
    try:
        _allow_cpu(options, 0.0)
        with open_stream(file, options) as stream:
            protocol.send_header(asker, _header(stream))
            if asker.recv(1) != protocol.GO:
                return
            _allow_cpu(options, 0.0)
            for chunk in _clipped(stream, options.clip):
                protocol.send_samples(asker, chunk)
                _allow_cpu(options, stream.seconds)
            protocol.send_ending(asker, Ending(stream.truncated, stream.trailing))
    except MemoryError:
        protocol.send_error(asker, InvalidAudio("The audio takes too much memory to decode.", param="file"))
    except SpeechdError as error:
        protocol.send_error(asker, error)


def _clipped(stream: FFmpegStream, clip: Clip) -> Iterator[Samples]:
    """A part of the recording. What comes before it yields empty chunks; what comes after it is not decoded.

    Raises:
        InvalidRequest: the recording ends before the part begins.
    """
    part, before = clip.samples, 0
    for chunk in stream:
        first, last = max(0, part.start - before), None if part.stop is None else part.stop - before
        yield chunk[..., first:last]
        before += chunk.shape[-1]
        if last is not None and last <= chunk.shape[-1]:
            return
    if before <= part.start:
        raise InvalidRequest(
            f"`start` is {clip.start:g} seconds, but the recording is {stream.seconds:.2f} seconds long.", param="start"
        )


def _allow_cpu(options: DecodeOptions, seconds: float) -> None:
    """SIGPROF ends the process after so much CPU time, in the midst of FFmpeg, too. The budget itself is CpuBudget's,
    which counts only what decoding takes."""
    signal.setitimer(signal.ITIMER_PROF, options.grace + seconds / 5 + SPARE_SECONDS)


def _header(stream: FFmpegStream) -> Header:
    return Header(
        stream.container,
        stream.codec,
        stream.sample_rate,
        stream.channels,
        stream.expected_seconds,
        stream.probable_seconds,
        stream.declares_length,
    )
