"""Which work goes first: that of callers who wait, or that of batches and jobs."""

from collections.abc import Callable
from typing import Literal

Priority = Literal["interactive", "background"]
"""A caller waits for the answer, or it is written down for later."""

PrioritySource = Callable[[], Priority]
"""The priority at this moment: work that several requests share is as urgent as the most urgent of them."""


def interactive() -> Priority:
    """The priority of work for which a caller always waits."""
    return "interactive"


def goes_before(mine: Priority, other: Priority) -> bool:
    """Whether work of priority `mine` need not wait for work of priority `other`."""
    return mine == "interactive" and other == "background"
