import pytest
from starlette.datastructures import Headers

from speechd.api.prefer import wants_async


@pytest.mark.parametrize(
    "lines",
    [
        ["respond-async"],
        ["Respond-Async"],
        ["return=minimal, respond-async"],
        ["wait=5", "respond-async"],
        ['respond-async=""'],
        ["respond-async; x=1"],
    ],
)
def test_asked_for(lines: list[str]) -> None:
    assert wants_async(Headers(raw=[(b"prefer", line.encode()) for line in lines]))


@pytest.mark.parametrize("lines", [[], [""], ["wait=5"], ["respond-asynchronous"], ["x=respond-async"]])
def test_not_asked_for(lines: list[str]) -> None:
    assert not wants_async(Headers(raw=[(b"prefer", line.encode()) for line in lines]))
