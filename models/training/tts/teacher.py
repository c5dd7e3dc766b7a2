"""Runs teacher.c over sentences, and reads what it wrote."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .config import HERE

Floats = npt.NDArray[np.float32]

FRAME_SECONDS = 0.005
COLUMNS = 31
"""F0 in Hz (0: unvoiced), 25 mel-cepstra, 5 band strengths."""
LIBRARIES = ("cmu_us_rms", "cmu_us_slt", "cmu_us_awb", "usenglish", "cmulex")


@dataclass(frozen=True)
class Spoken:
    """One sentence as the teacher speaks it."""

    text: str
    offset: int
    """Its first row in the frames file."""
    frames: int
    phones: tuple[tuple[str, float], ...]
    """Name and duration in seconds."""


@dataclass(frozen=True)
class Speech:
    """Everything that one run of the teacher wrote."""

    sentences: tuple[Spoken, ...]
    frames: Floats
    """Shape (rows, 31), memory-mapped."""
    filters: Floats
    """Mixed-excitation filters, shape (5 bands, taps)."""


def build(folder: Path) -> Path:
    """Compiles teacher.c against libflite (Debian: flite1-dev)."""
    program = folder / "teacher"
    libraries = [f"-lflite_{name}" for name in LIBRARIES]
    command = ["cc", "-O2", "-o", program, HERE / "teacher.c", *libraries, "-lflite", "-lm"]
    subprocess.run(command, check=True)
    return program


def speak(voice: str, texts: list[str], stem: Path, waves: Path | None = None) -> Speech:
    """Lets the teacher speak each text; `waves` is a folder that takes the speech itself as 000.wav, 001.wav ..."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    command = [build(stem.parent), voice, stem.with_suffix(".frames"), stem.with_suffix(".labels")]
    if waves is not None:
        waves.mkdir(parents=True, exist_ok=True)
        command.append(waves)
    subprocess.run(command, check=True, text=True, input="\n".join(texts) + "\n")
    return read(stem)


def read(stem: Path) -> Speech:
    """Reads what `speak` wrote under this stem."""
    lines = stem.with_suffix(".labels").read_text().splitlines()
    filters = [line.split()[1:] for line in lines if line.startswith("H ")]
    frames = np.memmap(stem.with_suffix(".frames"), np.float32, "r").reshape(-1, COLUMNS)
    spoken = tuple(_sentences([line for line in lines if not line.startswith("H ")]))
    return Speech(spoken, frames, np.array(filters, np.float32))


def _sentences(lines: list[str]) -> Iterator[Spoken]:
    starts = [n for n, line in enumerate(lines) if line.startswith("U\t")]
    offset = 0
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        _, frames, text = lines[start].split("\t", 2)
        yield Spoken(text, offset, int(frames), tuple(_phones(lines[start + 1 : end])))
        offset += int(frames)


def _phones(lines: list[str]) -> Iterator[tuple[str, float]]:
    last = 0.0
    for line in lines:
        name, end = line.split()
        yield name, float(end) - last
        last = float(end)
