"""Where a WebSocket's opening request can carry a key: a browser can set no header of its own."""

from urllib.parse import parse_qs

from starlette.datastructures import Headers

SUBPROTOCOL_KEY = "openai-insecure-api-key."
"""A subprotocol that begins so is no protocol, but a key; OpenAI's SDK sends it from browsers."""


def key_of_socket(headers: Headers, query: bytes) -> str:
    """The key of an opening request: the first of a bearer, `X-API-Key`, a subprotocol and the query's `api_key`; ""
    where there is none.

    Args:
        query: of the URL, as it was sent.
    """
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and credentials.strip():
        return credentials.strip()
    if given := headers.get("x-api-key", "").strip():
        return given
    for protocol in subprotocols(headers):
        if protocol.startswith(SUBPROTOCOL_KEY):
            return protocol.removeprefix(SUBPROTOCOL_KEY)
    return parse_qs(query.decode("latin-1")).get("api_key", [""])[0].strip()


def subprotocols(headers: Headers) -> list[str]:
    """The protocols that a client offers, in its order."""
    offered = ",".join(headers.getlist("sec-websocket-protocol"))
    return [protocol.strip() for protocol in offered.split(",") if protocol.strip()]
