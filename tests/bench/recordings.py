"""Clips of any length with known texts, and recordings of any number of minutes, all cut from the 3-minute fixture."""

import io
import random
from dataclasses import dataclass
from functools import cache

import numpy as np
import soundfile
from faster_whisper import decode_audio

from speechd.types import SAMPLE_RATE, Samples
from tests.conftest import Fixture, fixtures

PAUSE = 0.25
"""Seconds between two words from which a clip may be cut there."""
EDGE = 0.12
"""Seconds of the pause that stay at each end."""


@dataclass(frozen=True)
class Clip:
    """A recording as it is sent, and what is said in it."""

    data: bytes
    text: str
    seconds: float


@cache
def source() -> tuple[Fixture, Samples]:
    """The 3-minute fixture and its samples."""
    (fixture,) = [fixture for fixture in fixtures("long") if fixture.duration > 100]
    return fixture, decode_audio(str(fixture.path))


def clips(count: int, shortest: float, longest: float, seed: int = 0) -> list[Clip]:
    """Clips of sentences, as FLAC; no two begin alike as far as the recording allows."""
    phrases, choose = _phrases(), random.Random(seed)
    found: list[Clip] = []
    while len(found) < count:
        first = choose.randrange(len(phrases))
        wanted = choose.uniform(shortest, longest)
        last = first
        while last + 1 < len(phrases) and phrases[last + 1][1] - phrases[first][0] <= wanted:
            last += 1
        start, end = phrases[first][0], phrases[last][1]
        if shortest <= end - start <= longest:
            found.append(_clip(start, end, " ".join(text for _, _, text in phrases[first : last + 1])))
    return found


def long_recording(minutes: float) -> Clip:
    """The 3-minute fixture over and over, as one chained Ogg file."""
    fixture, _ = source()
    times = max(1, round(minutes * 60 / fixture.duration))
    return Clip(fixture.path.read_bytes() * times, " ".join([fixture.text] * times), fixture.duration * times)


def _phrases() -> list[tuple[float, float, str]]:
    """Start, end and text of what stands between two pauses."""
    fixture, _ = source()
    phrases: list[tuple[float, float, str]] = []
    for word in fixture.words:
        if phrases and word["start"] - phrases[-1][1] < PAUSE:
            phrases[-1] = (phrases[-1][0], word["end"], f"{phrases[-1][2]} {word['word']}")
        else:
            phrases.append((word["start"], word["end"], word["word"]))
    return phrases


def _clip(start: float, end: float, text: str) -> Clip:
    _, samples = source()
    piece = samples[max(0, round((start - EDGE) * SAMPLE_RATE)) : round((end + EDGE) * SAMPLE_RATE)]
    file = io.BytesIO()
    soundfile.write(file, np.asarray(piece), SAMPLE_RATE, format="FLAC")
    return Clip(file.getvalue(), text, len(piece) / SAMPLE_RATE)
