"""The reader of events: what clients write is understood, and everything has a bound."""

import asyncio
import json

import pytest
from wyoming.event import Event, async_write_event

from speechd.errors import InvalidRequest, RequestTimedOut, SpeechdError, TooLarge
from speechd.wyoming.events import MAX_LINE, MAX_PAYLOAD, EventLimits, read_event

LIMITS = EventLimits(data=1000, seconds=5)


async def read(data: bytes, *, ended: bool = True, limits: EventLimits = LIMITS) -> Event | None:
    reader = asyncio.StreamReader(limit=MAX_LINE)
    reader.feed_data(data)
    if ended:
        reader.feed_eof()
    return await read_event(reader, limits)


class Written:
    """Takes what the package writes."""

    def __init__(self) -> None:
        self.data = b""

    def write(self, data: bytes) -> None:
        self.data += data

    def writelines(self, lines: tuple[bytes, ...]) -> None:
        self.data += b"".join(lines)

    async def drain(self) -> None:
        pass


async def test_what_the_package_writes_is_read() -> None:
    written, event = Written(), Event("audio-chunk", {"rate": 16_000, "text": "ä"}, bytes(100))
    await async_write_event(event, written)  # type: ignore[arg-type]
    assert await read(written.data) == event


async def test_data_in_the_line_and_after_it_are_merged() -> None:
    more = b'{"b": 2}'
    line = json.dumps({"type": "x", "data": {"a": 1, "b": 1}, "data_length": len(more)}).encode() + b"\n"
    assert await read(line + more) == Event("x", {"a": 1, "b": 2})


@pytest.mark.parametrize("data", [b"", b'{"type": "x"', b'{"type": "x", "payload_length": 9}\nabc'])
async def test_a_connection_that_ends_gives_no_event(data: bytes) -> None:
    assert await read(data) is None


@pytest.mark.parametrize(
    ("line", "kind", "param"),
    [
        (b"POST / HTTP/1.1\r", InvalidRequest, None),
        (b"[]", InvalidRequest, None),
        (b"{}", InvalidRequest, "type"),
        (b'{"type": 7}', InvalidRequest, "type"),
        (b'{"type": "x", "data": []}', InvalidRequest, "data"),
        (b'{"type": "x", "data_length": -1}', InvalidRequest, "data_length"),
        (b'{"type": "x", "data_length": "7"}', InvalidRequest, "data_length"),
        (b'{"type": "x", "payload_length": 1.5}', InvalidRequest, "payload_length"),
        (b'{"type": "x", "payload_length": true}', InvalidRequest, "payload_length"),
        (b'{"type": "x", "data_length": 1001}', TooLarge, "data_length"),
        (f'{{"type": "x", "payload_length": {MAX_PAYLOAD + 1}}}'.encode(), TooLarge, "payload_length"),
        (b'{"type": "x", "data_length": 3}\n{}}', InvalidRequest, None),
        (b'{"type": "' + b"x" * MAX_LINE + b'"}', TooLarge, None),
        (b'{"type": "x", "data": ' + b"[" * 500 + b"]" * 500 + b"}", InvalidRequest, None),
    ],
    ids=range(14),
)
async def test_what_is_no_event_is_refused(line: bytes, kind: type[SpeechdError], param: str | None) -> None:
    with pytest.raises(kind) as refused:
        await read(line + b"\n")
    assert refused.value.param == param


async def test_an_event_that_never_ends_is_given_up() -> None:
    with pytest.raises(RequestTimedOut):
        await read(b'{"type"', ended=False, limits=EventLimits(1000, 0.01))
