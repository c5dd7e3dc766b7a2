"""A long recording with speakers: does memory stay flat, and what share of the work is diarization?

    python -m tests.bench.long_meeting [--minutes 60] [--every 10] [--model FOLDER]

A conversation of four voices is made from recordings of two people, each at two speeds, and written as WAV. It is
transcribed to `diarized_json` by this process, as the server does it. Printed are the resident memory of the process
and of those that decode for it when so many minutes of the recording have their text, the most it had in between, and
`Server-Timing` of the answer. Whisper tiny.en comes from a Python package where no --model is given.
"""

import argparse
import asyncio
import os
import random
import tempfile
import threading
import time
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import soundfile
import soxr
from rich.console import Console
from rich.table import Table

from speechd.operations.context import RequestContext
from speechd.operations.transcription import TranscriptionCall
from speechd.schemas.transcription import TranscriptionForm
from speechd.service import Service
from speechd.settings import Settings
from speechd.types import SAMPLE_RATE, Samples, Segment
from tests.bench.recognition.in_process import install
from tests.real.conversations import utterance
from tests.real.debian import voices
from tests.real.weights import TINY_EN, model_folder, speakers_folder

VOICES = (("allison", 1.0), ("librivox", 1.0), ("allison", 1.22), ("librivox", 0.84))
"""A person, and how much faster the recordings are played: with it the pitch rises."""
SAMPLE_SECONDS = 0.2
"""Between two looks at the memory."""


def write_meeting(path: Path, seconds: float) -> None:
    """A conversation of VOICES: one to three utterances of each in turn."""
    choose, written, speaker = random.Random(0), 0.0, -1
    with soundfile.SoundFile(str(path), "w", SAMPLE_RATE, 1, subtype="PCM_16") as file:
        while written < seconds:
            speaker = choose.choice([number for number in range(len(VOICES)) if number != speaker])
            for samples in _turn(choose, *VOICES[speaker]):
                file.write(samples)
                written += len(samples) / SAMPLE_RATE


def _turn(choose: random.Random, person: str, speed: float) -> Iterator[Samples]:
    for path in choose.sample(voices()[person], choose.randint(1, 3)):
        samples, _ = utterance(path)
        yield np.asarray(soxr.resample(samples, SAMPLE_RATE * speed, SAMPLE_RATE), np.float32)
        yield np.zeros(round(choose.uniform(0.2, 0.9) * SAMPLE_RATE), np.float32)


class Memory:
    """The resident memory of this process and its children, in MB, looked at all the time."""

    def __init__(self) -> None:
        self.now = self.most = resident_megabytes()
        threading.Thread(target=self._watch, name="memory", daemon=True).start()

    def mark(self) -> tuple[float, float]:
        """What it is now, and the most since the last mark."""
        now, most = self.now, self.most
        self.most = now
        return now, most

    def _watch(self) -> None:
        while True:
            time.sleep(SAMPLE_SECONDS)
            self.now = resident_megabytes()
            self.most = max(self.most, self.now)


def resident_megabytes() -> float:
    """Of this process and all that it has started."""
    return sum(_resident(each) for each in [os.getpid(), *_descendants(os.getpid())])


def _resident(process: int) -> float:
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:  # it has ended
        return 0.0
    return sum(float(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024


def _descendants(process: int) -> Iterator[int]:
    for thread in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            children = [int(child) for child in thread.read_text().split()]
        except OSError:
            continue
        for child in children:
            yield child
            yield from _descendants(child)


async def transcribed(recording: Path, model: Path, data: Path, every: float, console: Console) -> None:
    name = install(model, data)
    (data / "models" / "campplus").symlink_to(speakers_folder())
    service = Service(Settings(data_dir=data, max_wait=0, max_audio_seconds=400_000, result_cache_seconds=0))
    call = TranscriptionCall.parse(
        TranscriptionForm, {"model": name, "language": "en", "response_format": "diarized_json"}, RequestContext()
    )
    table, memory, due = Table("minute", "MB", "most since the line above", "wall s"), Memory(), every
    began = time.perf_counter()

    def row(minute: float) -> None:
        now, most = memory.mark()
        table.add_row(f"{minute:.0f}", f"{now:.0f}", f"{most:.0f}", f"{time.perf_counter() - began:.0f}")
        console.log(f"minute {minute:.0f}: {now:.0f} MB")

    def heard(segment: Segment) -> None:
        nonlocal due
        if segment.end >= 60 * due:
            row(due)
            due += every

    reply = await call.answer(service, recording.open("rb"), heard)
    row(reply.transcript.duration / 60)
    console.print(table)
    speakers = sorted({segment.speaker for segment in reply.transcript.segments})
    console.print(f"server-timing: {reply.headers['server-timing']}")
    console.print(f"speakers: {', '.join(speakers)} ({len(VOICES)} voices); load: {os.getloadavg()[0]:.1f}")
    await service.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--every", type=float, default=10, help="minutes of the recording between two lines")
    parser.add_argument("--model", type=Path, help="folder of a Whisper model; default: tiny.en")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        recording = Path(folder) / "meeting.wav"
        # In a process of its own: what it takes is not what a transcription takes.
        making = get_context("spawn").Process(target=write_meeting, args=(recording, 60 * asked.minutes))
        making.start()
        making.join()
        data = Path(folder) / "data"
        data.mkdir()
        model = asked.model or model_folder(TINY_EN)
        asyncio.run(transcribed(recording, model, data, asked.every, Console()))


if __name__ == "__main__":
    main()
