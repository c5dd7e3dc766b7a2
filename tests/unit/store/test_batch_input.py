import io
import json
from typing import Any

import pytest

from speechd.store import batch_input
from speechd.store.batch_input import CheckedInput, check


def line(custom_id: Any = "a", **changes: Any) -> bytes:
    request = {"custom_id": custom_id, "method": "POST", "url": "/v1/embeddings", "body": {"model": "m"}} | changes
    return json.dumps({name: value for name, value in request.items() if value is not None}).encode()


def checked(*lines: bytes, endpoint: str = "/v1/embeddings", end: bytes = b"\n") -> CheckedInput:
    return check(io.BytesIO(end.join(lines) + end), endpoint)


def test_good_lines_are_found_again_by_their_place() -> None:
    text = b"\xef\xbb\xbf" + b"\r\n".join([line("a"), b"", line("\u00e4"), line("c")])
    found = check(io.BytesIO(text), "/v1/embeddings")
    assert found.faults == []
    assert [(row["number"], row["custom_id"]) for row in found.rows] == [(1, "a"), (3, "\u00e4"), (4, "c")]
    for row in found.rows:
        part = text[row["offset"] : row["offset"] + row["length"]]
        assert json.loads(part)["custom_id"] == row["custom_id"]


@pytest.mark.parametrize("endpoint", ["/v1/embeddings", "/openai/v1/embeddings"])
@pytest.mark.parametrize("url", ["/v1/embeddings", "/openai/v1/embeddings"])
def test_both_prefixes(endpoint: str, url: str) -> None:
    found = checked(line(url=url), endpoint=endpoint)
    assert (found.faults, [row["url"] for row in found.rows]) == ([], [url])


BAD: dict[str, tuple[bytes, str | None]] = {
    "invalid_json_line": (b"{", None),
    "invalid_utf8": (b'{"custom_id": "\xff"}', None),
    "invalid_method": (line("x", method="GET"), "method"),
    "mismatched_endpoint": (line("x", url="/v1/chat/completions"), "url"),
    "missing_required_parameter": (line("x", body=None), "body"),
    "duplicate_custom_id": (line("first"), "custom_id"),
    "invalid_custom_id": (line("a\0b"), "custom_id"),
}


@pytest.mark.parametrize("code", BAD)
def test_a_bad_line_is_named_by_its_number(code: str) -> None:
    bad, param = BAD[code]
    (fault,) = checked(line("first"), b"", bad, line("last")).faults
    assert (fault.code, fault.line, fault.param) == (code, 3, param)


@pytest.mark.parametrize(
    "bad",
    [
        *(
            b"[]",
            b"1",
            b'"a"',
            b"null",
            b"NaN",
            b'{"custom_id": NaN}',
            b"[" * 100_000,
            b"{} {}",
            b"\x00",
            b"\xef\xbb\xbf{}",
        ),
        *(line(""), line("x" * 513), line(5), line("\ud800"), line([1]), line(None)),
        *(line(url=None), line(url=5), line(url="/v1/embeddings/"), line(url="http://h/v1/embeddings")),
        *(line(method="post"), line(method=None), line(body=[]), line(body="{}"), line(body=5)),
    ],
)
def test_nothing_else_passes(bad: bytes) -> None:
    (fault,) = checked(line("first"), bad).faults
    assert fault.line == 2
    assert fault.message


def test_every_bad_line_is_told_up_to_a_point() -> None:
    found = checked(*[b"{"] * (batch_input.MAX_FAULTS + 20), line())
    errors = json.loads(found.errors())["data"]
    assert [error["line"] for error in errors[:-1]] == list(range(1, batch_input.MAX_FAULTS + 1))
    assert "20 more" in errors[-1]["message"]


@pytest.mark.parametrize("text", [b"", b"\n\n \r\n", b"\xef\xbb\xbf"])
def test_nothing_to_do(text: bytes) -> None:
    assert [fault.code for fault in check(io.BytesIO(text), "/v1/embeddings").faults] == ["empty_file"]


def test_too_many_lines() -> None:
    lines = [b'{"custom_id":"%d","method":"POST","url":"/v1/embeddings","body":{}}' % n for n in range(50_001)]
    assert [fault.code for fault in checked(*lines).faults] == ["too_many_requests"]
    assert len(checked(*lines[:-1]).rows) == 50_000


def test_a_line_of_60_megabytes() -> None:
    found = checked(line("big", body={"url": "x" * 60_000_000}), b"{" + b"x" * 60_000_000, line("small"))
    assert [(fault.code, fault.line) for fault in found.faults] == [("invalid_json_line", 2)]
    assert len(found.errors()) < 1000
    assert [row["custom_id"] for row in found.rows] == ["big", "small"]
