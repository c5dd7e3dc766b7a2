"""What the simulation assumes, measured; and what it predicts, run on real batchers."""

import asyncio
import time
from collections.abc import AsyncIterator, Hashable, Sequence
from contextlib import asynccontextmanager
from io import BytesIO

import numpy as np
import soundfile

from speechd.asr.batcher import Batcher
from speechd.asr.engine import Decoded, Job
from speechd.folders.transcriber import Local
from speechd.operations import TranscriptionRequest
from speechd.service import open_service
from speechd.settings import Settings
from speechd.types import SAMPLE_RATE, TranscribeOptions, Transcript, Window
from tests.bench.capacity.simulation import Answer, Kind, ServiceTimes, counted, windows_of
from tests.conftest import fixtures

OPTIONS = TranscribeOptions(language="en", vad=None)
LENGTHS = (5.0, 15.0, 30.0)
TOGETHER = (1, 2, 4, 8)
"""Recordings at once, by which a batch is measured."""


async def measure(model: str, rounds: int = 3) -> ServiceTimes:
    """Service times of a model on this machine, by least squares over batches of several sizes and lengths."""
    rows, took = list[tuple[float, float, float]](), list[float]()
    async with _opened() as local:
        await local.warm_up(model, OPTIONS)
        await _timed(local, model, LENGTHS[0], 1)
        for length in LENGTHS:
            for number in TOGETHER:
                best = min([await _timed(local, model, length, number) for _ in range(rounds)])
                rows.append((1.0, number, number * length))
                took.append(best)
    found = np.linalg.lstsq(np.array(rows), np.array(took), rcond=None)[0]
    batch, window, second = (max(0.0, float(value)) for value in found)
    return ServiceTimes(batch, window, second)


@asynccontextmanager
async def _opened() -> AsyncIterator[Local]:
    changes = {"max_queue_seconds": float("inf"), "max_wait": 0.0, "result_cache_seconds": 0.0}
    local = Local(open_service(Settings().model_copy(update=changes)))
    try:
        yield local
    finally:
        await local.service.close()


async def _timed(local: Local, model: str, length: float, number: int) -> float:
    files = [_recording(length, position) for position in range(number)]
    began = time.perf_counter()
    await asyncio.gather(*(_transcribe(local, model, file) for file in files))
    return time.perf_counter() - began


async def _transcribe(local: Local, model: str, file: bytes) -> Transcript:
    async with local.open(TranscriptionRequest(model, OPTIONS, file=BytesIO(file))) as stream:
        async for part in stream.parts:
            if isinstance(part, Transcript):
                return part
    raise RuntimeError("the transcription ended without a transcript")


def _recording(length: float, position: int) -> bytes:
    """Speech of this length, which no other position has."""
    clip, rate = soundfile.read(fixtures("clean")[0].path, dtype="float32")
    samples = np.resize(np.roll(clip, 160 * position), round(length * rate))
    file = BytesIO()
    soundfile.write(file, samples, rate, format="WAV")
    return file.getvalue()


class TimedEngine:
    """Takes for each batch the time that was measured, and hears nothing: a device that is elsewhere."""

    languages = ("en",)
    replicas = 1

    def __init__(self, times: ServiceTimes) -> None:
        self.batch_size = times.size
        self._times = times

    def group(self, job: Job) -> Hashable:
        return None

    def decode(self, jobs: Sequence[Job]) -> list[Decoded]:
        time.sleep(self._times.of([job.window.duration for job in jobs]))
        return [Decoded((), "en", {"en": 1.0}, heard=job.window.duration) for job in jobs]

    def close(self) -> None:
        """Holds nothing."""


async def run_replicas(times: ServiceTimes, replicas: int, requests: Sequence[tuple[float, Kind]]) -> list[Answer]:
    """The same requests on real batchers, in real time: each goes to the one with the fewest seconds in its queue."""
    batchers = [Batcher(TimedEngine(times)) for _ in range(replicas)]
    began, answers = time.monotonic(), list[Answer]()

    async def answer(moment: float, kind: Kind) -> None:
        batcher = min(batchers, key=lambda each: each.queued_seconds)
        with batcher.reserve(kind.seconds) as queued:
            windows = [
                Window(0.0, np.zeros(round(part * SAMPLE_RATE), np.float32)) for part in windows_of(kind.seconds)
            ]
            await asyncio.gather(*(batcher.decode(Job(window, OPTIONS), queued) for window in windows))
        answers.append(Answer(kind.name, moment, time.monotonic() - began - moment))

    async with asyncio.TaskGroup() as running:
        for moment, kind in requests:
            await asyncio.sleep(max(0.0, began + moment - time.monotonic()))
            running.create_task(answer(moment, kind))
    await asyncio.gather(*(batcher.close() for batcher in batchers))
    return counted(answers, requests)
