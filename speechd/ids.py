"""Ids of what speechd makes: a prefix and a ULID, which sorts by time (github.com/ulid/spec)."""

import secrets
import time

CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
"""Base 32 without the letters that are taken for digits, in lower case as the hosted services print it."""


def new_id(prefix: str) -> str:
    """`req` -> `req_01jh6xa7reempvjyh6n3yst2zw`."""
    return f"{prefix}_{ulid(time.time_ns() // 1_000_000, secrets.randbits(80))}"


def ulid(milliseconds: int, randomness: int) -> str:
    """26 characters: 48 bits of Unix time in ms, then 80 bits of randomness."""
    number = milliseconds << 80 | randomness
    return "".join(CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))
