"""The parts of a multipart/form-data body (RFC 7578), sorted while they arrive.

Synchronous and without I/O: `feed` takes bytes, `take_audio` returns audio, and `pairs` has the text fields.
"""

import logging
import re
from urllib.parse import unquote_to_bytes

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from speechd.errors import InvalidAudio, InvalidRequest, TooLarge
from speechd.net.inline import MAX_HEADER, InlineDecoder

# The parser warns about every malformed byte. The caller gets an error, and hostile callers must not fill the log.
logging.getLogger("python_multipart").setLevel(logging.ERROR)

_EXTENDED_FILENAME = re.compile(r""";\s*filename\*\s*=\s*"?([^';"\s]*)'[^';"]*'([^;"\s]*)""", re.IGNORECASE)
"""`filename*=UTF-8''...` (RFC 5987): RFC 7578 forbids it in forms, but some HTTP libraries use only it for names
beyond ASCII."""

MAX_PARTS = 512
MAX_HEADER_BYTES = 65_536
"""Of one header line of a part."""
MAX_FILENAME = 1000
"""Characters. File systems allow 255 bytes."""
MAX_TEXT_BYTES = 1 << 20
"""Bytes of all text fields together, without `url`: it may hold a whole recording, which the body's limit bounds."""
REFERENCES = "known_speaker_references"
"""The field whose texts are recordings of some seconds, as `data:` URLs."""
MAX_REFERENCE_BYTES = 16 << 20
"""Bytes of all its texts together: four stereo WAVs of 10 s at 48 kHz and 24 bits have 15 MB."""


