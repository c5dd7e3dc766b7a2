"""What happens in a live transcription. Each turn has an id, which all of its events carry."""

from dataclasses import dataclass

from speechd.errors import SpeechdError
from speechd.types import Transcript


@dataclass(frozen=True, slots=True)
class TurnStarted:
    """Speech was detected. Only where the server detects turns."""

    turn: str
    milliseconds: int
    """Where the turn begins, since the first audio; the padding before speech is counted in."""


@dataclass(frozen=True, slots=True)
class TurnStopped:
    """Silence has ended the speech."""

    turn: str
    milliseconds: int
    """Where the turn ends, since the first audio; the silence that ended it is counted in."""


@dataclass(frozen=True, slots=True)
class TurnCommitted:
    """The turn's audio is complete; TurnCompleted or TurnFailed follows, perhaps after those of later turns."""

    turn: str
    previous: str | None
    """Id of the turn committed before it."""


@dataclass(frozen=True, slots=True)
class TextDelta:
    """Text that follows the turn's text so far. Nothing is taken back."""

    turn: str
    text: str


@dataclass(frozen=True, slots=True)
class TurnCompleted:
    """The turn's whole text, decoded as an upload of the same audio would be."""

    turn: str
    transcript: Transcript


@dataclass(frozen=True, slots=True)
class TurnFailed:
    """The turn has no text."""

    turn: str
    error: SpeechdError


LiveEvent = TurnStarted | TurnStopped | TurnCommitted | TextDelta | TurnCompleted | TurnFailed
