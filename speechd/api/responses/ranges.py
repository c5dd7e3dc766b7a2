"""`Range: bytes=...` of one range (RFC 9110, section 14). What asks for several, or for something else, gets it all."""

import re
from dataclasses import dataclass

from starlette.datastructures import Headers

from speechd.errors import RangeNotSatisfiable

_ONE_RANGE = re.compile(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*")


@dataclass(frozen=True, slots=True)
class ByteRange:
    """A part of a content."""

    first: int
    """From 0."""
    length: int
    """Bytes, at least 1."""

    def header(self, size: int) -> str:
        """Value of `content-range`."""
        return f"bytes {self.first}-{self.first + self.length - 1}/{size}"


def requested_range(headers: Headers, size: int, etag: str) -> ByteRange | None:
    """The part that a caller wants; None for all.

    Args:
        size: bytes of the content.
        etag: of the content, with its quotes. A range of another content is not served.

    Raises:
        RangeNotSatisfiable: the content has no such part.
    """
    found = _ONE_RANGE.fullmatch(headers.get("range", ""))
    if found is None or headers.get("if-range", etag) != etag or found[0].strip() == "bytes=-":
        return None
    first, last = found.groups()
    if not first:
        begin, end = max(0, size - int(last)), size - 1
    else:
        begin, end = int(first), min(int(last) if last else size - 1, size - 1)
        if last and int(last) < begin:
            return None  # malformed: ignored, as the RFC has it
    if begin > end:
        raise RangeNotSatisfiable(f"The content has {size} bytes. The range begins after its end.")
    return ByteRange(begin, end - begin + 1)
