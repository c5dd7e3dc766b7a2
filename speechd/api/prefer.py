"""What a caller prefers by the headers `Prefer` (RFC 7240) and `Accept` (RFC 9110)."""

import re

from starlette.datastructures import Headers

RESPOND_ASYNC = "respond-async"

_WEIGHT = re.compile(r"[01](?:\.\d{0,3})?")


def wants_async(headers: Headers) -> bool:
    """Whether the caller wants an asynchronous answer."""
    named = (token for line in headers.getlist("prefer") for token in line.split(","))
    return any(token.partition(";")[0].partition("=")[0].strip().lower() == RESPOND_ASYNC for token in named)


def prefers_plain_text(headers: Headers, media_type: str) -> bool:
    """Whether `Accept` ranks plain text before this media type of text. Without `Accept` it does not."""
    accept = headers.get("accept", "*/*")
    return media_type.startswith("text/") and _quality(accept, "text/plain") > _quality(
        accept, media_type.partition(";")[0]
    )


def _quality(accept: str, media_type: str) -> float:
    """How much `Accept` wants a media type, 0 to 1, by its most specific range (RFC 9110, section 12.5.1)."""
    ranges = {}
    for row in accept.lower().split(","):
        name, *parameters = (part.strip() for part in row.split(";"))
        weight = next((value.removeprefix("q=") for value in parameters if value.startswith("q=")), "1")
        ranges[name] = float(weight) if _WEIGHT.fullmatch(weight) else 0.0
    kind = media_type.partition("/")[0]
    return next((ranges[name] for name in (media_type, f"{kind}/*", "*/*") if name in ranges), 0.0)
