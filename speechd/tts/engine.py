"""The seam between the pipeline and whatever speaks.

An engine is synchronous, takes one sentence and gives back PCM in a frozen dataclass; it knows nothing of requests,
encodings or HTTP. Several threads may call it at the same time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

from speechd.types import Samples, Word

PHONEMES = ("[[", "]]")
"""Between these a sentence holds phonemes (IPA) instead of spelling. No other brackets reach an engine."""


@dataclass(frozen=True, slots=True)
class VoiceInfo:
    """What a voice is."""

    sample_rate: int
    """Hz of the PCM it gives."""
    language: str
    """ISO 639-1 code of the language it reads."""
    speakers: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    """Names of its speakers with their numbers; empty for a single one."""
    slowest: float = 1.0
    fastest: float = 1.0
    """Speeds between which the voice itself can speak at exactly that pace and stay as clear as a stretch would be."""
    script: str = "LATIN"
    """Unicode name prefix of the letters it can read; "" for all."""
    region: str = ""
    """ISO 3166-1 code of the country whose language it reads, `BR` for instance; "" where nobody says."""


@dataclass(frozen=True, slots=True)
class SynthesisOptions:
    """How one sentence is to be spoken."""

    speaker: int | None = None
    """Number of the speaker; None for the voice's first."""
    speed: float = 1.0
    """Pace, between the voice's slowest and fastest."""
    words: bool = False
    """Tell when each word is spoken."""
    gain: float = 1.0
    """Factor on the voice's own level; what would be too loud with it is turned down (speechd.audio.limiter)."""


@dataclass(frozen=True, slots=True, eq=False)
class Spoken:
    """One spoken sentence."""

    samples: Samples
    """PCM float32, shape (n,), in [-1, 1] at the voice's sample rate and one level for all sentences."""
    words: tuple[Word, ...] = ()
    """Its words on its own clock, in seconds."""


class TtsEngine(Protocol):
    """Speaks."""

    info: VoiceInfo

    def synthesize(self, sentence: str, options: SynthesisOptions) -> Spoken:
        """Speaks one sentence of at most 300 characters; no samples where nothing in it can be spoken.

        Raises:
            EngineFailure: the sentence could not be computed.
        """
        ...

    def close(self) -> None:
        """Gives its memory back; no call may follow."""
        ...
