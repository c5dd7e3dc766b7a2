"""Every voice at one loudness: real voices speak at about -25 LUFS, hosted services at about -18.

Each speaker has one gain, fixed when it is first needed from a few sentences that it speaks; sentences keep their
loudness relative to each other, and the limiter follows the gain. A file remembers the gains over a restart.
"""

import contextlib
import hashlib
import json
import logging
import math
import os
import threading
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from speechd.audio.limiter import limited
from speechd.errors import EngineFailure
from speechd.tts.engine import Spoken, SynthesisOptions, TtsEngine
from speechd.tts.loudness.meter import SILENT, amplitude, integrated_loudness
from speechd.tts.loudness.sentences import probe_sentences
from speechd.types import Samples

PROBE = 0.1
"""Gain while measuring: so low that the limiter changes no sample, and its effect can be computed separately."""
MAX_LIMITER_LOSS = 3.0
"""dB of extra gain at most that make up for the limiter. More would flatten the speech."""
ROUNDS = 3
"""Corrections of the gain for the effect of the limiter: the second leaves less than 0.1 LU (measured)."""
METHOD = 1
"""Part of a stored gain's name. Raise it when the same voice gets another gain."""

log = logging.getLogger("speechd.tts")


class LevelledVoice:
    """A voice whose every speaker has the same loudness. A mix gets the mean of its speakers' gains in dB."""

    def __init__(self, engine: TtsEngine, target: float, memory: "GainFile") -> None:
        """Measures the first speaker at once, but for a slow voice. The others are measured when they first speak.

        Args:
            engine: the voice as it is.
            target: LUFS.
            memory: gains that were measured before.
        """
        self.info = engine.info
        self._engine = engine
        self._target = target
        self._memory = memory
        self._gains: dict[int, float] = {}
        self._measuring = threading.Lock()
        if not engine.info.slow:
            self._gain(0)

    def synthesize(self, sentence: str, options: SynthesisOptions) -> Spoken:
        """See speechd.tts.engine.TtsEngine."""
        mix = options.speaker if isinstance(options.speaker, tuple) else ((options.speaker or 0, 1.0),)
        gain = options.gain * math.prod(self._gain(speaker) ** share for speaker, share in mix)
        return self._engine.synthesize(sentence, replace(options, gain=gain))

    def close(self) -> None:
        """See speechd.tts.engine.TtsEngine."""
        self._engine.close()

    def _gain(self, speaker: int) -> float:
        if (known := self._gains.get(speaker)) is not None:
            return known
        with self._measuring:
            if speaker not in self._gains:
                self._gains[speaker] = self._remembered(speaker)
        return self._gains[speaker]

    def _remembered(self, speaker: int) -> float:
        name = f"{METHOD}/{speaker}/{self._target:g}"
        if (known := self._memory.read(name)) is not None:
            return known
        try:
            gain = measured_gain(self._engine, speaker, self._target)
        except EngineFailure as error:
            log.warning("the loudness of a voice could not be measured: %s", error.message)
            return 1.0
        self._memory.write(name, gain)
        return gain


def measured_gain(engine: TtsEngine, speaker: int, target: float) -> float:
    """The gain with which this speaker comes out at the target, the limiter's part included; 1 for one that is silent.

    Args:
        engine: the voice.
        speaker: its number.
        target: LUFS.

    Raises:
        EngineFailure: it cannot speak the sentences.
    """
    options = SynthesisOptions(speaker=speaker if engine.info.speakers else None, gain=PROBE)
    language = engine.info.of_speaker(options.speaker).language
    sentences = probe_sentences(language)[: 1 if engine.info.slow else None]
    parts = [engine.synthesize(sentence, options).samples for sentence in sentences]
    return gain_for([part / np.float32(PROBE) for part in parts], engine.info.sample_rate, target)


def gain_for(parts: list[Samples], sample_rate: int, target: float) -> float:
    """The gain that brings these sentences to the target after the limiter; 1 where there is nothing to hear.

    Args:
        parts: sentences as the voice gives them, each shape (n,).
        sample_rate: Hz.
        target: LUFS.
    """
    loudness = integrated_loudness(np.concatenate(parts), sample_rate)
    if loudness <= SILENT:
        return 1.0
    gain = amplitude(target - loudness)
    highest = gain * amplitude(MAX_LIMITER_LOSS)
    for _ in range(ROUNDS):
        finished = np.concatenate([limited(part * np.float32(gain), sample_rate) for part in parts])
        gain = min(highest, gain * amplitude(target - integrated_loudness(finished, sample_rate)))
    return gain


@dataclass(frozen=True, slots=True)
class GainFile:
    """Gains that were measured before: a JSON object in a file that all voices share."""

    path: Path
    voice: str
    """Hash of the voice's files: another voice under the same name is measured anew."""

    @staticmethod
    def of(path: Path, *files: Path) -> "GainFile":
        """The gains of the voice in these files."""
        digest = hashlib.sha256()
        for file in files:
            digest.update(hashlib.sha256(file.read_bytes()).digest())
        return GainFile(path, digest.hexdigest())

    def read(self, name: str) -> float | None:
        """A gain of this voice; None where it is not known."""
        gain = self._all().get(f"{self.voice}/{name}")
        return float(gain) if isinstance(gain, (int, float)) and 0 < gain < float("inf") else None

    def write(self, name: str, gain: float) -> None:
        """Adds a gain; the file changes in one step. Where it cannot be written, the next start measures again."""
        draft = self.path.with_name(f".{self.path.name}.{os.getpid()}-{threading.get_ident()}")
        gains = self._all() | {f"{self.voice}/{name}": round(gain, 5)}
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            draft.write_text(json.dumps(gains, indent=0), encoding="utf-8")
            draft.replace(self.path)
        except OSError as error:
            log.warning("the loudness of a voice is not remembered in %s: %s", self.path, error)
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)

    def _all(self) -> dict[str, object]:
        try:
            found = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}
