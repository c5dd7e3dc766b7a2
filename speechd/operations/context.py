"""What an operation must know of a request beside its fields, from whichever side it comes."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass

from speechd.auth.meter import Meter
from speechd.cache.result_exchange import ResultExchange
from speechd.dialects import OPENAI, Dialect
from speechd.priority import Priority
from speechd.store.speakers.records import EnrolledSpeaker

FindSpeakers = Callable[[str, Collection[str]], Awaitable[Sequence[EnrolledSpeaker]]]
"""Returns the voices of a caller that are enrolled under one of these names."""


@dataclass(frozen=True, slots=True)
class RequestContext:
    """Who asks, how the answer is worded, how urgent it is and who pays."""

    caller: str = ""
    """Id of the key; the answers of different callers are kept apart."""
    dialect: Dialect = OPENAI
    request_id: str = ""
    priority: Priority = "interactive"
    retryable: bool = False
    """The caller may leave and send the same request again."""
    meter: Meter | None = None
    """Where its audio is reserved and charged, once for each computation. None: nobody pays."""
    find_speakers: FindSpeakers | None = None
    """Finds voices that the caller has enrolled. None: there are none."""
    results: ResultExchange | None = None
    """Where servers give each other results. None: what is computed here is of no use to another server."""

    @property
    def signature(self) -> str | None:
        """The request id that `x_groq` carries; None where the dialect has none."""
        return self.request_id if self.dialect.request_id_in_body else None
