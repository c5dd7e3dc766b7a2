"""What it costs to decode in a process of its own, against decoding in this one.

    python -m tests.bench.decoding [MODEL_FOLDER]

Decodes a clip of 5 s and a recording of 10 minutes each way, in turn, and prints wall and CPU seconds (of all processes
together) and their ratios. With the folder of a Whisper model the same for whole transcriptions.
"""

import asyncio
import io
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import numpy as np

from speechd.asr.batcher import Batcher
from speechd.asr.engines.whisper import WhisperEngine
from speechd.asr.transcriber import LocalTranscriber
from speechd.audio.decode import AudioStream, open_audio
from speechd.audio.ffmpeg.stream import FFmpegStream, open_stream
from speechd.audio.isolation.pool import shared_pool
from speechd.audio.isolation.protocol import DecodeOptions
from speechd.audio.windows import Packing
from speechd.types import TranscribeOptions, Transcript
from tests.conftest import fixtures
from tests.support.generated_audio import encode

ROUNDS = {"5 s": 20, "10 min": 5}
TRANSCRIPTIONS = {"5 s": 15, "10 min": 1}
TICK = os.sysconf("SC_CLK_TCK")


class HereStream:
    """AudioStream, decoded in this process as before."""

    def __init__(self, file: io.BytesIO, options: DecodeOptions) -> None:
        self._file, self._options = file, options
        self._stream: FFmpegStream | None = None

    def open(self) -> None:
        self._stream = open_stream(self._file, self._options)

    def __iter__(self):  # type: ignore[no-untyped-def]
        return iter(self._stream)  # type: ignore[arg-type]

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


@dataclass(frozen=True)
class Cost:
    """Of one run, in seconds."""

    wall: float
    cpu: float


def cpu_seconds() -> float:
    """Of this process and of those that decode and have ended."""
    fields = Path(f"/proc/{shared_pool().server_pid}/stat").read_text().rpartition(")")[2].split()
    return time.process_time() + sum(map(int, fields[11:15])) / TICK


def measured(run: Callable[[], None], times: int) -> Cost:
    """Medians of the wall, means of the CPU, whose clock is coarse."""
    began, walls = cpu_seconds(), []
    for _ in range(times):
        start = time.perf_counter()
        run()
        walls.append(time.perf_counter() - start)
    time.sleep(0.1)  # the last process has ended
    return Cost(statistics.median(walls), (cpu_seconds() - began) / times)


def decoded(data: bytes, isolated: bool) -> None:
    with open_audio(io.BytesIO(data)) if isolated else open_stream(io.BytesIO(data), DecodeOptions()) as stream:
        for _ in stream:
            pass


def transcribed(transcriber: LocalTranscriber, data: bytes, isolated: bool) -> None:
    async def run() -> None:
        async for part in transcriber.stream(io.BytesIO(data), TranscribeOptions(language="en")):
            if isinstance(part, Transcript):
                assert part.segments

    with patch("speechd.asr.recording.AudioStream", AudioStream if isolated else HereStream):
        asyncio.run(run())


def compare(name: str, run: Callable[[bool], None], times: int) -> None:
    if times > 1:
        run(True), run(False)
    here, apart = measured(lambda: run(False), times), measured(lambda: run(True), times)
    print(
        f"{name:28} here {here.wall * 1000:8.1f} ms {here.cpu * 1000:8.1f} ms CPU"
        f"   isolated {apart.wall * 1000:8.1f} ms {apart.cpu * 1000:8.1f} ms CPU"
        f"   ratio {apart.wall / here.wall:.3f} wall {apart.cpu / here.cpu:.3f} CPU",
        flush=True,
    )


def recordings() -> dict[str, bytes]:
    """Speech, by its length."""
    whole = b"".join(fixture.path.read_bytes() for fixture in fixtures("long") if fixture.duration > 100)
    with open_audio(io.BytesIO(whole)) as stream:
        chunks = list(stream)
    speech = np.concatenate(chunks)
    return {
        "5 s": encode(speech[: 5 * 16_000], 16_000, "flac", "flac"),
        "10 min": encode(np.resize(speech, 600 * 16_000), 16_000, "flac", "flac"),
    }


def main(model: str | None) -> None:
    shared_pool().start()
    made = recordings()
    for name, data in made.items():
        compare(f"decode {name} FLAC", lambda isolated, data=data: decoded(data, isolated), ROUNDS[name])  # type: ignore[misc]
    if model is None:
        return
    engine = WhisperEngine(Path(model), device="cpu", compute_type="int8")
    transcriber = LocalTranscriber("bench", Batcher(engine), Packing(), 43_200)
    for name, data in made.items():
        compare(
            f"transcribe {name} FLAC",
            lambda isolated, data=data: transcribed(transcriber, data, isolated),  # type: ignore[misc]
            TRANSCRIPTIONS[name],
        )


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
