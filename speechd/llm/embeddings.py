"""Vectors as base64, for backends that only write them as lists of numbers."""

import base64
import json
import struct
from typing import Any

from speechd.errors import BackendFailure


def in_base64(body: bytes, answer: dict[str, Any]) -> bytes:
    """An embeddings reply whose vectors are base64 of little-endian float32; unchanged where they are already.

    Raises:
        BackendFailure: the reply has no vectors.
    """
    rows = answer.get("data")
    if not isinstance(rows, list) or not all(isinstance(row, dict) and "embedding" in row for row in rows):
        raise BackendFailure("The LLM backend's answer has no embeddings.", code="backend_bad_answer")
    if all(isinstance(row["embedding"], str) for row in rows):
        return body
    return json.dumps({**answer, "data": [{**row, "embedding": encoded(row["embedding"])} for row in rows]}).encode()


def encoded(vector: Any) -> str:
    """A vector as base64 text."""
    if isinstance(vector, str):
        return vector
    try:
        return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
    except (TypeError, struct.error, OverflowError):
        raise BackendFailure("The LLM backend's embeddings are not numbers.", code="backend_bad_answer") from None
