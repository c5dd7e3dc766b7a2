"""A pytest plugin for the suite of groq-python: it lets run what the suite skips because of its mock server.

The mock server cannot express "a file or a URL", so the tests of transcriptions and translations are marked as skipped.
The proxy gives them a file.
"""

from typing import Any

UNSUPPORTED_BY_THE_MOCK = "Unsupported either condition"


def pytest_collection_modifyitems(items: list[Any]) -> None:
    for item in items:
        marks = item.own_markers
        marks[:] = [mark for mark in marks if mark.kwargs.get("reason") != UNSUPPORTED_BY_THE_MOCK]
