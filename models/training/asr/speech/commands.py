"""flite and festival through their programs: English voices made from recorded speech."""

import random
import subprocess
import tempfile
import wave
from pathlib import Path

import numpy as np

from ..features import Float
from .base import Speech, finish

FLITE_VOICES = ("slt", "rms", "kal16")
FLITE_HELD_OUT = "awb"
FESTIVAL_VOICES = ("kal_diphone", "cmu_us_slt_arctic_hts", "ked_diphone")


def read_wav(path: Path) -> tuple[Float, int]:
    """Read a 16-bit mono file: samples in [-1, 1] and the rate in Hz."""
    with wave.open(str(path)) as file:
        data = np.frombuffer(file.readframes(file.getnframes()), np.int16)
        return data.astype(np.float32) / 32768, file.getframerate()


class _Program:
    def __init__(self, seed: int, speed_spread: float) -> None:
        self._rng = random.Random(seed)
        self._speed_spread = speed_spread
        self._folder = tempfile.TemporaryDirectory()

    @property
    def folder(self) -> Path:
        """A folder of its own, removed with the object."""
        return Path(self._folder.name)

    def _finish(self, path: Path, voice: str, held_out: bool) -> Speech | None:
        samples, rate = read_wav(path)
        spread = 0.0 if held_out else self._speed_spread
        return finish(samples, rate, voice, min(1.2, max(0.83, self._rng.gauss(1, spread))))


class Flite(_Program):
    """flite: one short process a sentence."""

    def speak(self, text: str, language: str, held_out: bool) -> Speech | None:
        """Speak English with a random voice and rate."""
        voice = FLITE_HELD_OUT if held_out else self._rng.choice(FLITE_VOICES)
        path = self.folder / "out.wav"
        stretch = f"duration_stretch={self._rng.uniform(0.8, 1.25):.2f}"
        subprocess.run(
            ["flite", "-voice", voice, "-t", text, "-o", str(path), "--setf", stretch],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        return self._finish(path, f"flite:{voice}", held_out)


class Festival(_Program):
    """festival: slow to start, so a process speaks one sentence only when asked one by one."""

    batch = 60
    """Sentences a process speaks in `speak_many`."""

    def speak_many(self, texts: list[str]) -> list[Speech | None]:
        """Speak English sentences with one random voice, in order."""
        voice = self._rng.choice(FESTIVAL_VOICES)
        script = [f"(voice_{voice})"]
        for index, text in enumerate(texts):
            stretch = self._rng.uniform(0.8, 1.25)
            script.append(f"(Parameter.set 'Duration_Stretch {stretch:.2f})")
            script.append(f'(set! u (utt.synth (Utterance Text "{text}")))')
            script.append(f'(utt.save.wave u "{self.folder}/{index}.wav" \'riff)')
        (self.folder / "batch.scm").write_text("\n".join(script))
        subprocess.run(
            ["festival", "-b", str(self.folder / "batch.scm")],
            check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        return [self._take(index, voice) for index in range(len(texts))]

    def _take(self, index: int, voice: str) -> Speech | None:
        path = self.folder / f"{index}.wav"
        if not path.exists() or path.stat().st_size < 4000:
            return None
        speech = self._finish(path, f"festival:{voice}", False)
        path.unlink()
        return speech

    def speak(self, text: str, language: str, held_out: bool) -> Speech | None:
        """Speak one English sentence."""
        return self.speak_many([text])[0]
