import json
import random
from typing import Any

import pytest

from speechd.bounded_json import MAX_DEPTH, check_structure, parse_object
from speechd.errors import InvalidRequest


def nested(depth: int) -> bytes:
    return b'{"a":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"


@pytest.mark.parametrize("text", [",[{" * 1000, '"' * 500, "\\" * 501, '\\"[' * 300, "\N{GRINNING FACE}, [{" * 300])
def test_what_stands_in_a_string_does_not_count(text: str) -> None:
    for ascii_only in (True, False):
        body = json.dumps({"text": text, "list": [1, 2]}, ensure_ascii=ascii_only).encode()
        assert parse_object(body, max_values=10)["text"] == text


def test_values_are_counted_up_to_the_bound() -> None:
    assert len(parse_object(b'{"a":[' + b"0," * 97 + b"0]}", max_values=99)["a"]) == 98
    with pytest.raises(InvalidRequest, match="more than 99 values") as refusal:
        parse_object(b'{"a":[' + b"0," * 98 + b"0]}", max_values=99)
    assert refusal.value.error_code == "json_too_complex"


def test_depth_is_counted_up_to_the_bound() -> None:
    assert parse_object(nested(MAX_DEPTH))
    with pytest.raises(InvalidRequest, match="deeper than 100") as refusal:
        parse_object(nested(MAX_DEPTH + 1))
    assert refusal.value.error_code == "json_too_complex"
    assert parse_object(b'{"a":[' + b"[]," * 500 + b"0]}")  # beside each other


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"a":NaN}',
        b'{"a":"\xed\xa0\xbd"}',
        json.dumps({"a": [1, 2]}).encode("utf-16"),
        b'{"a":"' + b"\\",
        b"{} []",
        b'{"a":1' + b"0" * 5000 + b"}",
    ],
)
def test_no_json(body: bytes) -> None:
    with pytest.raises(InvalidRequest, match="not valid JSON"):
        parse_object(body)


def test_only_an_object_will_do() -> None:
    with pytest.raises(InvalidRequest, match="must be an object"):
        parse_object(b"[]")


def test_a_byte_order_mark_is_skipped() -> None:
    assert parse_object(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}


@pytest.mark.parametrize("value", ['"\\ud800"', '["a", "\\udfff"]', '{"\\uD83D": 1}'])
def test_half_a_surrogate_pair_names_its_field(value: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        parse_object(f'{{"b": 1, "a": {value}}}'.encode())
    assert refusal.value.param == "a"
    assert parse_object(b'{"a": "\\ud83d\\ude00"}') == {"a": "\N{GRINNING FACE}"}


def test_the_count_is_that_of_what_json_makes_of_it() -> None:
    """Each list and object, and each separator; so at least one for each value beyond the first."""
    chance = random.Random(1)
    for _ in range(300):
        value = {"v": _value(chance, 4)}
        body = json.dumps(value, ensure_ascii=chance.random() < 0.5).encode()
        marks = _marks(value)
        check_structure(body, marks)
        with pytest.raises(InvalidRequest):
            check_structure(body, marks - 1)


def _value(chance: random.Random, depth: int) -> Any:
    kind = chance.randrange(5) if depth else 0
    if kind == 1:
        return [_value(chance, depth - 1) for _ in range(chance.randrange(4))]
    if kind == 2:
        return {chance.choice('a"\\,[{') + str(n): _value(chance, depth - 1) for n in range(chance.randrange(4))}
    return chance.choice([1, None, "", "a,b", '"[', "\\", '\\"', "é{"])


def _marks(value: Any) -> int:
    """Openings and separators of JSON text."""
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if items is None else 1 + max(0, len(items) - 1) + sum(map(_marks, items))
