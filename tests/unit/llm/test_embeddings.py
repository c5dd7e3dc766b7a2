"""Vectors of a backend as base64, and replies that hold none."""

import base64
import json
import struct
from typing import Any

import pytest

from speechd.errors import BackendFailure
from speechd.llm.embeddings import in_base64


def reply(*vectors: Any) -> dict[str, Any]:
    return {"object": "list", "data": [{"index": place, "embedding": vector} for place, vector in enumerate(vectors)]}


def converted(answer: dict[str, Any]) -> bytes:
    return in_base64(json.dumps(answer).encode(), answer)


TEXT = base64.b64encode(struct.pack("<2f", 0.5, -2)).decode()


@pytest.mark.parametrize("vectors", [([0.5, -2],), ([0.5, -2], TEXT)])
def test_numbers_become_base64(vectors: tuple[Any, ...]) -> None:
    assert json.loads(converted(reply(*vectors))) == reply(*[TEXT] * len(vectors))


def test_what_is_base64_already_is_handed_on_byte_by_byte() -> None:
    answer = reply(TEXT)
    assert in_base64(b'{"as": "it came"}', answer) == b'{"as": "it came"}'


@pytest.mark.parametrize("answer", [{}, {"data": {}}, {"data": [1]}, {"data": [{"index": 0}]}])
def test_a_reply_without_vectors_is_the_backends_fault(answer: dict[str, Any]) -> None:
    with pytest.raises(BackendFailure, match="no embeddings"):
        converted(answer)


@pytest.mark.parametrize("vector", [None, 7, ["a"], [[0.5]], [1e300]])
def test_a_vector_that_is_no_numbers_is_the_backends_fault(vector: Any) -> None:
    with pytest.raises(BackendFailure, match="not numbers"):
        converted(reply(vector))
