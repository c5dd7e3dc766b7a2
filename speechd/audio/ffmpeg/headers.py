"""What the headers of uncompressed recordings say, and what follows the samples.

FFmpeg uses the file's size where a header claims more, and drops what follows the samples. It reports neither.
Sizes are in bytes throughout.
"""

import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

ReadAt = Callable[[int, int], bytes]
"""The piece of a file at (offset, size); shorter at its end."""

ROUND_SIZES: Final = (100_000_000, 1 << 24)
"""A measured size is almost never near a multiple of these: one in 16.7 million is, by chance."""
ROUNDING: Final = 128
"""Distance of a placeholder from a round number: some writers add or subtract the length of the header."""
PIPE_SIZES: Final = range(0x7FFF_0000, 1 << 32)
"""Sizes that writers to a pipe use: 0x7FFFF000 (SoX), 0x7FFFFFFF, 0xFFFFFFFF less a header (FFmpeg)."""
MAX_CHUNKS: Final = 1_000
"""At most this many chunks are read."""
TAGS: Final = (b"TAG", b"ID3", b"APETAGEX", b"LYRICSBEGIN", b"LIST", b"id3 ")
"""Data that may follow the samples without being a chunk, or a chunk that was cut."""


@dataclass(frozen=True, slots=True)
class HeaderClaim:
    """The header of an uncompressed recording."""

    sample_rate: float
    """Hz."""
    channels: int


def header_claim(head: bytes) -> HeaderClaim | None:
    """Read the header of a WAV, AU or CAF file.

    Args:
        head: the first KiB of the file.

    Returns:
        None for other containers and for headers that go on beyond the head.
    """
    with suppress(struct.error):
        if head.startswith(b"RIFF") and _is_wave(head) and (at := head.find(b"fmt ", 12)) > 0:
            channels, rate = struct.unpack_from("<HI", head, at + 10)
            return HeaderClaim(rate, channels)
        if head.startswith(b".snd"):
            rate, channels = struct.unpack_from(">II", head, 16)
            return HeaderClaim(rate, channels)
        if head.startswith(b"caff") and head[8:12] == b"desc":
            rate, channels = struct.unpack_from(">d16xI", head, 20)
            return HeaderClaim(rate, channels)
    return None


@dataclass(frozen=True, slots=True)
class SampleData:
    """Where a recording's samples lie in its file."""

    start: int
    claimed: int
    """How long the header says they are; less than 0 where it leaves that open."""
    file_size: int
    wave: bool = False
    """The file is a WAV."""

    @property
    def endless(self) -> bool:
        """The claimed size stands for "to the end of the file", as writers to a pipe put it.

        Those cannot know the size when they write the header. 0 is such a placeholder. So is a size beyond the end of
        the file that is one of PIPE_SIZES, or within ROUNDING of a multiple of one of ROUND_SIZES.
        """
        if self.claimed <= 0:
            return True
        beyond = self.claimed > self.file_size - self.start
        return beyond and (self.claimed in PIPE_SIZES or _is_round(self.claimed))

    @property
    def held(self) -> int:
        """How many bytes of them the file holds."""
        there = max(0, self.file_size - self.start)
        return there if self.endless else min(there, self.claimed)

    @property
    def missing(self) -> int:
        return 0 if self.endless else self.claimed - self.held


