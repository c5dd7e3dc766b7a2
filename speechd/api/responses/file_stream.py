"""Contents of the data folder as replies."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from typing import BinaryIO

from speechd.api.responses.stream import StreamResponse

FILE_CHUNK = 1 << 18


class FileResponse(StreamResponse):
    """Sends an open file, which stays readable also if it is deleted meanwhile, and closes it."""

    def __init__(self, content: BinaryIO, size: int, media_type: str, headers: Mapping[str, str]) -> None:
        resources = AsyncExitStack()
        resources.callback(content.close)
        super().__init__(_chunks(content), resources, headers, media_type, size=size)


async def _chunks(content: BinaryIO) -> AsyncIterator[bytes]:
    while chunk := await asyncio.to_thread(content.read, FILE_CHUNK):
        yield chunk
