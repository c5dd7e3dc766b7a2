"""How many samples the tables of an MP4 claim, counted before FFmpeg builds an index of them in memory.

A table of a few bytes can claim 2^32 samples (ISO/IEC 14496-12, sections 8.6 to 8.8), and FFmpeg takes 24 to 40 bytes
for each. Sizes and offsets are in bytes.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from speechd.audio.ffmpeg.containers import is_mp4
from speechd.audio.ffmpeg.ffmpeg_input import FFmpegInput
from speechd.audio.ffmpeg.headers import ReadAt
from speechd.errors import IndexRefused

SAMPLES_PER_SECOND: Final = 200
"""Of all tracks together: 60 pictures and 140 packets of sound. AAC at 48 kHz has 47, Opus 50."""
BYTES_PER_SAMPLE: Final = 4
"""At least so many a sample takes in the file: the entry of a table, or a constant size, which no codec has lower."""
FEW: Final = 10_000
"""So many samples do no harm, whatever the size of the file."""
MANY: Final = 1_000_000
"""So many do no harm, whatever the longest recording: 40 MB of index."""
MAX_DEPTH: Final = 12
PIECE: Final = 1 << 20
"""Bytes of a table that are read at once; a multiple of all entries' sizes but stsc's."""
AHEAD: Final = 4096
"""Bytes that are read at once where boxes are small."""
CHUNK_FRAMES: Final = 1024
"""Frames of PCM that FFmpeg makes one index entry of."""

_CONTAINERS: Final = frozenset(
    (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"dinf", b"udta", b"mvex", b"moof", b"traf", b"tref")
)


@dataclass(frozen=True, slots=True)
class _Box:
    kind: bytes
    start: int
    """Of what it holds."""
    end: int


@dataclass(slots=True)
class _Tables:
    """What the tables of one track claim."""

    counts: Counter[bytes] = field(default_factory=Counter)
    """Samples, by the table that claims them."""
    constant: bool = False
    """All samples have one size."""
    paces: list[tuple[int, int]] = field(default_factory=list)
    """Of the first entries of stts: how many samples of which duration."""
    last_chunks: tuple[int, int] = (1, 0)
    """Of the last entry of stsc: its first chunk, and the index entries of each from there on."""

    @property
    def samples(self) -> int:
        """Entries of FFmpeg's index, which are chunks where every sample is a frame of PCM."""
        if self.constant and len(self.paces) == 1 and self.paces[0][1] == 1:
            chunks, (first, entries) = self.counts[b"stco"] + self.counts[b"co64"], self.last_chunks
            return max(chunks, self.counts[b"stsc"] + max(1, chunks + 1 - first) * entries)
        return max((count for kind, count in self.counts.items() if kind != b"stsc"), default=0)


def refuse_index_bomb(source: FFmpegInput, max_seconds: float) -> None:
    """
    Args:
        source: any file; those that are no MP4 pass.
        max_seconds: the longest recording accepted.

    Raises:
        IndexRefused: its tables claim more samples than its size or the longest recording can need, or they are packed.
    """
    if not is_mp4(source.head):
        return
    size = source.size
    maximum = min(max(MANY, SAMPLES_PER_SECOND * max_seconds), max(FEW, size / BYTES_PER_SAMPLE))
    claimed = 0
    for tables in _tracks(_ahead(source.read_at), size, source.check):
        claimed += tables.samples
        if claimed > maximum:
            raise IndexRefused(
                f"The tables of this MP4 claim {claimed} samples, more than {size} bytes"
                f" or {max_seconds:g} seconds of audio can have.",
                param="file",
            )


def _tracks(read_at: ReadAt, size: int, check: Callable[[float], None]) -> Iterator[_Tables]:
    """The tables of each track and of each of its later fragments."""
    tables = _Tables()
    for number, box in enumerate(_walk(read_at, _Box(b"", 0, size), 0)):
        if number % 1000 == 0:
            check(0.0)
        if box.kind in (b"trak", b"traf"):
            yield tables
            tables = _Tables()
        elif box.kind == b"cmov":
            raise IndexRefused("The header of this QuickTime file is compressed, which is not accepted.", param="file")
        elif box.kind in _COUNTED:
            _COUNTED[box.kind](read_at, box, tables)
    yield tables


