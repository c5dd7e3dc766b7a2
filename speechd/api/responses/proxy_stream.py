"""A stream of bytes that another server makes, passed on piece by piece."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from speechd.api.disconnect import cancelled_on_disconnect
from speechd.api.errors import internal_error
from speechd.errors import SpeechdError


class ProxyStreamResponse(Response):
    """Sends each piece as it comes; when it ends, however it ends, it closes the resources behind it.

    What breaks once the status is out becomes one last `data: {"error": ...}` event, which the SDKs raise.
    """

    def __init__(self, chunks: AsyncIterator[bytes], headers: Mapping[str, str], resources: AsyncExitStack) -> None:
        """
        Args:
            chunks: whole events, or several at once.
            headers: of the reply, the content type among them.
            resources: closed at the end, in the task that iterated `chunks`.
        """
        super().__init__(headers={"cache-control": "no-store", "x-accel-buffering": "no", **headers})
        del self.headers["content-length"]
        self._chunks = chunks
        self._resources = resources

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._resources, cancelled_on_disconnect(receive):
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            try:
                async for chunk in self._chunks:
                    if chunk:
                        await send({"type": "http.response.body", "body": chunk, "more_body": True})
            except SpeechdError as error:
                await send(_last_event(error))
            except Exception:  # noqa: BLE001 - the status is out; the last event is the only way left to tell
                await send(_last_event(internal_error(scope["state"]["request_id"])))
            await send({"type": "http.response.body", "body": b""})


def _last_event(error: SpeechdError) -> dict[str, object]:
    body = f"data: {json.dumps(error.envelope())}\n\n".encode()
    return {"type": "http.response.body", "body": body, "more_body": True}
