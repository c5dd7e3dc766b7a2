"""Messages of a client: JSON objects, of which some are megabytes of base64."""

import asyncio
import base64
import binascii
from collections.abc import Callable
from typing import Any, TypeVar

from speechd.bounded_json import parse_object
from speechd.errors import InvalidRequest

OFF_LOOP_CHARACTERS = 100_000
"""A message from this size on is parsed in a thread."""
MAX_VALUES = 5000
"""Members and items of one message."""
MAX_APPEND = 15 << 20
"""Bytes of audio in one message, as the hosted service takes them."""

T = TypeVar("T")


async def parse_message(text: str) -> dict[str, Any]:
    """
    Raises:
        InvalidRequest: it is not a JSON object with a `type`.
    """
    try:
        message = await _off_loop(len(text), _parse, text)
    except InvalidRequest as error:
        fault, code = (
            error.message.replace("body", "message"),
            error.error_code or (None if error.param else "invalid_json"),
        )
        raise InvalidRequest(fault, param=error.param, code=code) from None
    if not isinstance(message.get("type"), str):
        raise InvalidRequest("`type` is required: the name of an event.", param="type")
    return message


async def audio_of(message: dict[str, Any]) -> bytes:
    """The decoded audio of an `input_audio_buffer.append`.

    Raises:
        InvalidRequest: there is none, or too much.
    """
    audio = message.get("audio")
    if not isinstance(audio, str):
        raise InvalidRequest("`audio` is required: base64 of audio.", param="audio")
    if len(audio) > MAX_APPEND * 4 // 3 + 4:
        raise InvalidRequest(f"`audio` has more than {MAX_APPEND} bytes.", param="audio", code="audio_too_large")
    try:
        return await _off_loop(len(audio), _decode, audio)
    except (binascii.Error, ValueError):
        raise InvalidRequest("`audio` is not valid base64.", param="audio", code="invalid_base64") from None


def _parse(text: str) -> dict[str, Any]:
    return parse_object(text.encode("utf-8", "surrogatepass"), max_values=MAX_VALUES)


def _decode(audio: str) -> bytes:
    return base64.b64decode(audio, validate=True)


async def _off_loop(size: int, function: Callable[[str], T], text: str) -> T:
    return await asyncio.to_thread(function, text) if size > OFF_LOOP_CHARACTERS else function(text)
