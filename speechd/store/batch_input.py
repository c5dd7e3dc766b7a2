"""A batch's input, line by line: the requests, or the errors with their lines."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, BinaryIO

from speechd.bounded_json import MAX_TOKENS, check_structure
from speechd.dialects import common_url
from speechd.errors import InvalidRequest

MAX_LINES = 50_000
MAX_FAULTS = 100
"""Errors that are reported in full. The others are counted."""
MAX_CHARACTERS = 512
"""Longest `custom_id`."""
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class InputFault:
    """One error in the input."""

    code: str
    message: str
    param: str | None = None
    line: int | None = None
    """Its number in the file, from 1."""


class _BadLine(Exception):
    def __init__(self, code: str, message: str, param: str | None = None) -> None:
        self.code, self.message, self.param = code, message, param


@dataclass(slots=True)
class CheckedInput:
    """The lines of an input, and their errors."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    """`number`, `custom_id`, `url`, and `offset` and `length` in bytes, of each good line."""
    faults: list[InputFault] = field(default_factory=list)
    more_faults: int = 0

    def errors(self) -> str:
        """The batch's `errors`, as JSON."""
        data = [asdict(fault) for fault in self.faults]
        if self.more_faults:
            data.append(asdict(InputFault("too_many_errors", f"{self.more_faults} more lines are not valid.")))
        return json.dumps({"object": "list", "data": data})

    def add(self, fault: InputFault) -> None:
        if len(self.faults) < MAX_FAULTS:
            self.faults.append(fault)
        else:
            self.more_faults += 1


def check(file: BinaryIO, endpoint: str) -> CheckedInput:
    """
    Args:
        file: the input, at its start.
        endpoint: of the batch; every line must have the same, with either prefix.
    """
    checked, seen = CheckedInput(), set[str]()
    for number, offset, line in _lines(file):
        if len(checked.rows) == MAX_LINES:
            return CheckedInput(
                faults=[InputFault("too_many_requests", f"The file has more than {MAX_LINES} requests.")]
            )
        try:
            custom_id, url = _read(line, common_url(endpoint), seen)
        except _BadLine as bad:
            checked.add(InputFault(bad.code, bad.message, bad.param, number))
            continue
        seen.add(custom_id)
        row = {"number": number, "custom_id": custom_id, "url": url, "offset": offset, "length": len(line)}
        checked.rows.append(row)
    if not checked.rows and not checked.faults:
        checked.add(InputFault("empty_file", "The file has no requests. Each line must be one JSON object."))
    return checked


def _lines(file: BinaryIO) -> Iterator[tuple[int, int, bytes]]:
    """Number, offset and bytes of every line that is not blank."""
    offset = 0
    for number, line in enumerate(file, start=1):
        start = len(BYTE_ORDER_MARK) if number == 1 and line.startswith(BYTE_ORDER_MARK) else 0
        if line[start:].strip():
            yield number, offset + start, line[start:]
        offset += len(line)


def _read(line: bytes, endpoint: str, seen: set[str]) -> tuple[str, str]:
    """The line's `custom_id` and `url`.

    Raises:
        _BadLine: it is not a request of this batch.
    """
    request = parse_line(line)
    custom_id = request.get("custom_id")
    if not isinstance(custom_id, str) or not _is_good_id(custom_id):
        message = f"`custom_id` is required: a text of 1 to {MAX_CHARACTERS} characters."
        raise _BadLine("missing_required_parameter" if custom_id is None else "invalid_custom_id", message, "custom_id")
    if custom_id in seen:
        raise _BadLine(
            "duplicate_custom_id", f"The custom_id {custom_id[:80]!r} is on an earlier line too.", "custom_id"
        )
    if request.get("method") != "POST":
        raise _BadLine("invalid_method", "`method` must be `POST`.", "method")
    url = request.get("url")
    if not isinstance(url, str) or common_url(url) != endpoint:
        raise _BadLine("mismatched_endpoint", f"`url` must be the batch's endpoint, {endpoint}.", "url")
    if not isinstance(request.get("body"), dict):
        raise _BadLine("missing_required_parameter", "`body` is required: the request's JSON object.", "body")
    return custom_id, url


def _is_good_id(custom_id: str) -> bool:
    """Whether a database can store the text: no NUL, no half of a surrogate pair."""
    whole = custom_id.encode(errors="replace").decode() == custom_id
    return whole and 0 < len(custom_id) <= MAX_CHARACTERS and "\0" not in custom_id


def parse_line(line: bytes) -> dict[str, Any]:
    """
    Raises:
        _BadLine: it is not a JSON object (RFC 8259: in UTF-8, no NaN).
    """

    def refuse(constant: str) -> Any:
        raise ValueError(constant)

    try:
        check_structure(line, MAX_TOKENS)
        request = json.loads(line.decode(), parse_constant=refuse)
    except InvalidRequest as error:
        raise _BadLine("invalid_json_line", error.message.replace("JSON body", "line")) from None
    except UnicodeDecodeError:
        raise _BadLine("invalid_utf8", "The line is not valid UTF-8.") from None
    except (ValueError, RecursionError):
        raise _BadLine("invalid_json_line", "The line is not valid JSON.") from None
    if not isinstance(request, dict):
        raise _BadLine("invalid_json_line", "The line is not a JSON object.")
    return request
