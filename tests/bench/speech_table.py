"""Format x sample rate x speed, each decoded again and measured: `python -m tests.bench.speech_table [URL]`.

Prints the rate, the duration against the same text at speed 1, the pitch against it (librosa's pYIN), the true peak at
four times the rate, and the word error rate of PocketSphinx on the round trip: over all texts at speed 1, over one of
them elsewhere. Then the worst rows; the exit status is 1 where one is beyond its bound. Without a URL it starts a
server of its own. Needs librosa and pocketsphinx; a process for each core measures.
"""

import argparse
import io
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import soundfile

from speechd.audio.encode import SAMPLE_RATES
from speechd.types import Samples
from tests.integration.conftest import serving
from tests.support.played_audio import LOUDEST, decoded, true_peak
from tests.support.wer import word_errors

TEXTS = (
    "Please close the window before you leave the house.",
    "The meeting starts at half past two on Wednesday, and everyone is invited.",
    "My sister bought a red bicycle because the bus is always late.",
)
FORMATS = ("wav", "flac", "mp3", "ogg", "opus", "aac", "mulaw", "pcm")
SPEEDS = (0.25, 0.5, 1.0, 1.4, 2.0, 4.0, 5.0)
HEARING_RATE = 16_000
"""Hz at which pitch is measured and PocketSphinx listens."""
FRAME, HOP = 640, 256
"""Samples that pitch is measured over, and from one measurement to the next at speed 1."""


@dataclass(frozen=True)
class Row:
    """One combination, over all texts."""

    format: str
    asked: int
    speed: float
    rate: int
    duration: float
    """Ratio of the durations times the speed, the worst of the texts: 1 is exact."""
    pitch: float
    """Median ratio of F0, frame by frame, over all texts."""
    peak: float
    """Highest true peak."""
    errors: float

    def __str__(self) -> str:
        figures = f"{self.duration:.3f} | {self.pitch:.3f} | {self.peak:.3f} | {self.errors:.2f}"
        return f"| {self.format} | {self.asked} | {self.speed:g} | {self.rate} | {figures} |"


@dataclass(frozen=True)
class Bound:
    """What the table is held against."""

    name: str
    of: Callable[[Row], float]
    most: float
    counts: Callable[[Row], bool] = lambda row: True
    """Rows that are held against it."""


def is_aac(row: Row) -> bool:
    """ADTS cannot say where the sound ends: a player gets whole frames, up to 128 ms more at 8 kHz."""
    return row.format == "aac"


BOUNDS = (
    Bound("rate off by", lambda row: abs(row.rate - row.asked), 0, lambda row: row.format != "opus"),
    Bound("duration off by", lambda row: abs(row.duration - 1), 0.03, lambda row: not is_aac(row)),
    Bound("duration of AAC off by", lambda row: abs(row.duration - 1), 0.2, is_aac),
    Bound("pitch off by", lambda row: abs(row.pitch - 1), 0.02),
    Bound("true peak", lambda row: row.peak, LOUDEST),
    Bound("word error rate at speed 1", lambda row: row.errors, 0.3, lambda row: row.speed == 1),
)


@cache
def client() -> httpx2.Client:
    """One for each process: each makes connections of its own."""
    return httpx2.Client()


def speech(url: str, text: str, format: str, rate: int, speed: float) -> tuple[Samples, int]:
    body: dict[str, Any] = {"model": "auto", "voice": "auto", "input": text, "speed": speed}
    body |= {"response_format": format, "sample_rate": rate}
    reply = client().post(f"{url}/v1/audio/speech", json=body, timeout=120).raise_for_status()
    if format == "pcm":
        return np.frombuffer(reply.content, "<i2").astype(np.float32) / 32767, rate
    if format == "ogg":  # FFmpeg's Vorbis decoder gives whole blocks, up to 17 ms more than the file says
        samples, found = soundfile.read(io.BytesIO(reply.content), dtype="float32")
        return samples, found
    samples, found, _ = decoded(reply.content)
    return samples, found


def at_hearing_rate(samples: Samples, rate: int) -> Samples:
    import soxr

    return np.asarray(soxr.resample(samples, rate, HEARING_RATE), np.float32)


