"""Contents of the data folder as replies."""

import asyncio
from collections.abc import Mapping
from typing import BinaryIO

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from speechd.api.disconnect import cancelled_on_disconnect

CHUNK = 1 << 18


class FileResponse(Response):
    """Sends an open file, which stays readable also if it is deleted meanwhile, and closes it."""

    def __init__(self, content: BinaryIO, size: int, media_type: str, headers: Mapping[str, str]) -> None:
        super().__init__(headers=dict(headers), media_type=media_type)
        self.headers["content-length"] = str(size)
        self._content = content

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._content:
            async with cancelled_on_disconnect(receive):
                await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
                while chunk := await asyncio.to_thread(self._content.read, CHUNK):
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
                await send({"type": "http.response.body", "body": b""})
