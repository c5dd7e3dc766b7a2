"""What crosses between an API process and a replica. Everything else of a request stays in the API process."""

from dataclasses import dataclass

from speechd import errors
from speechd.asr.engine import Job
from speechd.errors import InternalError, SpeechdError
from speechd.operations.charging import CHARACTERS_PER_SECOND
from speechd.priority import Priority
from speechd.registry.voices import Voice
from speechd.types import SpeechOptions, TranscribeOptions

BYTES_PER_SECOND = 16_000
"""Of a recording whose length nobody has read yet: between FLAC's and that of uncompressed 16-bit audio."""

SIGN_SECONDS = 5.0
"""Between two signs of life of a replica that works on a call."""


@dataclass(frozen=True, slots=True)
class SignOfLife:
    """The call has arrived, and is worked on."""


@dataclass(frozen=True, slots=True)
class CallContext:
    """Whose work it is, and how urgent."""

    priority: Priority = "interactive"
    caller: str = ""
    """Id of the key that it is for."""
    traceparent: str = ""
    """The span of the request (W3C Trace Context)."""


@dataclass(frozen=True, slots=True)
class TranscribeCall:
    """One recording."""

    audio: bytes
    """The upload as it came."""
    options: TranscribeOptions
    context: CallContext

    @property
    def seconds(self) -> float:
        """About how long it is."""
        return len(self.audio) / BYTES_PER_SECOND


@dataclass(frozen=True, slots=True)
class SpeakCall:
    """One text."""

    text: str
    voice: Voice
    options: SpeechOptions
    context: CallContext

    @property
    def seconds(self) -> float:
        """About how long its audio becomes."""
        return len(self.text) / CHARACTERS_PER_SECOND


@dataclass(frozen=True, slots=True)
class DecodeCall:
    """One window of a live session."""

    job: Job
    context: CallContext

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.job.window.duration


@dataclass(frozen=True, slots=True)
class Failed:
    """How the work ended instead of with a result."""

    kind: str
    """Name of its class in speechd.errors."""
    message: str
    param: str | None = None
    code: str | None = None
    retry_after: float | None = None
    loading: bool = False
    """The model could not be loaded; nothing was tried with it."""

    @classmethod
    def of(cls, error: SpeechdError, *, loading: bool = False) -> "Failed":
        return cls(type(error).__name__, error.message, error.param, error.error_code, error.retry_after, loading)

    @property
    def error(self) -> SpeechdError:
        """As it was raised in the replica."""
        kind = getattr(errors, self.kind, InternalError)
        known = isinstance(kind, type) and issubclass(kind, SpeechdError)
        error_class = kind if known else InternalError
        error: SpeechdError = error_class(self.message, param=self.param, code=self.code, retry_after=self.retry_after)
        return error