def melody(samples: Samples, speed: float) -> Samples:
    """F0 in Hz frame by frame, NaN where there is none; the same frame of the speech at any speed."""
    import librosa

    f0, voiced, _ = librosa.pyin(
        samples, fmin=60, fmax=400, sr=HEARING_RATE, frame_length=FRAME, hop_length=round(HOP / speed)
    )
    return np.where(voiced, f0, np.nan).astype(np.float32)


def shift(melody: Samples, plain: Samples) -> Samples:
    """Ratios of the frames that are voiced in both."""
    size = min(len(melody), len(plain))
    ratios = melody[:size] / plain[:size]
    return ratios[np.isfinite(ratios)]


@cache
def recogniser() -> Any:
    """PocketSphinx's US English, once a process."""
    import pocketsphinx

    return pocketsphinx.Decoder(samprate=HEARING_RATE, loglevel="FATAL")


def misheard(text: str, samples: Samples) -> tuple[int, int]:
    """Wrong words, and words."""
    recogniser().start_utt()
    sound = (np.pad(samples, 4000).clip(-1, 1) * 32767).astype("<i2").tobytes()
    recogniser().process_raw(sound, full_utt=True)
    recogniser().end_utt()
    return word_errors(text, recogniser().hyp().hypstr if recogniser().hyp() else "")


@cache
def plain(url: str, text: str) -> tuple[float, Samples]:
    """Seconds and melody of a text at speed 1, once a process."""
    samples, rate = speech(url, text, "wav", 24_000, 1.0)
    return len(samples) / rate, melody(at_hearing_rate(samples, rate), 1.0)


def measured(url: str, format: str, asked: int, speed: float) -> Row:
    durations, shifts, peaks, rate = [], [], [], 0
    wrong = words = 0
    for number, text in enumerate(TEXTS):
        samples, rate = speech(url, text, format, asked, speed)
        heard = at_hearing_rate(samples, rate)
        seconds, own_melody = plain(url, text)
        durations.append(len(samples) / rate / seconds * speed)
        shifts.append(shift(melody(heard, speed), own_melody))
        peaks.append(true_peak(samples, rate))
        if speed == 1 or number == 0:
            wrong, words = (a + b for a, b in zip((wrong, words), misheard(text, heard), strict=True))
    worst = max(durations, key=lambda ratio: abs(ratio - 1))
    pitch = float(np.median(np.concatenate(shifts)))
    return Row(format, asked, speed, rate, worst, pitch, max(peaks), wrong / words)


def table(url: str, formats: list[str], rates: list[int], speeds: list[float]) -> Iterator[Row]:
    combinations = list(product(formats, rates, speeds))
    with ProcessPoolExecutor(os.cpu_count()) as processes:
        yield from processes.map(measured, [url] * len(combinations), *zip(*combinations, strict=True))


def worst_rows(rows: list[Row]) -> bool:
    """Prints the row that is farthest off in each respect; whether all are within bounds."""
    good = True
    for bound in BOUNDS:
        held = [row for row in rows if bound.counts(row)]
        if not held:
            continue
        row = max(held, key=bound.of)
        met = bound.of(row) <= bound.most
        good = good and met
        print(f"{bound.name}: {bound.of(row):.3f}, {'at' if met else 'MORE THAN'} most {bound.most:.3g}: {row}")
    return good


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", nargs="?", help="a running server; else one is started")
    parser.add_argument("--formats", nargs="*", default=FORMATS)
    parser.add_argument("--rates", nargs="*", type=int, default=SAMPLE_RATES)
    parser.add_argument("--speeds", nargs="*", type=float, default=SPEEDS)
    arguments = parser.parse_args()
    own = serving(Path(tempfile.mkdtemp())) if arguments.url is None else nullcontext(arguments.url)
    rows = []
    print("| format | asked Hz | speed | Hz | duration x speed | pitch | true peak | WER |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    with own as url:
        for row in table(url, arguments.formats, arguments.rates, arguments.speeds):
            print(row, flush=True)
            rows.append(row)
    print()
    sys.exit(0 if worst_rows(rows) else 1)


if __name__ == "__main__":
    main()
