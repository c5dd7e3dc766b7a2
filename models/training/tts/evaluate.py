"""Measures voices against the floors and prints the table of their model cards.

python -m models.training.tts.evaluate [FOLDER ...]
"""

import argparse
import re
import time
import wave
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import onnxruntime
from piper import PiperVoice, SynthesisConfig

from . import teacher
from .config import Config, load
from .synthesiser import RATE
from .teacher import Floats
from .text import evaluation_sentences

SPEEDS = (0.5, 0.7, 1.4, 2.0)
"""Length scales that are compared with 1."""
PITCH_SENTENCES = 8
HOSTILE = (
    "a",
    "word " * 60,
    "x" * 300,
    "Ω≈ç√ ∫˜µ",
    "日本 and Привет",
    "1234567890" * 20,
    "?!?! ... --- ,,,",
    "é ü ñ ø å",
    "a. b. c. d.",
    "[[ʘǀǁ]] [[zzzz]]",
    "\U0001f600",
    "",
)


@dataclass(frozen=True)
class Errors:
    """Word errors over some sentences."""

    errors: int
    words: int

    @property
    def rate(self) -> float:
        """Word error rate."""
        return self.errors / self.words


class Recogniser:
    """PocketSphinx with the model that it carries."""

    def __init__(self) -> None:
        import pocketsphinx

        self._decoder = pocketsphinx.Decoder(samprate=RATE, loglevel="FATAL")

    def hear(self, samples: Floats) -> str:
        """The words in samples at 16 kHz, at an even level and with 0.25 s of silence around them."""
        loud = samples * (0.5 / max(1e-6, float(np.abs(samples).max(initial=0))))
        self._decoder.start_utt()
        self._decoder.process_raw((np.pad(loud, 4000) * 32767).astype("<i2").tobytes(), full_utt=True)
        self._decoder.end_utt()
        hypothesis = self._decoder.hyp()
        return hypothesis.hypstr if hypothesis else ""

    def errors(self, texts: list[str], speak: Callable[[str], Floats]) -> Errors:
        """What it gets wrong of these texts as they are spoken."""
        pairs = [(words(text), words(self.hear(speak(text)))) for text in texts]
        return Errors(sum(distance(said, heard) for said, heard in pairs), sum(len(said) for said, _ in pairs))


def words(text: str) -> list[str]:
    """Lower-case words without punctuation."""
    return re.findall(r"[a-z']+", text.lower())


def distance(said: list[str], heard: list[str]) -> int:
    """Levenshtein distance in words."""
    row = list(range(len(heard) + 1))
    for n, word in enumerate(said, 1):
        above, row[0] = row[0], n
        for m, other in enumerate(heard, 1):
            above, row[m] = row[m], min(row[m] + 1, row[m - 1] + 1, above + (word != other))
    return row[-1]


def open_voice(folder: Path) -> PiperVoice:
    """The voice in a folder, by Piper's own loader but on one thread."""
    path = next(folder.glob("*.onnx"))
    voice = PiperVoice.load(path)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    voice.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return voice


def spoken(voice: PiperVoice, text: str, length_scale: float = 1.0) -> Floats:
    """The samples of a text, without Piper's per-sentence normalisation."""
    config = SynthesisConfig(length_scale=length_scale, normalize_audio=False)
    chunks = [chunk.audio_float_array for chunk in voice.synthesize(text, config)]
    return np.concatenate([np.zeros(0, np.float32), *chunks])


def pitch(samples: Floats) -> float:
    """Median F0 in Hz, by pYIN (Mauch and Dixon, 2014)."""
    f0, voiced, _ = librosa.pyin(samples, fmin=60, fmax=400, sr=RATE)
    return float(np.median(f0[voiced]))


def cents(ratio: float) -> float:
    """A ratio of frequencies in hundredths of a semitone."""
    return float(1200 * np.log2(ratio))


