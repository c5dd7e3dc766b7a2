"""What an operation must know of a request beside its fields, from whichever side it comes."""

from collections.abc import Callable
from dataclasses import dataclass

from speechd.dialects import OPENAI, Dialect
from speechd.priority import Priority

Charge = Callable[[float], None]
"""Counts seconds of audio against the limits of a key."""


def free_of_charge(seconds: float) -> None:
    """For callers without limits."""


@dataclass(frozen=True, slots=True)
class RequestContext:
    """Who asks, how the answer is worded, how urgent it is and who pays."""

    caller: str = ""
    """Name of the key; the answers of different callers are kept apart."""
    dialect: Dialect = OPENAI
    request_id: str = ""
    priority: Priority = "interactive"
    retryable: bool = False
    """The caller may leave and send the same request again."""
    charge: Charge = free_of_charge
    """Called once for each computation, when it has ended."""

    @property
    def signature(self) -> str | None:
        """The request id that `x_groq` carries; None where the dialect has none."""
        return self.request_id if self.dialect.request_id_in_body else None
