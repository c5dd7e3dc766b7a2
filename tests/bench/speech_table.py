"""Format x sample rate x speed, each decoded again and measured: `python -m tests.bench.speech_table [URL]`.

Prints rate, duration against the same text at speed 1, pitch against it (librosa's pYIN), peak, and the word error rate
of PocketSphinx on the round trip. Without a URL it starts a server of its own. Needs librosa and pocketsphinx.
"""

import argparse
import io
import sys
import tempfile
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import av
import httpx2
import numpy as np

from speechd.audio.encode import SAMPLE_RATES
from speechd.types import Samples
from tests.integration.conftest import serving
from tests.wer import word_errors

TEXTS = (
    "Please close the window before you leave the house.",
    "The meeting starts at half past two on Wednesday, and everyone is invited.",
    "My sister bought a red bicycle because the bus is always late.",
)
FORMATS = ("wav", "flac", "mp3", "ogg", "opus", "aac", "mulaw", "pcm")
SPEEDS = (0.25, 0.5, 1.0, 1.4, 2.0, 4.0, 5.0)
RECOGNISER_RATE = 16_000


@dataclass(frozen=True)
class Row:
    """One combination."""

    format: str
    asked: int
    speed: float
    rate: int
    duration: float
    """Ratio of the durations times the speed: 1 is exact."""
    pitch: float
    peak: float
    errors: float


def decoded(data: bytes, format: str, rate: int) -> tuple[Samples, int]:
    """Mono samples and their rate."""
    if format == "pcm":
        return np.frombuffer(data, "<i2").astype(np.float32) / 32767, rate
    with av.open(io.BytesIO(data)) as container:
        stream = container.streams.audio[0]
        resampler = av.AudioResampler(format="fltp", layout="mono")
        frames = [out for frame in container.decode(stream) for out in resampler.resample(frame)]
        return np.concatenate([frame.to_ndarray()[0] for frame in frames]), stream.rate


def speech(url: str, text: str, format: str, rate: int, speed: float) -> tuple[Samples, int]:
    body = {"model": "auto", "voice": "auto", "input": text, "speed": speed}
    reply = httpx2.post(
        f"{url}/v1/audio/speech", json=body | {"response_format": format, "sample_rate": rate}, timeout=120
    )
    reply.raise_for_status()
    return decoded(reply.content, format, rate)


def at_recogniser_rate(samples: Samples, rate: int) -> Samples:
    import soxr

    return np.asarray(soxr.resample(samples, rate, RECOGNISER_RATE), np.float32)


def pitch(samples: Samples) -> float:
    """Median F0 in Hz."""
    import librosa

    f0, voiced, _ = librosa.pyin(samples, fmin=60, fmax=400, sr=RECOGNISER_RATE, frame_length=1024)
    return float(np.median(f0[voiced])) if voiced.any() else float("nan")


class Recogniser:
    """PocketSphinx's US English."""

    def __init__(self) -> None:
        import pocketsphinx

        self._decoder = pocketsphinx.Decoder(samprate=RECOGNISER_RATE, loglevel="FATAL")

    def errors(self, text: str, samples: Samples) -> float:
        self._decoder.start_utt()
        self._decoder.process_raw((np.pad(samples, 4000).clip(-1, 1) * 32767).astype("<i2").tobytes(), full_utt=True)
        self._decoder.end_utt()
        heard = self._decoder.hyp().hypstr if self._decoder.hyp() else ""
        wrong, words = word_errors(text, heard)
        return wrong / words


def measure(url: str, formats: tuple[str, ...], rates: tuple[int, ...], speeds: tuple[float, ...]) -> Iterator[Row]:
    recogniser = Recogniser()
    plain = {text: at_recogniser_rate(*speech(url, text, "wav", 24_000, 1.0)) for text in TEXTS}
    hertz = {text: pitch(samples) for text, samples in plain.items()}
    for format in formats:
        for rate in rates:
            for speed in speeds:
                yield _row(url, format, rate, speed, plain, hertz, recogniser)


def _row(
    url: str,
    format: str,
    rate: int,
    speed: float,
    plain: dict[str, Samples],
    hertz: dict[str, float],
    recogniser: Recogniser,
) -> Row:
    durations, pitches, peaks, errors, found = [], [], [], [], 0
    for text, reference in plain.items():
        samples, found = speech(url, text, format, rate, speed)
        heard = at_recogniser_rate(samples, found)
        durations.append(len(samples) / found / (len(reference) / RECOGNISER_RATE) * speed)
        pitches.append(pitch(heard) / hertz[text])
        peaks.append(float(np.abs(samples).max()))
        errors.append(recogniser.errors(text, heard))
    worst = max(durations, key=lambda ratio: abs(ratio - 1))
    return Row(format, rate, speed, found, worst, float(np.median(pitches)), max(peaks), float(np.mean(errors)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", nargs="?", help="a running server; else one is started")
    parser.add_argument("--formats", nargs="*", default=FORMATS)
    parser.add_argument("--rates", nargs="*", type=int, default=SAMPLE_RATES)
    parser.add_argument("--speeds", nargs="*", type=float, default=SPEEDS)
    arguments = parser.parse_args()
    own = serving(Path(tempfile.mkdtemp())) if arguments.url is None else nullcontext(arguments.url)
    print(
        "| format | asked Hz | speed | Hz | duration x speed | pitch | peak | WER |\n|---|---|---|---|---|---|---|---|"
    )
    failed = 0
    with own as url:
        for row in measure(url, tuple(arguments.formats), tuple(arguments.rates), tuple(arguments.speeds)):
            failed += row.speed == 1 and row.errors > 0.3
            print(
                f"| {row.format} | {row.asked} | {row.speed:g} | {row.rate} | {row.duration:.3f} | {row.pitch:.3f}"
                f" | {row.peak:.2f} | {row.errors:.2f} |",
                flush=True,
            )
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
