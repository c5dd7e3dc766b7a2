"""JSON from outside, bounded in structure before it is parsed.

A value takes 50 bytes and more once it is parsed, and the parser holds the interpreter until it is done: 100 MB of
`[],` would be 7 GB and half a minute in which nothing else runs. So values and depth are counted first, on the bytes.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

from speechd.errors import InvalidRequest

MAX_VALUES = 50_000
"""Members and items of all objects and lists together: a conversation of thousands of messages."""
MAX_TOKENS = 300_000
"""The same where a text may come as its tokens: OpenAI takes so many in one request for embeddings."""
MAX_DEPTH = 100
"""Objects and lists inside each other; schemas of tools nest about 20 deep."""

_TOKEN = re.compile(rb'"(?:[^"\\]++|\\(?:.|\Z))*+(?:"|\Z)|[][{},]', re.DOTALL)
"""A string, so that what is inside is not counted, or what begins, ends or separates values; possessive: linear."""
_SURROGATE = re.compile("[\ud800-\udfff]")
_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")


def parse_object(body: bytes, *, max_values: int = MAX_VALUES) -> dict[str, Any]:
    """The object in a JSON body (RFC 8259: in UTF-8, no NaN); call it in a thread.

    Args:
        body: as it came.
        max_values: members and items in all.

    Raises:
        InvalidRequest: it is not valid JSON, not an object, has too many values or too deep ones, or a text that is no
            Unicode.
    """
    check_structure(body, max_values)
    try:
        fields = json.loads(body.decode("utf-8-sig"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise InvalidRequest("The body is not valid JSON.") from None
    if not isinstance(fields, dict):
        raise InvalidRequest("The JSON body must be an object.")
    if _SURROGATE_ESCAPE.search(body):
        refuse_surrogates(fields)
    return fields


def check_structure(body: bytes, max_values: int = MAX_VALUES) -> None:
    """
    Raises:
        InvalidRequest: it has more values than that, or nests deeper than MAX_DEPTH.
    """
    opened = body.count(b"[") + body.count(b"{")
    if opened <= MAX_DEPTH and opened + body.count(b",") <= max_values:
        return  # even if none of them stands in a string
    depth = values = 0
    for token in _TOKEN.finditer(body):
        mark = body[token.start()]
        if mark in b"[{":
            depth += 1
        elif mark in b"]}":
            depth -= 1
        values += mark in b"[{,"
        if depth > MAX_DEPTH:
            raise InvalidRequest(f"The JSON body nests deeper than {MAX_DEPTH}.", code="json_too_complex")
        if values > max_values:
            raise InvalidRequest(f"The JSON body has more than {max_values} values.", code="json_too_complex")


def refuse_surrogates(fields: Mapping[str, Any]) -> None:
    """JSON can write half of a surrogate pair (`"\\ud800"`), which no tokeniser, database or reply can carry.

    Raises:
        InvalidRequest: a field has one; `param` names the field.
    """
    for name, value in fields.items():
        if _has_surrogate(name):
            raise InvalidRequest("The name of a field is not valid Unicode text: half of a surrogate pair.")
        if _has_surrogate(value):
            raise InvalidRequest(f"`{name}` is not valid Unicode text: it has half of a surrogate pair.", param=name)


def _has_surrogate(value: object) -> bool:
    """A text somewhere in a parsed value has half of a surrogate pair, which no encoding can carry."""
    if isinstance(value, str):
        return not value.isascii() and _SURROGATE.search(value) is not None
    if isinstance(value, dict):
        return any(_has_surrogate(key) or _has_surrogate(item) for key, item in value.items())
    return isinstance(value, list | tuple) and any(map(_has_surrogate, value))


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(constant)