def _walk(read_at: ReadAt, outer: _Box, depth: int) -> Iterator[_Box]:
    """Every box, each before those that it holds, as FFmpeg reads them."""
    at = outer.start
    while at + 8 <= outer.end:
        head = read_at(at, 16)
        if len(head) < 8:
            return
        size, start = int.from_bytes(head[:4], "big"), at + 8
        if size == 1:
            size, start = int.from_bytes(head[8:16], "big"), at + 16
        end = min(outer.end, at + size) if size else outer.end
        box = _Box(head[4:8], start, max(start, end))
        yield box
        if depth < MAX_DEPTH and _holds_boxes(read_at, box):
            yield from _walk(read_at, box, depth + 1)
        at = box.end


def _holds_boxes(read_at: ReadAt, box: _Box) -> bool:
    """FFmpeg takes a box named free for a moov where it begins as one."""
    hidden = box.kind in (b"free", b"hoov") and read_at(box.start + 4, 4) in (b"mvhd", b"cmov")
    return hidden or box.kind in _CONTAINERS


def _ahead(read_at: ReadAt) -> ReadAt:
    """The same, with fewer and larger reads."""
    held_at, held = 0, b""

    def read(at: int, size: int) -> bytes:
        nonlocal held_at, held
        if size > AHEAD:
            return read_at(at, size)
        if not held_at <= at <= at + size <= held_at + len(held):
            held_at, held = at, read_at(at, AHEAD)
        return held[at - held_at : at - held_at + size]

    return read


def _number(read_at: ReadAt, at: int) -> int:
    return int.from_bytes(read_at(at, 4), "big")


def _entries(read_at: ReadAt, box: _Box, width: int) -> Iterator[npt.NDArray[np.int64]]:
    """A table whose entries are `width` numbers, in pieces of shape (n, width)."""
    at, left = box.start + 8, _number(read_at, box.start + 4)
    step = PIECE // (4 * width)
    while left > 0 and at < box.end:
        piece = read_at(at, 4 * width * min(step, left, (box.end - at) // (4 * width)))
        rows = len(piece) // (4 * width)
        if not rows:
            return
        yield np.frombuffer(piece, ">u4", rows * width).reshape(-1, width).astype(np.int64)
        at, left = at + 4 * width * rows, left - rows


def _sizes(read_at: ReadAt, box: _Box, tables: _Tables) -> None:
    """stsz: one size for all or 0, and the count. stz2: the count."""
    tables.counts[b"stsz"] += _number(read_at, box.start + 8)
    tables.constant = box.kind == b"stsz" and _number(read_at, box.start + 4) != 0


def _runs(read_at: ReadAt, box: _Box, tables: _Tables) -> None:
    """stts and ctts: so many samples with this duration or delay."""
    for piece in _entries(read_at, box, 2):
        tables.counts[box.kind] += int(piece[:, 0].sum())
        if box.kind == b"stts" and len(tables.paces) < 2:
            tables.paces += [(count, delta) for count, delta in piece[:2].tolist()]


def _chunks(read_at: ReadAt, box: _Box, tables: _Tables) -> None:
    """stsc: from this chunk on, so many samples in each."""
    before: npt.NDArray[np.int64] | None = None
    for piece in _entries(read_at, box, 3):
        rows = piece if before is None else np.concatenate([before, piece])
        chunks = np.maximum(0, np.diff(rows[:, 0]))
        tables.counts[b"stsc"] += int(np.dot(chunks, -(-rows[:-1, 1] // CHUNK_FRAMES)))
        before = rows[-1:]
    if before is not None:
        first, frames = before[0, :2].tolist()
        tables.last_chunks = first, -(-frames // CHUNK_FRAMES)


def _offsets(read_at: ReadAt, box: _Box, tables: _Tables) -> None:
    """stco, co64: an entry for each chunk; trun: the samples of a fragment."""
    tables.counts[box.kind] += _number(read_at, box.start + 4)


_COUNTED: Final[dict[bytes, Callable[[ReadAt, _Box, _Tables], None]]] = {
    b"stsz": _sizes,
    b"stz2": _sizes,
    b"stts": _runs,
    b"ctts": _runs,
    b"stsc": _chunks,
    b"stco": _offsets,
    b"co64": _offsets,
    b"trun": _offsets,
}
