"""The last warnings and errors of a process, for who looks at it from outside. The log has them all."""

import logging
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

MAX_FAULTS = 50
MAX_CHARACTERS = 500
"""Of a message."""


@dataclass(frozen=True, slots=True)
class RecordedFault:
    """One line of the log."""

    at: float
    """Unix seconds."""
    level: str
    logger: str
    message: str


class RecentFaults(logging.Handler):
    """Keeps the newest MAX_FAULTS lines of speechd's own loggers from WARNING on."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._faults: deque[RecordedFault] = deque(maxlen=MAX_FAULTS)

    def newest_first(self) -> list[RecordedFault]:
        return list(reversed(self._faults.copy()))

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Records during the block."""
        logger = logging.getLogger("speechd")
        logger.addHandler(self)
        try:
            yield
        finally:
            logger.removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()[:MAX_CHARACTERS]
        self._faults.append(RecordedFault(record.created, record.levelname.lower(), record.name, message))
