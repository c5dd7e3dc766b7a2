"""Does memory stay flat: over thousands of requests, and over a recording of many hours?

    python -m tests.bench.soak [--model FOLDER] [--requests 2000] [--hours 1]

Prints the server's resident memory after request 200 and after the last, and its peak while a recording of 10 minutes
and one of hours are transcribed, each by a fresh server. Whisper base comes from a Python package where no --model is
given. The requests are prompts of 2 to 3 s, read by a person, from four clients. `--hours 0` leaves out the recordings.
"""

import argparse
import asyncio
import random
import tempfile
import time
from pathlib import Path

import httpx2
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from tests.bench.recognition.in_process import install
from tests.bench.recognition.loads import clips, minutes
from tests.bench.recognition.usage import status_megabytes
from tests.integration.conftest import server_pid, serving
from tests.real.weights import BASE, model_folder

UNBOUNDED = {
    "SPEECHD_RESULT_CACHE_SECONDS": "0",
    "SPEECHD_MAX_WAIT": "0",
    "SPEECHD_MAX_UPLOAD_BYTES": "4000000000",
    "SPEECHD_MAX_AUDIO_SECONDS": "400000",
}
WARM = 200


def memory(url: str, field: str) -> float:
    """A line of the server's /proc/PID/status in MB: VmRSS is what it has now, VmHWM the most it had."""
    return status_megabytes(server_pid(url), field)


async def many_requests(model: Path, count: int) -> tuple[float, float]:
    """Resident MB after request WARM and after the last; four clients, clips in random order."""
    choose, marks, done = random.Random(0), list[float](), 0
    with tempfile.TemporaryDirectory() as data:
        name = install(model, Path(data))
        with serving(Path(data), **UNBOUNDED) as url, Progress(console=Console(stderr=True)) as progress:
            task = progress.add_task("requests", total=count)
            async with httpx2.AsyncClient(base_url=url, timeout=600) as client:

                async def caller() -> None:
                    nonlocal done
                    while done < count:
                        done += 1
                        files = {"file": choose.choice(clips(40, 2, 3)).data}
                        asked = {"model": name, "language": "en"}
                        (await client.post("/v1/audio/transcriptions", files=files, data=asked)).raise_for_status()
                        progress.advance(task)
                        if round(progress.tasks[0].completed) in (WARM, count):
                            marks.append(memory(url, "VmRSS"))

                await asyncio.gather(*(caller() for _ in range(4)))
    return marks[0], marks[-1]


async def one_recording(model: Path, length: int) -> tuple[float, float, float, int]:
    """Peak MB, seconds of audio, seconds it took, and segments found, of a recording of so many minutes."""
    (recording,) = minutes(length)
    with tempfile.TemporaryDirectory() as data:
        name = install(model, Path(data))
        with serving(Path(data), **UNBOUNDED) as url:
            async with httpx2.AsyncClient(base_url=url, timeout=36_000) as client:
                started = time.perf_counter()
                asked = {"model": name, "language": "en", "response_format": "verbose_json"}
                reply = await client.post("/v1/audio/transcriptions", files={"file": recording.data}, data=asked)
                answer = reply.raise_for_status().json()
            return memory(url, "VmHWM"), answer["duration"], time.perf_counter() - started, len(answer["segments"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="folder of a Whisper model in CTranslate2's format")
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--hours", type=int, default=1)
    arguments = parser.parse_args()
    model = arguments.model or model_folder(BASE)
    console, table = Console(width=110), Table("what", "MB", "MB", "ratio or difference")
    early, late = asyncio.run(many_requests(model, arguments.requests))
    name = f"resident after request {WARM} and {arguments.requests}"
    table.add_row(name, f"{early:.1f}", f"{late:.1f}", f"{late / early:.3f}x")
    if arguments.hours:
        short, *_ = asyncio.run(one_recording(model, 10))
        long, audio, took, segments = asyncio.run(one_recording(model, arguments.hours * 60))
        name = f"peak for 10 minutes and {audio / 3600:.2f} h"
        table.add_row(name, f"{short:.1f}", f"{long:.1f}", f"{long - short:+.1f} MB")
        console.print(f"{audio / 3600:.2f} h in {took:.0f} s ({audio / took:.0f}x real time), {segments} segments")
    console.print(table)


if __name__ == "__main__":
    main()