class MultipartReader:
    """Reads one body; one part is the audio, other parts with a file name are ignored.

    A `url` that is the recording itself becomes the audio too, decoded as it arrives.
    """

    def __init__(self, boundary: bytes, max_file_bytes: int, file_field: str = "file") -> None:
        """
        Args:
            file_field: name of the part with the audio.

        Raises:
            InvalidRequest: there is no usable boundary.
        """
        self.pairs: list[tuple[str, str]] = []
        """Name and text of each field, in order."""
        self.has_file = False
        self.filename = ""
        self.media_type = ""
        """Of the audio, as its part claims."""
        self._file_field = file_field
        self._max_file_bytes = max_file_bytes
        self._file_bytes = 0
        self._audio: list[bytes] = []
        self._inline: InlineDecoder | None = None
        self._parts = 0
        self._text_bytes = self._reference_bytes = 0
        self._complete = False
        self._parser = self._new_parser(boundary)

    def _new_parser(self, boundary: bytes) -> MultipartParser:
        if not boundary:
            raise InvalidRequest("The content type multipart/form-data lacks its boundary.", param="content-type")
        try:
            return MultipartParser(
                boundary,
                {
                    "on_part_begin": self._on_part_begin,
                    "on_header_field": self._on_header_field,
                    "on_header_value": self._on_header_value,
                    "on_header_end": self._on_header_end,
                    "on_headers_finished": self._on_headers_finished,
                    "on_part_data": self._on_part_data,
                    "on_part_end": self._on_part_end,
                    "on_end": self._on_end,
                },
                max_header_size=MAX_HEADER_BYTES,
            )
        except FormParserError:
            raise InvalidRequest("The multipart boundary is too long.", param="content-type") from None

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the body; what follows the closing boundary is ignored.

        Raises:
            InvalidRequest: the body is malformed or has too many or too long fields.
            TooLarge: the file is larger than its limit.
        """
        if self._complete or not data:
            return
        try:
            self._parser.write(data)
        except FormParserError:
            raise InvalidRequest(
                f"The multipart body is malformed, or a part has a header of more than {MAX_HEADER_BYTES} bytes."
            ) from None

    def take_audio(self) -> bytes:
        """The bytes of the file which arrived since the last call."""
        audio = b"".join(self._audio)
        self._audio.clear()
        return audio

    def finish(self) -> None:
        """
        Raises:
            InvalidRequest: the body stopped before its closing boundary.
            InvalidAudio: the file is empty.
        """
        if not self._complete:
            raise InvalidRequest("The multipart body ends before its closing boundary.")
        if self.has_file and not self._file_bytes:
            raise InvalidAudio("The file is empty.", param=self._file_field)

    def _on_part_begin(self) -> None:
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise InvalidRequest(f"The form has more than {MAX_PARTS} parts.")
        self._header_name = b""
        self._header_value = b""
        self._disposition = self._content_type = b""
        self._name = ""
        self._is_file = False
        self._text: list[bytes] | None = None

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _on_header_end(self) -> None:
        if self._header_name.lower() == b"content-disposition":
            self._disposition = self._header_value
        elif self._header_name.lower() == b"content-type":
            self._content_type = self._header_value
        self._header_name = self._header_value = b""

    def _on_headers_finished(self) -> None:
        disposition = self._disposition.decode("latin-1")
        _, options = parse_options_header(disposition)
        if b"name" not in options:
            raise InvalidRequest("A part of the multipart body has no name.")
        self._name = options[b"name"].decode("utf-8", "replace")
        filename = _filename(disposition, options)
        self._check_names(filename or "")
        if self._name == self._file_field:
            self._open_file(filename)
        elif filename is None:
            self._text = []

    def _check_names(self, filename: str) -> None:
        if len(self._name) > MAX_FILENAME:
            raise InvalidRequest("A part of the multipart body has a name that is too long.")
        if len(filename) > MAX_FILENAME:
            raise InvalidRequest(
                f"The file name of `{self._name}` is too long: it has {len(filename)} characters, and at most"
                f" {MAX_FILENAME} are accepted.",
                param=self._name,
            )

    def _open_file(self, filename: str | None) -> None:
        field = self._file_field
        if filename is None:
            raise InvalidRequest(f"`{field}` must be sent as a file, with a file name, not as text.", param=field)
        if not filename:
            raise InvalidRequest(f"`{field}` has an empty file name: no file was chosen.", param=field)
        if self.has_file:
            raise InvalidRequest(f"Only one `{field}`, or one `url`, can be sent.", param=field)
        self.has_file = self._is_file = True
        self.filename = filename
        self.media_type = self._content_type.decode("latin-1")

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._is_file:
            self._file_bytes += end - start
            if self._file_bytes > self._max_file_bytes:
                raise TooLarge(f"The file is larger than {self._max_file_bytes} bytes.", param=self._file_field)
            self._audio.append(data[start:end])
        elif self._text is not None and self._name == "url":
            self._text.append(data[start:end])
            self._decode_url()
        elif self._text is not None:
            self._count_text(end - start)
            self._text.append(data[start:end])

    def _count_text(self, size: int) -> None:
        if self._name.partition("[")[0] == REFERENCES:
            self._reference_bytes += size
        else:
            self._text_bytes += size
        if self._text_bytes > MAX_TEXT_BYTES:
            raise InvalidRequest("The text fields of the form are too long.", param=self._name)
        if self._reference_bytes > MAX_REFERENCE_BYTES:
            raise references_too_long()

    def _decode_url(self) -> None:
        """From a length on that no URL has which could be fetched."""
        if self._inline is None and sum(map(len, self._text or ())) > MAX_HEADER:
            if self.has_file:
                raise InvalidRequest("Only one of `file` and `url` can be given.", param="url")
            self._inline, self.has_file = InlineDecoder(self._max_file_bytes), True
        if self._inline is not None and self._text:
            self._keep(self._inline.feed(b"".join(self._text)))
            self._text.clear()

    def _keep(self, audio: bytes) -> None:
        self._file_bytes += len(audio)
        self._audio.append(audio)

    def _on_part_end(self) -> None:
        if self._inline is not None:
            self._keep(self._inline.feed(b"", last=True))
            self._inline = self._text = None
        if self._text is None:
            return
        try:
            self.pairs.append((self._name, b"".join(self._text).decode()))
        except UnicodeDecodeError:
            raise InvalidRequest(f"`{self._name}` is not valid UTF-8 text.", param=self._name) from None

    def _on_end(self) -> None:
        self._complete = True


def references_too_long() -> TooLarge:
    return TooLarge(f"`{REFERENCES}` take more than {MAX_REFERENCE_BYTES} bytes.", param=REFERENCES)


def _filename(disposition: str, options: dict[bytes, bytes]) -> str | None:
    """The name that a part's header gives its file, in either form; None where it has none."""
    if b"filename" in options:
        return options[b"filename"].decode("utf-8", "replace")
    extended = _EXTENDED_FILENAME.search(disposition)
    if extended is None:
        return None
    charset, name = extended.groups()
    try:
        return unquote_to_bytes(name).decode(charset or "utf-8", "replace")
    except (LookupError, ValueError):
        return name
