"""A recording that is in the `url` parameter itself, decoded piece by piece: it is never in memory whole."""

import binascii
import re
from collections.abc import Callable
from typing import Final
from urllib.parse import unquote_to_bytes

from speechd.errors import InvalidRequest, TooLarge

MAX_HEADER: Final = 1 << 14
"""Bytes of a `data:` URL before its comma, and of a URL that is fetched: no server takes a longer one."""

_SCHEME: Final = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*:")
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/]*")
_WHITESPACE: Final = b" \t\r\n\f"
_TO_STANDARD: Final = bytes.maketrans(b"-_", b"+/")


class InlineDecoder:
    """Decodes a `data:` URL (RFC 2397), or base64 text in either alphabet (RFC 4648) with or without padding."""

    def __init__(self, max_bytes: int) -> None:
        """
        Args:
            max_bytes: of the recording.
        """
        self._max_bytes = max_bytes
        self._size = 0
        self._held = b""
        """What cannot be decoded before more has come."""
        self._digits = b""
        self._padding = 0
        self._decode: Callable[[bytes, bool], bytes] | None = None

    def feed(self, text: bytes, last: bool = False) -> bytes:
        """What can be told of the recording by now.

        Args:
            text: goes on where the text before it ended; the first piece has MAX_HEADER bytes, or all.
            last: nothing follows.

        Raises:
            InvalidRequest: it is empty, or neither of the two.
            TooLarge: the recording is.
        """
        text, self._held = self._held + text, b""
        if self._decode is None:
            text = self._after_header(text, last)
        data = self._decode(text, last) if self._decode else b""
        self._size += len(data)
        if self._size > self._max_bytes:
            raise too_large(self._max_bytes)
        if last and not self._size:
            raise InvalidRequest("The url is empty.", param="url")
        return data

    def _after_header(self, text: bytes, last: bool) -> bytes:
        """The payload; the media type does not matter, audio is judged by its content."""
        text = text.lstrip()
        scheme = _SCHEME.match(text)
        if scheme is None:
            self._decode = self._from_base64
            return text
        if scheme[0].lower() != b"data:":
            raise _neither()
        header, comma, payload = text.partition(b",")
        if comma:
            is_base64 = header.rpartition(b";")[2].strip().lower() == b"base64"
            self._decode = self._from_quoted_base64 if is_base64 else self._from_percent
            return payload
        if last or len(text) > MAX_HEADER:
            raise InvalidRequest("The data: URL has no comma.", param="url")
        self._held = text
        return b""

    def _from_quoted_base64(self, text: bytes, last: bool) -> bytes:
        return self._from_base64(self._unquoted(text, last) if b"%" in text else text, last)

    def _from_base64(self, text: bytes, last: bool) -> bytes:
        text = text.translate(_TO_STANDARD, _WHITESPACE)
        digits = text.rstrip(b"=")
        if (self._padding and digits) or not _BASE64.fullmatch(digits):
            raise _neither()
        self._padding += len(text) - len(digits)
        if self._padding > 2:
            raise _neither()
        digits = self._digits + digits
        end = len(digits) if last else len(digits) // 4 * 4
        digits, self._digits = digits[:end], digits[end:]
        try:
            return binascii.a2b_base64(digits + b"=" * (-len(digits) % 4))
        except binascii.Error as error:
            raise InvalidRequest("The url's base64 text is cut off.", param="url") from error

    def _from_percent(self, text: bytes, last: bool) -> bytes:
        """Percent-encoding (RFC 3986); white space at the end is none of it."""
        bare = text.rstrip()
        if bare != text:
            self._held = b"" if last else text[len(bare) :]
            return unquote_to_bytes(bare)
        return self._unquoted(text, last)

    def _unquoted(self, text: bytes, last: bool) -> bytes:
        """An escape stays whole."""
        cut = -1 if last else text.rfind(b"%", max(0, len(text) - 2))
        if cut >= 0:
            text, self._held = text[:cut], text[cut:]
        return unquote_to_bytes(text)


def too_large(max_bytes: int) -> TooLarge:
    return TooLarge(f"The file at the url is larger than the {max_bytes} bytes that this server accepts.", param="url")


def _neither() -> InvalidRequest:
    return InvalidRequest("The url is neither an http(s) URL, a data: URL nor base64 text.", param="url")
