"""The header `Prefer` (RFC 7240)."""

from starlette.datastructures import Headers

RESPOND_ASYNC = "respond-async"


def wants_async(headers: Headers) -> bool:
    """Whether the caller wants an asynchronous answer."""
    named = (token for line in headers.getlist("prefer") for token in line.split(","))
    return any(token.partition(";")[0].partition("=")[0].strip().lower() == RESPOND_ASYNC for token in named)