def _is_round(size: int) -> bool:
    return any(abs(size - round(size / unit) * unit) <= ROUNDING and size > unit // 2 for unit in ROUND_SIZES)


@dataclass(frozen=True, slots=True)
class _Chunks:
    """How a container lays out its chunks: a name of four letters, a size, that many bytes."""

    first: int
    """Offset of the first one."""
    size: struct.Struct
    samples: bytes
    """Name of the one with the samples."""
    prelude: int = 0
    """Bytes in that one before the samples."""


_CHUNKED: Final = {
    b"RIFF": _Chunks(12, struct.Struct("<I"), b"data"),
    b"RIFX": _Chunks(12, struct.Struct(">I"), b"data"),
    b"RF64": _Chunks(12, struct.Struct("<I"), b"data"),
    b"FORM": _Chunks(12, struct.Struct(">I"), b"SSND", prelude=8),
    b"caff": _Chunks(8, struct.Struct(">q"), b"data", prelude=4),
}
"""By the first four bytes: WAV, big-endian WAV, WAV beyond 4 GB (EBU Tech 3306), AIFF, CAF."""


def sample_data(read_at: ReadAt, file_size: int) -> SampleData | None:
    """Find the samples of a WAV, AIFF, AU or CAF file; None in other files and where they cannot be found."""
    head = read_at(0, 40)
    if head.startswith(b".snd") and len(head) >= 12:
        start, size = struct.unpack_from(">II", head, 4)
        return SampleData(start, -1 if size == 0xFFFF_FFFF else size, file_size) if start < file_size else None
    layout = _CHUNKED.get(head[:4])
    if layout is None:
        return None
    for name, start, size in _walk(read_at, layout, file_size):
        if name == layout.samples:
            if head.startswith(b"RF64") and head[12:16] == b"ds64" and size == 0xFFFF_FFFF:
                (size,) = struct.unpack_from("<Q", head, 28)
            samples = size - layout.prelude if size > 0 else size
            return SampleData(start + layout.prelude, samples, file_size, _is_wave(head))
    return None


def _walk(read_at: ReadAt, layout: _Chunks, file_size: int) -> Iterator[tuple[bytes, int, int]]:
    """Name, offset of the content and size of each chunk, the last one perhaps longer than the file."""
    at, header = layout.first, 4 + layout.size.size
    for _ in range(MAX_CHUNKS):
        head = read_at(at, header) if at < file_size else b""
        if len(head) < header:
            return
        (size,) = layout.size.unpack_from(head, 4)
        yield head[:4], at + header, size
        if size < 0:
            return
        at += header + size
        at += at % 2 if layout.first == 12 else 0  # CAF does not pad


@dataclass(frozen=True, slots=True)
class AudioSection:
    """A part of a file that is a recording of its own."""

    start: int
    size: int
    stray: int = 0
    """Bytes at its end that are no samples, chunk, tag or padding: perhaps audio that the header does not count."""


def recordings(read_at: ReadAt, file_size: int) -> Iterator[AudioSection]:
    """The recordings in a file: one, or several where WAVs follow one another."""
    start = 0
    while True:
        left = file_size - start
        data = sample_data(_beginning_at(read_at, start), left)
        if data is None or not data.wave:
            yield AudioSection(start, left)
            return
        end, stray = _look_behind(read_at, start + data.start + data.held, file_size)
        yield AudioSection(start, end - start, stray)
        if end == file_size:
            return
        start = end


def _beginning_at(read_at: ReadAt, start: int) -> ReadAt:
    return lambda at, size: read_at(start + at, size)


def _look_behind(read_at: ReadAt, at: int, file_size: int) -> tuple[int, int]:
    """What follows a WAV's samples: chunks, tags and padding are passed over.

    Returns:
        Where the next WAV begins, else the end of the file; and how many bytes before that are something else.
    """
    if _is_wave(read_at(at, 12)):  # its writer forgot that chunks have even sizes
        return at, 0
    at += at % 2
    for _ in range(MAX_CHUNKS):
        head = read_at(at, 12)
        if _is_wave(head):
            return at, 0
        size = int.from_bytes(head[4:8], "little")
        if len(head) < 8 or not _is_name(head[:4]) or at + 8 + size > file_size:
            break
        at += 8 + size + size % 2
    return file_size, 0 if head.startswith(TAGS) else _without_padding(read_at, at, file_size)


def _is_wave(head: bytes) -> bool:
    return head.startswith((b"RIFF", b"RIFX", b"RF64")) and head[8:12] == b"WAVE"


def _is_name(name: bytes) -> bool:
    return all(0x20 <= byte < 0x7F for byte in name)


def _without_padding(read_at: ReadAt, start: int, end: int) -> int:
    """Bytes from `start` to the last one that is not 0."""
    step = 1 << 16
    while end > start:
        piece = read_at(max(start, end - step), min(step, end - start))
        if left := piece.rstrip(b"\0"):
            return max(start, end - step) + len(left) - start
        end -= step
    return 0
