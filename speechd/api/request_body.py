"""A request's body, read as a stream: fields in any order, the audio into a spooled temporary file.

Multipart, urlencoded and JSON bodies become the same Form. The size of the body is checked before and while it is
read. The temporary file is always closed.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from contextlib import ExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, cast
from urllib.parse import parse_qsl

from python_multipart.multipart import parse_options_header
from starlette.requests import Request

from speechd.api.multipart import (
    MAX_PARTS,
    MAX_REFERENCE_BYTES,
    MAX_TEXT_BYTES,
    REFERENCES,
    MultipartReader,
    references_too_long,
)
from speechd.bounded_json import parse_object
from speechd.errors import InvalidRequest, TooLarge
from speechd.telemetry.tracing import span

FORM_OVERHEAD = 1 << 20
"""Bytes that a body may have beyond the largest audio: boundaries, headers and the other fields."""
SPOOL_BYTES = 1 << 20
"""Audio up to this size stays in memory."""
MAX_JSON_BYTES = 25_000_000
"""A JSON or urlencoded body where nobody says otherwise."""
MAX_FIELDS = 10_000
"""Values in the JSON body of an audio request, the items of its lists included."""

_BRACKETS = re.compile(r"^([^\[\]]+)\[([^\[\]]*)\]$")


@dataclass(slots=True)
class UploadForm:
    """The fields and the file of a request."""

    fields: dict[str, Any] = field(default_factory=dict)
    """By name without brackets; a list where a name came more than once or as `name[]`."""
    file: BinaryIO | None = None
    """The audio, at its start. It is closed with the form, unless it is taken."""
    filename: str = ""
    """File name in the audio's part."""
    media_type: str = ""
    """Media type that the audio's part claims."""
    taken: bool = False

    def take_file(self) -> BinaryIO | None:
        """The audio, which the caller then closes."""
        self.taken = self.file is not None
        return self.file


@asynccontextmanager
async def open_form(
    request: Request,
    max_file_bytes: int,
    into: BinaryIO | None = None,
    max_json_bytes: int = MAX_JSON_BYTES,
    file_field: str = "file",
    before_file: bytes = b"",
) -> AsyncIterator[UploadForm]:
    """The body as a Form, whose file lives as long as the context.

    Args:
        max_file_bytes: of the file in a multipart body.
        into: takes the file's bytes; whoever gives it closes it. A temporary file when None.
        max_json_bytes: of a JSON or urlencoded body, which is in memory whole.
        file_field: name of the part with the file.
        before_file: a header that the file's bytes lack; it becomes the beginning of the file.

    Raises:
        TooLarge: the body or the file is over the limit; a declared length is refused before anything is read.
        InvalidRequest: the body is malformed or of a type that is not accepted.
        ClientDisconnect: the caller left before the end.
    """
    media_type, parameters = parse_options_header(request.headers.get("content-type"))
    limit = max_file_bytes if media_type == b"multipart/form-data" else min(max_file_bytes, max_json_bytes)
    _check_headers(request, limit)
    body = _bounded(request, limit)
    with ExitStack() as owned:
        file = into or cast(BinaryIO, owned.enter_context(SpooledTemporaryFile(max_size=SPOOL_BYTES)))
        async with aclosing(body):
            with span("upload"):
                match media_type:
                    case b"multipart/form-data":
                        reader = MultipartReader(parameters.get(b"boundary", b""), max_file_bytes, file_field)
                        if before_file:
                            file.write(before_file)
                        form = await _read_multipart(body, reader, file)
                    case b"application/json":
                        form = UploadForm(await _parsed(_json_fields, body))
                    case b"application/x-www-form-urlencoded":
                        form = UploadForm(await _parsed(_urlencoded_fields, body))
                    case _:
                        raise _unexpected_type(media_type)
        if form.file is None and file_field in form.fields:
            raise InvalidRequest(
                f"`{file_field}` must be sent as a file part of a multipart/form-data body.", param=file_field
            )
        try:
            yield form
        finally:
            if form.taken:
                owned.pop_all()


