"""Tokens of a byte-level vocabulary as the bytes they stand for."""

import pytest

from speechd.asr.engines.whisper_tokens import token_bytes


@pytest.mark.parametrize(
    ("token", "data"),
    [("Ġgood", b" good"), ("ĠMÃ¤rz", " März".encode()), ("Ã", b"\xc3"), ("Ċ", b"\n"), ("日", "日".encode())],
)
def test_a_token_is_the_bytes_it_stands_for(token: str, data: bytes) -> None:
    assert token_bytes(token) == data


def test_every_byte_has_one_letter() -> None:
    from speechd.asr.engines.whisper_tokens import _byte_letters

    assert sorted(_byte_letters().values()) == list(range(256))
