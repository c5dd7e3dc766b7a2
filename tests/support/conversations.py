"""Conversations whose voices a fake engine can tell apart: each voice has a constant added to its samples."""

import base64
import io
import wave
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from speechd.asr.diarization.engine import SpeakerWindows
from speechd.audio.decode import open_audio
from speechd.registry.catalog import Model
from speechd.settings import Settings
from speechd.testing.fake_engines import FakeAsr, FakeSpeakers
from speechd.types import SAMPLE_RATE, Samples
from tests.conftest import FIXTURES

MARK = 0.03
"""What voice 1 has added, voice 2 twice; the voice detector does not mind."""
PAUSE = 0.8
"""Seconds between two turns: the detector finds them apart."""
SENTENCES = ("en_television.flac", "en_shirt.flac", "en_newspaper.flac", "en_helena.flac")


class MarkedVoices(FakeSpeakers):
    """Tells voices apart by the mean of their samples. Windows are 1 s long."""

    def embed(self, samples: Samples, spans: Sequence[tuple[float, float]]) -> SpeakerWindows:
        times = [(start + n, min(start + n + 1, end)) for start, end in spans for n in range(round(end - start + 0.2))]
        windows = [samples[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)] for start, end in times]
        voices = [max(0, round(float(window.mean()) / MARK)) for window in windows]
        starts, ends = np.array(times, float).reshape(-1, 2).T
        return SpeakerWindows(starts, ends, np.eye(self.dimensions, dtype=np.float32)[voices])


def load_fakes(model: Model, settings: Settings) -> Any:
    """Loads every model as a fake."""
    return MarkedVoices() if model.kind == "speakers" else FakeAsr()


def spoken(voice: int, sentence: int = 0) -> Samples:
    """One turn: a sentence in a marked voice."""
    return (0.5 * _sentence(SENTENCES[sentence % len(SENTENCES)]) + MARK * voice).astype(np.float32)


@cache
def _sentence(name: str) -> Samples:
    with (FIXTURES / name).open("rb") as file, open_audio(file) as stream:
        return np.concatenate(list(stream))


def turns_of(*voices: int) -> Samples:
    """Turns one after the other, a sentence each."""
    silence = np.zeros(round(PAUSE * SAMPLE_RATE), np.float32)
    parts = [part for number, voice in enumerate(voices) for part in (spoken(voice, number), silence)]
    return np.concatenate([silence, *parts])


def wav(samples: Samples) -> bytes:
    """Samples of shape (n,), or (channels, n), as a WAV of 16 bits."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(len(np.atleast_2d(samples)))
        writer.setsampwidth(2)
        writer.setframerate(SAMPLE_RATE)
        writer.writeframes((np.atleast_2d(samples).T.clip(-1, 1) * 32767).astype("<i2").tobytes())
    return file.getvalue()


def data_url(samples: Samples) -> str:
    """A reference."""
    return "data:audio/wav;base64," + base64.b64encode(wav(samples)).decode()
