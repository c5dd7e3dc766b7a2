"""Reads the files of Kokoro without loading it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from speechd.tts.engine import VoiceInfo
from speechd.tts.engines.kokoro_phonemes import ACCENTS

SAMPLE_RATE = 24_000
"""Hz."""
FIRST_SPEAKER = "af_heart"
"""The best by its makers' own grades (hexgrad/Kokoro-82M, VOICES.md)."""

GENDERS: Mapping[str, Literal["female", "male"]] = {"f": "female", "m": "male"}
"""By the second letter of a speaker's name."""


@dataclass(frozen=True, slots=True)
class KokoroFiles:
    """Kokoro on disk: an ONNX model, and a file for each speaker in `voices`."""

    folder: Path

    @property
    def model(self) -> Path:
        return min(self.folder.glob("*.onnx"))

    @property
    def speakers(self) -> tuple[Path, ...]:
        """The files of the speakers whose language can be read, American ones first."""
        found = (path for path in (self.folder / "voices").glob("*.bin") if path.stem[:1] in ACCENTS)
        return tuple(sorted(found, key=lambda path: (path.stem != FIRST_SPEAKER, path.stem)))

    def info(self) -> VoiceInfo:
        """Its properties. Durations are whole frames, so other speeds than 1 are left to time stretching."""
        names = [path.stem for path in self.speakers]
        accents = {number: ACCENTS[name[0]] for number, name in enumerate(names)}
        plain = VoiceInfo(
            sample_rate=SAMPLE_RATE,
            language="en",
            speakers={name: number for number, name in enumerate(names)},
            accents={number: (accent.language, accent.region) for number, accent in accents.items()},
            mixable=True,
            slow=True,
        )
        return plain.of_speaker(0)
