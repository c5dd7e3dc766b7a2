"""100 000 recordings of one second through a folder run on a cluster: memory, files a second, and that each is once.

    python -m tests.bench.many_files [--files N] [--replicas N] [--kill SECONDS]

The recordings are made when they are read, and stored nowhere: a file system of fsspec, as `s3://` is one. Each says
its own number in its first samples. The engine is a fake that reads the number, so the figures are those of all around
it: reading, hashing, the journal, the way to the actors and back, decoding there, and the outputs, which are synced to
the disk one by one. The cluster is two raylets on this machine. `--kill` ends a transcriber in the middle.
"""

import argparse
import asyncio
import io
import os
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import soundfile
from rich.console import Console
from rich.table import Table

from speechd.asr.engine import Decoded, Job
from speechd.cluster.actor_pool import joined_cluster, start_transcribers
from speechd.cluster.folders import ClusterRecogniser
from speechd.folders.discover import find_recordings
from speechd.folders.output_dirs import OutputDirs, WorkItem
from speechd.folders.progress import Plain
from speechd.folders.run import FolderRun, RunConfig
from speechd.folders.storage.address import StorageAddress
from speechd.folders.transcriber import Local
from speechd.formats.transcript import TRANSCRIPT_FORMATS, View
from speechd.service import Service
from speechd.settings import Settings
from speechd.testing.fake_engines import FakeAsr
from speechd.types import SAMPLE_RATE, Segment, TranscribeOptions
from tests.support.ray_cluster import LocalCluster, serving_cluster

OPTIONS = TranscribeOptions(language="en", vad=None)
DIGIT = 1 << 8
"""Base of the digits in the first samples."""
SAMPLED = (0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 1.0)
"""Shares of the files after which memory is read."""


class MadeFiles(fsspec.AbstractFileSystem):  # type: ignore[misc]
    """`made://N` has N recordings of one second."""

    protocol = "made"

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return path.removeprefix("made://").rstrip("/")

    def find(self, path: str, detail: bool = False, **_: Any) -> dict[str, dict[str, Any]]:
        return {f"{path}/{number // 1000:03}/{number:06}.wav": self._made(number) for number in range(int(path))}

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        return self._made(int(Path(path).stem))

    def cat_file(self, path: str, **_: Any) -> bytes:
        return recording(int(Path(path).stem))

    def _made(self, number: int) -> dict[str, Any]:
        return {"size": 44 + 2 * SAMPLE_RATE, "type": "file", "ETag": str(number)}


def recording(number: int) -> bytes:
    """A WAV file that says its number."""
    samples = np.zeros(SAMPLE_RATE, np.int16)
    samples[:3] = number % DIGIT, number // DIGIT % DIGIT, number // DIGIT**2
    file = io.BytesIO()
    soundfile.write(file, samples, SAMPLE_RATE, format="WAV", subtype="PCM_16")
    return file.getvalue()


class NumberReader(FakeAsr):
    """Hears the number that a recording says."""

    def decode(self, jobs: Sequence[Job]) -> list[Decoded]:
        return [self._read(job) for job in jobs]

    def _read(self, job: Job) -> Decoded:
        digits = np.rint(job.window.samples[:3] * 32768).astype(int)
        number = sum(int(digit) * DIGIT**place for place, digit in enumerate(digits))
        segment = Segment(0.0, job.window.duration, f" {number}")
        return Decoded((segment,), "en", {"en": 1.0}, heard=job.window.duration)


def open_fake(settings: Settings) -> Local:
    return Local(Service(settings, lambda *_: NumberReader(batch_size=32)))


@dataclass
class Watch(Plain):
    """What became of each recording, and the memory of this process on the way."""

    files: int
    done: Counter[str] = field(default_factory=Counter)
    failed: list[object] = field(default_factory=list)
    memory: list[tuple[int, float]] = field(default_factory=list)

    def tell(self, event: str, **facts: object) -> None:
        if event == "failed":
            self.failed.append(facts)
        if event == "done":
            self.done[str(facts["path"])] += 1
            count = len(self.done)
            if len(self.memory) < len(SAMPLED) and count >= SAMPLED[len(self.memory)] * self.files:
                self.memory.append((count, resident()))


def resident() -> float:
    """Megabytes of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


async def transcribe(files: int, cluster: LocalCluster, output: Path, replicas: int, kill: float | None) -> Watch:
    fsspec.register_implementation("made", MadeFiles, clobber=True)
    watch = Watch(files)
    recordings = find_recordings([StorageAddress(f"made://{files}")])
    wanted = RunConfig("whisper-pocket", OPTIONS, (TRANSCRIPT_FORMATS["txt"],), View(), "many files")
    async with joined_cluster(cluster.address) as ray:
        actors = start_transcribers(ray, replicas, open_fake)
        async with ClusterRecogniser(ray, actors, wanted.model, OPTIONS).started() as recogniser:
            run = FolderRun(wanted, recogniser, watch)
            with ExitStack() as owned:
                items = run.sorted_out(OutputDirs(output, only_look=False, owned=owned).items(recordings))
                killing = asyncio.create_task(_kill_after(kill, cluster))
                await run.work(_once(items))
                killing.cancel()
    return watch


async def _once(items: Sequence[WorkItem]) -> AsyncIterator[Sequence[WorkItem]]:
    yield items


async def _kill_after(seconds: float | None, cluster: LocalCluster) -> None:
    if seconds is not None:
        await asyncio.sleep(seconds)
        cluster.kill_an_actor()


def wrong_outputs(files: int, output: Path) -> list[int]:
    """Recordings whose output is missing or another one's."""

    def text(number: int) -> str:
        path = output / f"{number // 1000:03}" / f"{number:06}.txt"
        return path.read_text().strip() if path.exists() else ""

    return [number for number in range(files) if text(number) != str(number)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--replicas", type=int, default=2, help="transcribers (2)")
    parser.add_argument("--kill", type=float, help="seconds after which a transcriber is killed")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, serving_cluster(Path(scratch) / "machines") as cluster:
        output, began, load = Path(scratch) / "out", time.monotonic(), os.getloadavg()[0]
        run = transcribe(arguments.files, cluster, output, arguments.replicas, arguments.kill)
        watch = asyncio.run(run)
        took = time.monotonic() - began
        wrong = wrong_outputs(arguments.files, output)
        outputs = sum(1 for _ in output.rglob("*.txt"))
    table = Table("figure", "value")
    table.add_row("files", str(arguments.files))
    table.add_row("seconds, with the start of the transcribers", f"{took:.0f}")
    table.add_row("files a second", f"{arguments.files / took:.0f}")
    table.add_row("outputs; wrong or lost", f"{outputs}; {len(wrong)}")
    table.add_row("written more than once; failed", f"{sum(n > 1 for n in watch.done.values())}; {len(watch.failed)}")
    table.add_row("load of the machine before, after", f"{load:.1f}, {os.getloadavg()[0]:.1f}")
    for count, megabytes in watch.memory:
        table.add_row(f"memory of the coordinator after {count} files", f"{megabytes:.0f} MB")
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
