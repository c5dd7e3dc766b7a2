"""The audio of the evaluation: fixed sentences spoken with fixed seeds, never used in training."""

import json
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from faster_whisper.audio import decode_audio

from .features import SAMPLE_RATE, Float
from .speech.base import Speech, Synthesiser, WordTimes
from .speech.commands import Flite
from .speech.espeak import Espeak
from .text.corpus import EVALUATION, read_parallel
from .text.grammar import Sentence

OTHER_LANGUAGES = {
    "it": ("Domani mattina andiamo insieme al mercato.", "Il gatto dorme sotto la sedia.",
           "Non ho ancora letto il giornale di oggi.", "Mia sorella lavora in una farmacia.",
           "La macchina di mio padre non parte più."),
    "nl": ("Morgenochtend gaan we samen naar de markt.", "De kat slaapt onder de stoel.",
           "Ik heb de krant van vandaag nog niet gelezen.", "Mijn zus werkt in een apotheek.",
           "De auto van mijn vader start niet meer."),
    "pl": ("Jutro rano idziemy razem na targ.", "Kot śpi pod krzesłem.",
           "Nie czytałem jeszcze dzisiejszej gazety.", "Moja siostra pracuje w aptece.",
           "Samochód mojego ojca już nie działa."),
    "sv": ("I morgon bitti går vi till torget tillsammans.", "Katten sover under stolen.",
           "Jag har inte läst dagens tidning än.", "Min syster arbetar på ett apotek.",
           "Min fars bil startar inte längre."),
}  # fmt: skip


@dataclass(frozen=True)
class Trial:
    """One piece of audio and what is right for it."""

    samples: Float
    """Mono at 16 kHz."""
    language: str
    """The language spoken."""
    text: str
    """What is said."""
    english: str
    """Its translation."""
    words: WordTimes | None = None
    """True word times in seconds, where the synthesiser tells."""
    spans: tuple[tuple[float, float], ...] = ()
    """Start and end of each utterance in seconds, where there are several."""


