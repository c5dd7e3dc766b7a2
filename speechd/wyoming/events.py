"""Events of the Wyoming protocol on a connection, bounded before they are read.

An event is a line of JSON, then `data_length` bytes of JSON that are merged into its `data`, then `payload_length`
bytes of audio. The package `wyoming` writes events and knows their types. Its reader takes lengths of any size, so the
reader here is our own.
"""

import asyncio
from asyncio import IncompleteReadError, LimitOverrunError, StreamReader, StreamWriter
from dataclasses import dataclass
from typing import Any

from wyoming.event import Event, Eventable, async_write_event

from speechd.bounded_json import parse_object
from speechd.errors import InvalidRequest, RequestTimedOut, TooLarge

MAX_LINE = 1 << 16
"""Bytes of the line of an event."""
MAX_PAYLOAD = 1 << 20
"""Bytes of the audio of one event: 33 s at 16 kHz. Home Assistant sends 2 kB."""
MAX_VALUES = 1000
"""Members and items of the JSON of one event."""
SEND_SECONDS = 60.0
"""Seconds in which a client has to take what is sent, before it is given up."""
PARSED_AT_ONCE = 1 << 16
"""Bytes of JSON that are parsed on the event loop: under a millisecond. More is for a thread."""


@dataclass(frozen=True, slots=True)
class EventLimits:
    """What one event may take."""

    data: int
    """Bytes of its JSON after the line."""
    seconds: float
    """Until it is there, from its first byte on."""


async def read_event(reader: StreamReader, limits: EventLimits) -> Event | None:
    """The next event; None where the client has ended the connection.

    Args:
        reader: its limit is MAX_LINE.

    Raises:
        InvalidRequest: it is no event.
        TooLarge: it is longer than one may be.
        RequestTimedOut: it began and did not end in time.
    """
    if not (first := await reader.read(1)):
        return None
    try:
        async with asyncio.timeout(limits.seconds):
            return await _read(first, reader, limits)
    except TimeoutError:
        raise RequestTimedOut("The rest of the event did not arrive in time.") from None
    except IncompleteReadError:
        return None
    except LimitOverrunError:
        raise TooLarge(f"The line of an event is longer than {MAX_LINE} bytes.") from None


async def send_event(writer: StreamWriter, event: Eventable) -> None:
    """
    Raises:
        ConnectionError: the client is gone.
        TimeoutError: it takes nothing.
    """
    async with asyncio.timeout(SEND_SECONDS):
        await async_write_event(event.event(), writer)


async def _read(first: bytes, reader: StreamReader, limits: EventLimits) -> Event:
    head = parse_object(first + await reader.readuntil(b"\n"), max_values=MAX_VALUES)
    kind, data = head.get("type"), _members(head.get("data"))
    if not isinstance(kind, str) or not kind:
        raise InvalidRequest("`type` of an event must be a text.", param="type")
    if size := _length(head, "data_length", limits.data):
        data |= await _parse(await reader.readexactly(size))
    size = _length(head, "payload_length", MAX_PAYLOAD)
    return Event(kind, data, await reader.readexactly(size) if size else None)


async def _parse(body: bytes) -> dict[str, Any]:
    if len(body) <= PARSED_AT_ONCE:
        return parse_object(body, max_values=MAX_VALUES)
    return await asyncio.to_thread(parse_object, body, max_values=MAX_VALUES)


def _members(data: object) -> dict[str, Any]:
    if data is not None and not isinstance(data, dict):
        raise InvalidRequest("`data` of an event must be an object.", param="data")
    return dict(data or {})


def _length(head: dict[str, Any], name: str, maximum: int) -> int:
    """
    Raises:
        InvalidRequest: it is no length.
        TooLarge: it is more than the maximum.
    """
    value = head.get(name)
    if value is None:
        return 0
    if type(value) is not int or value < 0:
        raise InvalidRequest(f"`{name}` of an event must be a number of bytes.", param=name)
    if value > maximum:
        raise TooLarge(f"`{name}` is {value}; this server accepts {maximum}.", param=name)
    return value
