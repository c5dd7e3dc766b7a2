"""Wide tables of parameters: the core runs some rows, and `make test-grids` runs the others."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest


def core_or_grid(rows: Iterable[tuple[Any, ...]], core: Callable[..., bool]) -> list[Any]:
    """The rows, as parameters of a test; those of which `core` says no are marked `grid`."""
    return [row if core(*row) else pytest.param(*row, marks=pytest.mark.grid) for row in rows]
