"""Does memory stay flat: over thousands of requests, and over a recording of many hours?

    python -m tests.bench.soak [--requests 2000] [--hours 10]

Prints the server's resident memory after request 200 and after the last, and its peak while a recording of 10 minutes
and one of many hours are transcribed, each by a fresh server.
"""

import argparse
import asyncio
import random
import tempfile
import time
from pathlib import Path

import httpx2
from rich.console import Console
from rich.progress import track
from rich.table import Table

from tests.conftest import fixtures
from tests.integration.conftest import server_pid, serving

UNBOUNDED = {
    "SPEECHD_RESULT_CACHE_SECONDS": "0",
    "SPEECHD_MAX_UPLOAD_BYTES": "4000000000",
    "SPEECHD_MAX_AUDIO_SECONDS": "400000",
}
WARM = 200


def memory(url: str, field: str) -> float:
    """A line of /proc/PID/status in MB: VmRSS is what it has now, VmHWM the most it had."""
    status = Path(f"/proc/{server_pid(url)}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith(field)).split()[1]) / 1000


async def many_requests(count: int) -> tuple[float, float]:
    """Resident MB after request WARM and after the last; four clients, clips in random order."""
    clips = [fixture.path.read_bytes() for fixture in fixtures("clean")]
    choose = random.Random(0)
    with tempfile.TemporaryDirectory() as data, serving(Path(data), **UNBOUNDED) as url:
        async with httpx2.AsyncClient(base_url=url, timeout=60) as client:

            async def ask() -> None:
                files = {"file": choose.choice(clips)}
                reply = await client.post("/v1/audio/transcriptions", files=files, data={"model": "whisper-pocket"})
                reply.raise_for_status()

            marks = []
            for batch in track(range(count // 4), "requests"):
                await asyncio.gather(*(ask() for _ in range(4)))
                if (batch + 1) * 4 in (WARM, count // 4 * 4):
                    marks.append(memory(url, "VmRSS"))
    return marks[0], marks[-1]


def recording(minutes: float, folder: Path) -> Path:
    """The 3-minute recording over and over, as one chained Ogg file."""
    (source,) = [fixture for fixture in fixtures("long") if fixture.duration > 100]
    path = folder / f"{minutes:g}.opus"
    with path.open("wb") as file:
        for _ in range(max(1, round(minutes * 60 / source.duration))):
            file.write(source.path.read_bytes())
    return path


async def one_recording(minutes: float) -> tuple[float, float, float, int]:
    """Peak MB, seconds of audio, seconds it took, and segments found."""
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder), **UNBOUNDED) as url:
        path = recording(minutes, Path(folder))
        async with httpx2.AsyncClient(base_url=url, timeout=36_000) as client:
            started = time.perf_counter()
            with path.open("rb") as file:
                data = {"model": "whisper-pocket", "language": "en", "response_format": "verbose_json"}
                reply = await client.post("/v1/audio/transcriptions", files={"file": file}, data=data)
            answer = reply.raise_for_status().json()
        return memory(url, "VmHWM"), answer["duration"], time.perf_counter() - started, len(answer["segments"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--hours", type=float, default=10)
    arguments = parser.parse_args()
    table = Table("what", "MB", "MB", "ratio or difference")
    early, late = asyncio.run(many_requests(arguments.requests))
    table.add_row(
        f"resident after request {WARM} and {arguments.requests}", f"{early:.1f}", f"{late:.1f}", f"{late / early:.3f}x"
    )
    short, *_ = asyncio.run(one_recording(10))
    long, audio, took, segments = asyncio.run(one_recording(arguments.hours * 60))
    table.add_row(
        f"peak for 10 minutes and {audio / 3600:.2f} h", f"{short:.1f}", f"{long:.1f}", f"{long - short:+.1f} MB"
    )
    console = Console(width=110)
    console.print(table)
    console.print(f"{audio / 3600:.2f} h in {took:.0f} s ({audio / took:.0f}x real time), {segments} segments")


if __name__ == "__main__":
    main()
