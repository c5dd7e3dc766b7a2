"""A folder through `speechd transcribe` against faster-whisper in a plain loop: same files, same weights, in one run.

    python -m tests.bench.folder [--model FOLDER] [--files N] [--minutes M] [--rounds R]

Each peer is a process of its own, timed from its start to its end, imports and loading included: the command as a
person types it, and a script that calls `WhisperModel.transcribe` for one file after the other. They take turns; the
first round does not count. The table shows medians, the word error rates, and the median of the ratios: above 1,
speechd is faster. On a machine that does other work at the same time the figures are worthless.
"""

import argparse
import io
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import ctranslate2
import numpy as np
import soundfile
import soxr
from rich.console import Console
from rich.table import Table

from speechd.types import SAMPLE_RATE
from tests.bench.recognition.in_process import install
from tests.bench.recognition.loads import clips, minutes
from tests.real.corpora import Recording
from tests.real.weights import BASE, model_folder
from tests.support.audio_folders import ENCODERS
from tests.support.wer import Score, score

LOOP = """
import sys
from pathlib import Path
from faster_whisper import WhisperModel
model, threads, source, output = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4])
whisper = WhisperModel(model, device="auto", compute_type=sys.argv[5], cpu_threads=threads)
for path in sorted(source.iterdir()):
    segments, _ = whisper.transcribe(str(path), language="en", vad_filter=True)
    (output / (path.stem + ".txt")).write_text("".join(segment.text for segment in segments))
"""
"""The peer."""


@dataclass(frozen=True)
class Load:
    """A folder and what is said in its files, by stem."""

    folder: Path
    texts: dict[str, str]
    seconds: float

    def error_rate(self, output: Path) -> float:
        scores = [score(text, (output / f"{stem}.txt").read_text()) for stem, text in self.texts.items()]
        return sum(scores, Score(0, 0)).rate


def make_load(folder: Path, files: int, long_minutes: int) -> Load:
    """Prompts of 2 to 20 s in mixed formats, and one long recording."""
    recordings = [*clips(files, 2, 20), *(minutes(long_minutes) if long_minutes else ())]
    texts = {}
    for number, recording in enumerate(recordings):
        suffix = "opus" if number == files else list(ENCODERS)[number % len(ENCODERS)]
        (folder / f"{number:05}.{suffix}").write_bytes(_encoded(recording, suffix))
        texts[f"{number:05}"] = recording.text
    return Load(folder, texts, sum(recording.seconds for recording in recordings))


def _encoded(recording: Recording, suffix: str) -> bytes:
    samples, rate = soundfile.read(io.BytesIO(recording.data), dtype="float32")
    return ENCODERS[suffix](np.asarray(soxr.resample(samples, rate, SAMPLE_RATE), np.float32))


def timed(command: list[str], **variables: str) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, env=os.environ | variables, capture_output=True)
    return time.perf_counter() - started


def ours(load: Load, model: Path, output: Path, data: Path) -> float:
    words = ["transcribe", str(load.folder), "-o", str(output), "--language", "en", "--model", model.name]
    return timed([sys.executable, "-W", "ignore", "-m", "speechd", *words], SPEECHD_DATA_DIR=str(data))


def theirs(load: Load, model: Path, output: Path) -> float:
    compute_type = "float16" if ctranslate2.get_cuda_device_count() else "int8"
    output.mkdir(parents=True)
    arguments = [str(model), str(os.cpu_count() or 1), str(load.folder), str(output), compute_type]
    return timed([sys.executable, "-W", "ignore", "-c", LOOP, *arguments])


def compare(load: Load, model: Path, rounds: int, scratch: Path) -> Table:
    seconds, rates = list[tuple[float, float]](), (0.0, 0.0)
    install(model, scratch / "data")
    for number in range(rounds + 1):
        outputs = scratch / f"ours {number}", scratch / f"theirs {number}"
        seconds.append((ours(load, model, outputs[0], scratch / "data"), theirs(load, model, outputs[1])))
        rates = load.error_rate(outputs[0]), load.error_rate(outputs[1])
        for output in outputs:
            shutil.rmtree(output)
    counted = seconds[1:] or seconds
    table = Table("peer", "seconds", "x real time", "WER")
    for side, name in enumerate(("speechd transcribe", "faster-whisper in a loop")):
        took = statistics.median(pair[side] for pair in counted)
        table.add_row(name, f"{took:.2f}", f"{load.seconds / took:.0f}x", f"{rates[side]:.3f}")
    ratio = statistics.median(their / our for our, their in counted)
    table.add_section()
    table.add_row(f"ratio, {len(load.texts)} files, {load.seconds / 60:.1f} minutes", f"{ratio:.2f}x", "", "")
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="folder of a Whisper model in CTranslate2's format; Whisper base")
    parser.add_argument("--files", type=int, default=60, help="prompts of 2 to 20 s (60)")
    parser.add_argument("--minutes", type=int, default=3, help="length of the one long recording; 0: none (3)")
    parser.add_argument("--rounds", type=int, default=3, help="counted runs of each (3)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "in"
        folder.mkdir()
        load = make_load(folder, arguments.files, arguments.minutes)
        Console(width=100).print(compare(load, arguments.model or model_folder(BASE), arguments.rounds, Path(scratch)))


if __name__ == "__main__":
    main()