def spoken(rows: list[Sentence], language: str, engine: Synthesiser, held_out: bool) -> Iterator[Trial]:
    """Yield each sentence spoken by a random voice of the engine."""
    for row in rows:
        speech: Speech | None = engine.speak(row[language], language, held_out)
        if speech is not None:
            samples = np.pad(speech.samples, SAMPLE_RATE // 5)
            times = [(a + 0.2, b + 0.2) for a, b in speech.words] if speech.words else None
            end = 0.2 + speech.duration
            yield Trial(samples, language, row[language], row["en"], times, ((0.2, end),))


def sentences(name: str, count: int, seed: int) -> list[Sentence]:
    """Return `count` sentences of an evaluation file, drawn with a seed."""
    rows = read_parallel(EVALUATION / f"{name}.txt")
    return random.Random(seed).sample(rows, min(count, len(rows)))


def _anew(make: Callable[..., list[Trial]], *arguments: object) -> list[Trial]:
    """Make clips in a process of their own: what espeak-ng spoke before changes how it speaks a sentence."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(make, *arguments).result()


def clips(name: str, language: str, count: int, held_out: bool = False) -> list[Trial]:
    """Return clips of espeak voices, heard in training or held out; the same ones at every call."""
    return _anew(_clips, name, language, count, held_out)


def _clips(name: str, language: str, count: int, held_out: bool) -> list[Trial]:
    engine = Espeak(seed=900 + held_out, speed_spread=0.0)
    return list(spoken(sentences(name, count, 3), language, engine, held_out))


def teacher_clips(count: int) -> list[Trial]:
    """Return English domain clips of the flite voice that training never hears."""
    return list(spoken(sentences("domain", count, 4), "en", Flite(901, 0.0), True))


def joined(trials: list[Trial], pause: float) -> Trial:
    """Return the clips one after the other with pauses between them."""
    gap = np.zeros(int(pause * SAMPLE_RATE), np.float32)
    parts, spans, at = [gap], [], pause
    for trial in trials:
        spans.append((at + trial.spans[0][0], at + trial.spans[0][1]))
        parts += [trial.samples, gap]
        at += len(trial.samples) / SAMPLE_RATE + pause
    text = " ".join(t.text for t in trials)
    english = " ".join(t.english for t in trials)
    return Trial(np.concatenate(parts), trials[0].language, text, english, None, tuple(spans))


def several(trials: list[Trial], count: int, pause: float = 0.5) -> list[Trial]:
    """Return files of `count` clips each."""
    groups = [trials[i : i + count] for i in range(0, len(trials) - count + 1, count)]
    return [joined(group, pause) for group in groups]


RECORDINGS = ((20, 0.5), (40, 0.3), (60, 0.8), (80, 0.5), (120, 0.5))
"""Utterances of a long recording and the pause between them in seconds."""


def recordings(language: str) -> list[Trial]:
    """Return the domain sentences of the evaluation as recordings of 1 to 5 minutes; the same at every call."""
    pending = iter(clips("domain", language, sum(count for count, _ in RECORDINGS)))
    return [joined(list(islice(pending, count)), pause) for count, pause in RECORDINGS]


def long_fixture(manifest: Path) -> Trial:
    """Return the longest recording of the audio fixtures, which has other voices, rates and pauses."""
    row = max(json.loads(manifest.read_text(encoding="utf-8")), key=lambda row: row["duration"])
    return Trial(decode_audio(str(manifest.parent / row["file"])), row["language"], row["text"], "")


def noisy(trial: Trial, snr_db: float, seed: int) -> Trial:
    """Add white noise at a signal-to-noise ratio in dB."""
    noise = np.random.default_rng(seed).standard_normal(len(trial.samples)).astype(np.float32)
    power = float((trial.samples**2).mean())
    level = (power / 10 ** (snr_db / 10)) ** 0.5
    return replace(trial, samples=trial.samples + level * noise)


def telephone(trial: Trial) -> Trial:
    """Keep 300 to 3400 Hz."""
    spectrum = np.fft.rfft(trial.samples)
    hz = np.fft.rfftfreq(len(trial.samples), 1 / SAMPLE_RATE)
    spectrum[(hz < 300) | (hz > 3400)] = 0
    return replace(trial, samples=np.fft.irfft(spectrum, len(trial.samples)).astype(np.float32))


def foreign_clips() -> list[Trial]:
    """Return speech in languages that the model was never trained on; the same at every call."""
    return _anew(_foreign_clips)


def _foreign_clips() -> list[Trial]:
    engine = Espeak(seed=902, speed_spread=0.0)
    made = []
    for language, texts in OTHER_LANGUAGES.items():
        for text in texts:
            speech = engine.speak_as(text, language)
            if speech is not None:
                made.append(Trial(speech.samples, language, text, ""))
    return made


def silences() -> dict[str, Float]:
    """Return sounds without a word, 1 to 30 s."""
    rng = np.random.default_rng(5)
    time = np.arange(10 * SAMPLE_RATE) / SAMPLE_RATE
    white = rng.standard_normal(10 * SAMPLE_RATE)
    sounds = {
        "zeros 1 s": np.zeros(SAMPLE_RATE),
        "zeros 30 s": np.zeros(30 * SAMPLE_RATE),
        "white noise -66 dBFS": 0.0005 * white,
        "white noise -46 dBFS": 0.005 * white,
        "white noise -26 dBFS": 0.05 * white,
        "brown noise": 0.05 * np.cumsum(white) / np.abs(np.cumsum(white)).max(),
        "hum 50 Hz": 0.1 * np.sin(2 * np.pi * 50 * time),
        "tone 440 Hz": 0.1 * np.sin(2 * np.pi * 440 * time),
        "tone 1 kHz": 0.3 * np.sin(2 * np.pi * 1000 * time),
        "clicks": (rng.random(10 * SAMPLE_RATE) < 0.0002).astype(float),
    }
    return {name: samples.astype(np.float32) for name, samples in sounds.items()}
