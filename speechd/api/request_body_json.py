"""Reads a JSON body up to a limit."""

import asyncio
from contextlib import aclosing

from starlette.requests import Request

from speechd.bounded_json import MAX_VALUES, parse_object
from speechd.errors import InvalidRequest, TooLarge
from speechd.llm.proxy import TextRequest

OFF_LOOP_BYTES = 100_000
"""A body from this size on is parsed in a thread: images come as megabytes of base64."""


async def read_text_request(request: Request, max_bytes: int, max_values: int = MAX_VALUES) -> TextRequest:
    """
    Args:
        max_bytes: of the body.
        max_values: members and items in it.

    Raises:
        TooLarge: the body is over the limit; a declared length is refused before anything is read.
        InvalidRequest: it is not a JSON object, or has too many values.
        ClientDisconnect: the caller left before the end.
    """
    body = await _read(request, max_bytes)
    if len(body) > OFF_LOOP_BYTES:
        fields = await asyncio.to_thread(parse_object, body, max_values=max_values)
    else:
        fields = parse_object(body, max_values=max_values)
    return TextRequest(fields, body, request.headers.items())


async def _read(request: Request, max_bytes: int) -> bytes:
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > max_bytes:
        raise _too_large(max_bytes)
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise InvalidRequest("Compressed request bodies are not accepted.", param="content-encoding")
    body = bytearray()
    async with aclosing(request.stream()) as stream:
        async for chunk in stream:
            body += chunk
            if len(body) > max_bytes:
                raise _too_large(max_bytes)
    return bytes(body)


def _too_large(max_bytes: int) -> TooLarge:
    return TooLarge(f"The request is larger than {max_bytes} bytes.")
