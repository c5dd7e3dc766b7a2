"""Diarization error rate, and RTTM (NIST, "The 2009 Rich Transcription Meeting Recognition Evaluation Plan")."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from speechd.asr.diarization.known_speakers import assign_one_to_one

FRAME = 0.01
"""Seconds that are counted together."""


@dataclass(frozen=True)
class Speaking:
    """One person's stretch of speech; stretches of several may overlap."""

    start: float
    end: float
    speaker: str


@dataclass(frozen=True)
class DiarizationError:
    """Seconds of a recording, or of several."""

    total: float = 0.0
    """Speech of all speakers."""
    missed: float = 0.0
    false_alarm: float = 0.0
    confused: float = 0.0

    @property
    def rate(self) -> float:
        return (self.missed + self.false_alarm + self.confused) / self.total if self.total else 0.0

    def __add__(self, other: "DiarizationError") -> "DiarizationError":
        return DiarizationError(
            self.total + other.total,
            self.missed + other.missed,
            self.false_alarm + other.false_alarm,
            self.confused + other.confused,
        )


def diarization_error(reference: Sequence[Speaking], hypothesis: Sequence[Speaking], collar: float) -> DiarizationError:
    """The error with the best one-to-one mapping of speakers.

    Args:
        collar: seconds before and after each boundary of the reference that do not count.
    """
    frames = round(max((turn.end for turn in (*reference, *hypothesis)), default=0) / FRAME) + 1
    counted = np.ones(frames, bool)
    for turn in reference if collar else ():
        for edge in (turn.start, turn.end):
            counted[max(0, round((edge - collar) / FRAME)) : round((edge + collar) / FRAME)] = False
    truth, found = (_activity(turns, frames)[:, counted] for turns in (reference, hypothesis))
    together = np.minimum(truth.sum(axis=0), found.sum(axis=0)).sum()
    right = 0
    if len(truth) and len(found):
        shared = truth.astype(np.float64) @ found.T.astype(np.float64)
        right = sum(shared[pair] for pair in assign_one_to_one(shared))
    missed = np.clip(truth.sum(axis=0) - found.sum(axis=0), 0, None).sum()
    false_alarm = np.clip(found.sum(axis=0) - truth.sum(axis=0), 0, None).sum()
    return DiarizationError(*(float(n) * FRAME for n in (truth.sum(), missed, false_alarm, together - right)))


def _activity(turns: Sequence[Speaking], frames: int) -> np.ndarray:
    """Who speaks in which frame, shape (speakers, frames), 0 or 1."""
    names = sorted({turn.speaker for turn in turns})
    active = np.zeros((len(names), frames), np.int64)
    for turn in turns:
        active[names.index(turn.speaker), round(turn.start / FRAME) : round(turn.end / FRAME)] = 1
    return active


def write_rttm(path: Path, turns: Iterable[Speaking]) -> None:
    lines = (
        f"SPEAKER {path.stem} 1 {turn.start:.3f} {turn.end - turn.start:.3f} <NA> <NA> {turn.speaker} <NA> <NA>\n"
        for turn in turns
    )
    path.write_text("".join(lines))


def read_rttm(path: Path) -> list[Speaking]:
    rows = [line.split() for line in path.read_text().splitlines() if line.startswith("SPEAKER")]
    return [Speaking(float(row[3]), float(row[3]) + float(row[4]), row[7]) for row in rows]
