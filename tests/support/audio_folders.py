"""Folders of any number of short recordings in mixed formats, all different but for a few copies, with their texts."""

import io
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import av
import numpy as np
import soundfile

from speechd.types import SAMPLE_RATE, Samples
from tests.conftest import Fixture, fixtures

COPIES = 20
"""Every so many files one has exactly the content of the one before."""


def by_soundfile(format_: str, subtype: str) -> Callable[[Samples], bytes]:
    def encode(samples: Samples) -> bytes:
        file = io.BytesIO()
        soundfile.write(file, samples, SAMPLE_RATE, format=format_, subtype=subtype)
        return file.getvalue()

    return encode


def by_av(container: str, codec: str, rate: int, sample_format: str) -> Callable[[Samples], bytes]:
    def encode(samples: Samples) -> bytes:
        file = io.BytesIO()
        with av.open(file, "w", format=container) as output:
            stream = output.add_stream(codec, rate=rate, layout="mono")
            resampler = av.AudioResampler(sample_format, "mono", rate)
            frame = av.AudioFrame.from_ndarray(samples[np.newaxis], "fltp", "mono")
            frame.sample_rate = SAMPLE_RATE
            fifo = av.AudioFifo()
            for resampled in (*resampler.resample(frame), *resampler.resample(None)):
                fifo.write(resampled)
            size = stream.codec_context.frame_size or 1024
            while piece := fifo.read(size, partial=True):
                output.mux(stream.encode(piece))
            output.mux(stream.encode(None))
        return file.getvalue()

    return encode


ENCODERS: dict[str, Callable[[Samples], bytes]] = {
    "flac": by_soundfile("FLAC", "PCM_16"),
    "wav": by_soundfile("WAV", "PCM_16"),
    "aiff": by_soundfile("AIFF", "PCM_24"),
    "caf": by_soundfile("CAF", "PCM_16"),
    "au": by_soundfile("AU", "FLOAT"),
    "ogg": by_soundfile("OGG", "VORBIS"),
    "mp3": by_av("mp3", "mp3", 16_000, "fltp"),
    "m4a": by_av("ipod", "aac", 16_000, "fltp"),
    "mp4": by_av("mp4", "aac", 44_100, "fltp"),
    "opus": by_av("ogg", "libopus", 48_000, "flt"),
    "webm": by_av("webm", "libopus", 48_000, "flt"),
    "mkv": by_av("matroska", "flac", 16_000, "s16"),
}
"""How each suffix is made."""


def make_folder(folder: Path, count: int) -> dict[Path, Fixture]:
    """Writes `count` recordings, three folders deep, and says what is spoken in each."""
    clips = [(fixture, *soundfile.read(fixture.path, dtype="float32")) for fixture in _clear()]
    choose = random.Random(0)
    said: dict[Path, Fixture] = {}
    before: tuple[Fixture, str, bytes] | None = None
    for number in range(count):
        fixture, samples, rate = clips[number % len(clips)]
        assert rate == SAMPLE_RATE
        suffix = list(ENCODERS)[number % len(ENCODERS)]
        content = ENCODERS[suffix](_unlike(samples, number))
        if before is not None and number % COPIES == 0:
            fixture, suffix, content = before
        before = (fixture, suffix, content)
        path = folder / f"{number % 7}" / choose.choice("abc") / f"talk {number:03}.{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        said[path] = fixture
    return said


def _clear() -> Sequence[Fixture]:
    """Clips that whisper-pocket writes down exactly, also after a lossy codec."""
    return [fixture for fixture in fixtures("clean") if "hard" not in fixture.tags]


def _unlike(samples: Samples, number: int) -> Samples:
    """The clip after a silence of its own, so that no two files have the same content."""
    return np.concatenate([np.zeros(160 + number, np.float32), samples])
