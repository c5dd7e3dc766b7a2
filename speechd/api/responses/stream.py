"""The one loop that sends a body piece by piece; its variants stand beside it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from speechd.api.disconnect import cancelled_on_disconnect


class StreamResponse(Response):
    """Sends each piece as it comes; when it ends, however it ends, it closes the resources behind it.

    A caller who hangs up stops the work. Starlette's StreamingResponse serves less: it closes no resources in the task
    that iterated, and has no last word for what breaks once the status is out.
    """

    def __init__(
        self,
        chunks: AsyncIterator[bytes],
        resources: AsyncExitStack,
        headers: Mapping[str, str],
        media_type: str | None = None,
        *,
        size: int | None = None,
    ) -> None:
        """
        Args:
            chunks: pieces of the body; empty ones are left out.
            resources: closed at the end, in the task that iterated `chunks`.
            headers: of the reply.
            media_type: where neither the class nor the headers name one.
            size: bytes of the body, where that is known ahead.
        """
        super().__init__(headers=dict(headers), media_type=media_type)
        del self.headers["content-length"]
        if size is not None:
            self.headers["content-length"] = str(size)
        self._chunks = chunks
        self._resources = resources

    def last_chunk(self, error: Exception, request_id: str) -> bytes:
        """What tells the caller, whose status is out already, that the body breaks off here.

        Raises:
            Exception: the error itself, which cuts the connection: what is cut does not look whole.
        """
        raise error

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._resources, cancelled_on_disconnect(receive):
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            try:
                async for chunk in self._chunks:
                    if chunk:
                        await send(_piece(chunk))
            except Exception as error:  # noqa: BLE001 - the last chunk is the only way left to tell
                await send(_piece(self.last_chunk(error, scope["state"]["request_id"])))
            await send({"type": "http.response.body", "body": b""})


def _piece(chunk: bytes) -> dict[str, object]:
    return {"type": "http.response.body", "body": chunk, "more_body": True}
