"""Contents of the data folder as replies."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from http import HTTPStatus
from typing import BinaryIO

from speechd.api.responses.ranges import ByteRange
from speechd.api.responses.stream import StreamResponse

FILE_CHUNK = 1 << 18


class FileResponse(StreamResponse):
    """Sends an open file, which stays readable also if it is deleted meanwhile, and closes it."""

    def __init__(
        self,
        content: BinaryIO,
        size: int,
        media_type: str,
        headers: Mapping[str, str],
        part: ByteRange | None = None,
    ) -> None:
        """
        Args:
            size: bytes of the file.
            part: what of it is sent; None for all.
        """
        resources = AsyncExitStack()
        resources.callback(content.close)
        length = part.length if part else size
        ranged = {"content-range": part.header(size)} if part else {}
        chunks = _chunks(content, part.first if part else 0, length)
        super().__init__(chunks, resources, {**headers, **ranged}, media_type, size=length)
        if part:
            self.status_code = HTTPStatus.PARTIAL_CONTENT


async def _chunks(content: BinaryIO, first: int, length: int) -> AsyncIterator[bytes]:
    if first:
        await asyncio.to_thread(content.seek, first)
    while length > 0 and (chunk := await asyncio.to_thread(content.read, min(FILE_CHUNK, length))):
        length -= len(chunk)
        yield chunk