def teacher_wer(config: Config, recogniser: Recogniser, name: str, texts: list[str]) -> Errors:
    """The same figure for the teacher's own speech."""
    folder = config.data.parent / name / "waves"
    teacher.speak(name, texts, folder.parent / "waves-of-evaluation", folder)
    waves = dict(zip(texts, sorted(folder.glob("*.wav")), strict=True))
    return recogniser.errors(texts, lambda text: read_wave(waves[text]))


def read_wave(path: Path) -> Floats:
    """16-bit samples of a WAV file in [-1, 1]."""
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / 32768


def rows(folder: Path, recogniser: Recogniser, texts: list[str]) -> Iterator[tuple[str, str, str]]:
    """Figure, value and floor for one voice."""
    path = next(folder.glob("*.onnx"))
    yield "file size", f"{path.stat().st_size / 1e6:.2f} MB", "<= 6 MB"
    begin = time.perf_counter()
    voice = open_voice(folder)
    yield "load twice (Piper's, then one thread)", f"{time.perf_counter() - begin:.2f} s", "-"
    errors = recogniser.errors(texts, lambda text: spoken(voice, text))
    yield "word error rate, 70 held-out sentences", f"{errors.rate:.1%} of {errors.words}", "<= 18 %"
    for scale in (0.7, 1.25):
        found = recogniser.errors(texts[::2], lambda text, scale=scale: spoken(voice, text, scale))  # type: ignore[misc]
        yield f"the same at length_scale {scale} (every second sentence)", f"{found.rate:.1%} of {found.words}", "-"
    begin, cpu = time.perf_counter(), time.process_time()
    plain = [spoken(voice, text) for text in texts]
    seconds = sum(map(len, plain)) / RATE
    factor = f"{(time.process_time() - cpu) / seconds:.4f} ({(time.perf_counter() - begin) / seconds:.4f} by the clock)"
    yield "real-time factor, CPU time on one thread", factor, "<= 0.01"
    for scale in SPEEDS:
        ratio = sum(len(spoken(voice, text, scale)) for text in texts) / sum(map(len, plain))
        yield f"duration at length_scale {scale}", f"{ratio / scale:.4f} of what it should be", "within 1 %"
    some = texts[:PITCH_SENTENCES]
    drifts = [
        abs(cents(pitch(spoken(voice, text, scale)) / pitch(spoken(voice, text))))
        for text in some
        for scale in (0.5, 2.0)
    ]
    yield "F0 at length_scale 0.5 and 2", f"within {max(drifts):.0f} cents", "within 50 cents"
    peak = max(float(np.abs(samples).max()) for samples in plain)
    yield "highest peak", f"{peak:.2f}", "< 1"
    yield "hostile texts", "finite, no clipping, no exception" if is_hardy(voice) else "FAILS", "finite, < 1"


def is_hardy(voice: PiperVoice) -> bool:
    """Hostile texts give finite samples below full scale."""
    outputs = [spoken(voice, text) for text in HOSTILE]
    return all(np.isfinite(samples).all() and np.abs(samples).max(initial=0) < 1 for samples in outputs)


def main() -> None:
    """Prints a table a voice, and the teachers' word error rates."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--teachers", nargs="*", default=[], help="flite voices to measure too: rms slt")
    arguments: Any = parser.parse_args()
    config = load()
    texts, recogniser = evaluation_sentences(), Recogniser()
    for folder in arguments.folders or [config.voice]:
        print(f"\n{folder.name}\n\n| figure | measured | floor |\n|---|---|---|", flush=True)
        for figure, value, floor in rows(folder, recogniser, texts):
            print(f"| {figure} | {value} | {floor} |", flush=True)
    for name in arguments.teachers:
        found = teacher_wer(config, recogniser, name, texts)
        print(f"\nteacher {name}: word error rate {found.rate:.1%} of {found.words}", flush=True)


if __name__ == "__main__":
    main()
