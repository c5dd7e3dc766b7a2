"""The caller's file as FFmpeg reads it, and the limit on the CPU time of decoding."""

import io
import time
from typing import BinaryIO, Final, cast

import av

from speechd.errors import InternalError, InvalidAudio

_HEAD_BYTES: Final = 4096
_TAIL_BYTES: Final = 65_536
"""No Ogg page is longer (RFC 3533, section 6)."""

FOREIGN: Final = (*(av.FFmpegError, OSError, ValueError, ArithmeticError, LookupError, RuntimeError, MemoryError),)
"""What PyAV raises on hostile input; every call into it translates these. TypeError is none of them: it means that we
called a function of PyAV wrongly, which is not the caller's fault."""


class CpuBudget:
    """Bounds the CPU time of hostile files.

    It measures CPU time of the decoding thread, not wall-clock time: a busy machine must not make a good file fail.
    """

    def __init__(self, grace: float) -> None:
        self._grace = grace
        self._spent = 0.0
        self._since: float | None = None

    def resume(self) -> None:
        self._since = time.thread_time()

    def pause(self) -> None:
        self._spent, self._since = self.spent, None

    @property
    def spent(self) -> float:
        """CPU seconds."""
        return self._spent + (0.0 if self._since is None else time.thread_time() - self._since)

    def exceeded(self, audio_seconds: float) -> bool:
        return self.spent > self._grace + audio_seconds / 5


class FileSection(io.RawIOBase):
    """A part of a file, as a file of its own. Reading it moves the file's position."""

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        self._file, self._start, self._size = file, start, size
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
        left = max(0, self._size - self._at)
        self._file.seek(self._start + self._at)
        piece = self._file.read(left if size < 0 else min(size, left))
        self._at += len(piece)
        return piece


class FFmpegInput:
    """The caller's file as FFmpeg reads it: bytes and positions, without a name.

    Nothing is raised into C: PyAV keeps such an exception for a later call, perhaps another request's.
    """

    def __init__(self, file: BinaryIO, budget: CpuBudget) -> None:
        self._file = file
        self._failure: Exception | None = None
        self._audio_seconds = 0.0
        self.budget = budget
        file.seek(0)
        self.head = file.read(_HEAD_BYTES)
        """The first 4 KiB."""
        file.seek(0)

    @property
    def size(self) -> int:
        """Bytes in the file."""
        before = self._file.tell()
        size = self._file.seek(0, 2)
        self._file.seek(before)
        return size

    def read(self, size: int) -> bytes:
        if self.budget.exceeded(self._audio_seconds):
            return b""
        try:
            return self._file.read(size)
        except (OSError, ValueError) as error:
            self._failure = error
            return b""

    def seek(self, offset: int, whence: int = 0) -> int:
        try:
            return self._file.seek(offset, whence)
        except (OSError, ValueError, OverflowError):
            return -1  # a header that points nowhere

    def tell(self) -> int:
        return self._file.tell()

    def ends_as_ogg(self) -> bool:
        """Whether the last Ogg page is whole and bears the end-of-stream flag (RFC 3533, section 6)."""
        tail = self.read_at(max(0, self.size - _TAIL_BYTES), _TAIL_BYTES)
        page = tail[max(0, tail.rfind(b"OggS")) :]
        size = 27 + page[26] + sum(page[27 : 27 + page[26]]) if len(page) > 27 else 0
        return page.startswith(b"OggS") and 0 < size <= len(page) and bool(page[5] & 4)

    def counts_mp3_frames(self) -> bool:
        """Whether an MP3 begins with a Xing, Info or VBRI header, which says how many frames follow."""
        tag_size = 0
        if self.head.startswith(b"ID3") and len(self.head) >= 10:  # ID3v2.4, section 3.1: four times seven bits
            tag_size = 10 + sum(byte << 7 * (3 - place) for place, byte in enumerate(self.head[6:10]))
        first_frame = self.read_at(tag_size, _HEAD_BYTES)
        return any(name in first_frame for name in (b"Xing", b"Info", b"VBRI"))

    def read_at(self, offset: int, size: int) -> bytes:
        """A piece of the file. The position of FFmpeg does not change."""
        before = self.tell()
        self.seek(offset)
        piece = self.read(size)
        self.seek(before)
        return piece

    def section(self, start: int, size: int) -> "FFmpegInput":
        """A part of the file, under the same budget."""
        section = FFmpegInput(cast(BinaryIO, FileSection(self._file, start, size)), self.budget)
        section._audio_seconds = self._audio_seconds
        return section

    def check(self, audio_seconds: float) -> None:
        """Raises the error that could not be raised into C.

        Raises:
            InternalError: the file itself cannot be read.
            InvalidAudio: decoding takes far longer than for any valid recording.
        """
        self._audio_seconds = audio_seconds
        if self._failure is not None:
            raise InternalError("The uploaded file could not be read.") from self._failure
        if self.budget.exceeded(audio_seconds):
            raise InvalidAudio("The audio takes too long to decode.", param="file")