def collect(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Field names and values as an object: `a[]` and repeated `a` make a list, `a[key]` an object.

    Raises:
        InvalidRequest: a name is used in two of these ways.
    """
    fields: dict[str, Any] = {}
    for name, value in pairs:
        brackets = _BRACKETS.match(name)
        base, key = brackets.groups() if brackets else (name, None)
        if key and not key.isdigit():
            holder = fields.setdefault(base, {})
            if not isinstance(holder, dict):
                raise InvalidRequest(f"`{base}` is given both as a value and as an object.", param=base)
            holder[key] = value
        elif isinstance(fields.get(base), dict):
            raise InvalidRequest(f"`{base}` is given both as a value and as an object.", param=base)
        elif base in fields or key is not None:
            held = fields.get(base, [])
            fields[base] = [*(held if isinstance(held, list) else [held]), value]
        else:
            fields[base] = value
    return fields


def _check_headers(request: Request, max_file_bytes: int) -> None:
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > max_file_bytes + FORM_OVERHEAD:
        raise _too_large(max_file_bytes)
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise InvalidRequest("Compressed request bodies are not accepted.", param="content-encoding")


async def _bounded(request: Request, max_file_bytes: int) -> AsyncGenerator[bytes, None]:
    received = 0
    async with aclosing(request.stream()) as stream:
        async for chunk in stream:
            received += len(chunk)
            if received > max_file_bytes + FORM_OVERHEAD:
                raise _too_large(max_file_bytes)
            yield chunk


async def _parsed(parse: Callable[[bytes], dict[str, Any]], body: AsyncGenerator[bytes, None]) -> dict[str, Any]:
    """Off the event loop: a `data:` URL makes a body of many megabytes.

    Raises:
        InvalidRequest: it is not valid, or has too many values, or too much text beside the `url`.
    """
    text = b"".join([chunk async for chunk in body])
    fields = await asyncio.to_thread(parse, text)
    references = _text_length(fields.get(REFERENCES))
    if references > MAX_REFERENCE_BYTES:
        raise references_too_long()
    if len(text) - _text_length(fields.get("url")) - references > MAX_TEXT_BYTES:
        raise InvalidRequest(f"The fields beside `url` and `{REFERENCES}` take more than {MAX_TEXT_BYTES} bytes.")
    return fields


def _text_length(value: Any) -> int:
    """Of a text, or of all texts in a list."""
    texts = value if isinstance(value, list) else [value]
    return sum(len(each) for each in texts if isinstance(each, str))


async def _read_multipart(body: AsyncGenerator[bytes, None], reader: MultipartReader, file: BinaryIO) -> UploadForm:
    written = 0
    async for chunk in body:
        reader.feed(chunk)
        if audio := reader.take_audio():
            written += len(audio)
            await _write(file, audio, in_memory=written <= SPOOL_BYTES)
    reader.finish()
    file.seek(0)
    return UploadForm(
        collect(reader.pairs), file if reader.has_file else None, reader.filename, media_type=reader.media_type
    )


async def _write(file: BinaryIO, data: bytes, in_memory: bool) -> None:
    """Writes off the event loop. A cancelled write is awaited, so that the file is not closed during it."""
    if in_memory:
        file.write(data)
        return
    writing = asyncio.ensure_future(asyncio.to_thread(file.write, data))
    try:
        await asyncio.shield(writing)
    except asyncio.CancelledError:
        await asyncio.wait([writing])
        raise


def _json_fields(body: bytes) -> dict[str, Any]:
    return {name.removesuffix("[]"): item for name, item in parse_object(body, max_values=MAX_FIELDS).items()}


def _urlencoded_fields(body: bytes) -> dict[str, Any]:
    try:
        return collect(
            parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_PARTS)
        )
    except ValueError:
        raise InvalidRequest("The body is not a valid urlencoded form.") from None


def _unexpected_type(media_type: bytes) -> InvalidRequest:
    given = media_type.decode("latin-1")[:80] or "nothing"
    return InvalidRequest(
        f"The body must be multipart/form-data with a `file` part (or JSON with a `url`), not {given}.",
        param="content-type",
    )


def _too_large(max_file_bytes: int) -> TooLarge:
    return TooLarge(f"The upload is larger than {max_file_bytes} bytes.", param="file")
