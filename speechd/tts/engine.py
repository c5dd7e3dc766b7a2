"""The protocol between the pipeline and a voice.

An engine is synchronous, takes one sentence and returns PCM in a frozen dataclass. It knows nothing of requests,
encodings or HTTP. Several threads may call it at the same time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Protocol

from speechd.types import Samples, Word

PHONEMES = ("[[", "]]")
"""Between these a sentence holds phonemes (IPA) instead of spelling. No other brackets reach an engine."""


SpeakerMix = tuple[tuple[int, float], ...]
"""Numbers of speakers with their shares, which sum to 1: one new speaker."""
SCRIPTS = {"ar": "ARABIC", "fa": "ARABIC", "ur": "ARABIC", "el": "GREEK", "he": "HEBREW", "hi": "DEVANAGARI"}
SCRIPTS |= {"ne": "DEVANAGARI", "ka": "GEORGIAN", "te": "TELUGU", "ml": "MALAYALAM", "th": "THAI", "zh": "CJK"}
SCRIPTS |= dict.fromkeys(("ru", "uk", "bg", "sr", "kk"), "CYRILLIC") | dict.fromkeys(("ja", "ko"), "")
"""Letters of the languages that are not written in Latin ones; "" accepts all."""


@dataclass(frozen=True, slots=True)
class VoiceInfo:
    """The properties of a voice."""

    sample_rate: int
    """Hz of its PCM."""
    language: str
    """ISO 639-1 code of the language it reads."""
    speakers: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    """Names of its speakers with their numbers; empty for a single one."""
    slowest: float = 1.0
    fastest: float = 1.0
    """Range of speeds that the voice speaks exactly and as clearly as time stretching would."""
    script: str = "LATIN"
    """Unicode name prefix of the letters it can read; "" for all."""
    region: str = ""
    """ISO 3166-1 code of the country whose language it reads, `BR` for instance; "" where nobody says."""
    accents: Mapping[int, tuple[str, str]] = field(default_factory=lambda: MappingProxyType({}))
    """Language and region of each speaker; empty where all speakers have the voice's."""
    mixable: bool = False
    """Whether its speakers can be mixed."""
    slow: bool = False
    """It takes about as long as its speech lasts. So little is spoken to measure its loudness."""

    def of_speaker(self, speaker: int | SpeakerMix | None) -> "VoiceInfo":
        """The properties of one speaker. A mix has those of its first."""
        number = speaker[0][0] if isinstance(speaker, tuple) else speaker
        if number is None or number not in self.accents:
            return self
        language, region = self.accents[number]
        return replace(self, language=language, region=region, script=SCRIPTS.get(language, "LATIN"))


@dataclass(frozen=True, slots=True)
class SynthesisOptions:
    """How one sentence is to be spoken."""

    speaker: int | SpeakerMix | None = None
    """Number of the speaker, or a mix of several; None for the voice's first."""
    speed: float = 1.0
    """Pace, between the voice's slowest and fastest."""
    words: bool = False
    """Return the time of each word."""
    gain: float = 1.0
    """Factor on the voice's own level; the limiter reduces what is too loud (speechd.audio.limiter)."""


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
        """Frees its memory. No call may follow."""
        ...
