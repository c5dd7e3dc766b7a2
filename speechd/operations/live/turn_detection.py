"""Where a speaker's turns begin and end, from speech probabilities alone."""

from dataclasses import dataclass
from typing import Literal

from speechd.audio.vad import FRAME_SECONDS, HYSTERESIS

MIN_SPEECH = 0.096
"""Seconds of speech that begin a turn: 3 frames, so that a click begins none."""


@dataclass(frozen=True, slots=True)
class TurnDetection:
    """What begins and ends a turn."""

    threshold: float = 0.5
    """Probability of speech; speech ends below `threshold - 0.15`."""
    prefix: float = 0.3
    """Seconds of audio before speech that belong to the turn."""
    silence: float = 0.5
    """Seconds of silence that end it."""


class TurnDetector:
    """Counts frames of speech and silence."""

    def __init__(self, options: TurnDetection) -> None:
        self._options = options
        self._stop_at = max(options.threshold - HYSTERESIS, 0.01)
        self._silence = max(1, round(options.silence / FRAME_SECONDS))
        self._needed = round(MIN_SPEECH / FRAME_SECONDS)
        self.reset()

    def reset(self) -> None:
        """What was heard so far belongs to no turn any more."""
        self._speaks = False
        self._count = 0
        """Frames of speech while nobody speaks; frames of silence while somebody does."""

    @property
    def prefix(self) -> float:
        """Seconds before speech that belong to a turn."""
        return self._options.prefix

    @property
    def onset(self) -> int:
        """Frames of speech that have been heard when `push` answers `started`."""
        return self._needed

    def push(self, probability: float) -> Literal["started", "stopped"] | None:
        """Takes the next frame."""
        is_speech = probability >= self._options.threshold
        counts = probability < self._stop_at if self._speaks else is_speech
        if self._speaks == is_speech and not counts:
            self._count = 0
        self._count += counts
        if self._count < (self._silence if self._speaks else self._needed):
            return None
        self._speaks, self._count = not self._speaks, 0
        return "started" if self._speaks else "stopped"
