"""Can embeddings tell where two people speak at once? Measured on the conversations with overlaps.

    python -m tests.bench.overlap [--half development|"held out"]

Each window of 2 s has a similarity to the centre of each speaker. Where two people speak at once, the second greatest
may be high, or the greatest low. For each of these and for their difference the table has the threshold that is best on
this very set (highest F1), and the area under the ROC curve: .5 is a coin, 1 a detector. A window counts as overlapped
where at least a quarter of its time is.
"""

import argparse
import asyncio
import io
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from speechd.asr.diarization.campplus import CampplusEngine
from speechd.asr.diarization.clustering import cluster_speakers, speaker_centres
from speechd.asr.diarization.diarizer import Diarizer
from speechd.asr.diarization.engine import SpeakerWindows
from speechd.types import MAX_SPEAKERS, TranscribeOptions
from tests.bench.diarization import wav
from tests.real.conversations import Conversation, conversations
from tests.real.weights import speakers_folder

STEP = 0.01
"""Seconds."""
OVERLAPPED = 0.25
"""Share of a window."""

Numbers = npt.NDArray[np.float64]


async def windows_of(diarizer: Diarizer, conversation: Conversation) -> SpeakerWindows:
    async with diarizer._heard(io.BytesIO(wav(conversation)), 36_000, TranscribeOptions()) as (_, session):
        return await session.windows()


def speaking(conversation: Conversation) -> Numbers:
    """How many people speak, each STEP."""
    count = np.zeros(round(conversation.seconds / STEP))
    for person in {turn.speaker for turn in conversation.truth}:
        speaks = np.zeros(len(count), bool)
        for turn in conversation.truth:
            if turn.speaker == person:
                speaks[round(turn.start / STEP) : round(turn.end / STEP)] = True
        count += speaks
    return count


def features(windows: SpeakerWindows) -> Numbers:
    """What may tell an overlap, shape (windows, 3)."""
    centres = speaker_centres(windows.embeddings, cluster_speakers(windows.embeddings, 2, MAX_SPEAKERS))
    nearest = np.sort(np.asarray(windows.embeddings @ centres.T, np.float64), axis=1)
    return np.stack([-nearest[:, -1], nearest[:, -2], nearest[:, -2] - nearest[:, -1]], axis=1)


def shares(windows: SpeakerWindows, people: Numbers) -> Iterator[float]:
    """How much of each window is overlapped."""
    for start, end in zip(windows.starts, windows.ends, strict=True):
        yield float((people[round(start / STEP) : round(end / STEP)] > 1).mean())


def best_threshold(feature: Numbers, overlapped: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Precision and recall where F1 is highest."""
    hits = np.cumsum(overlapped[np.argsort(-feature)])
    precision, recall = hits / np.arange(1, len(hits) + 1), hits / hits[-1]
    best = int((precision * recall / np.maximum(precision + recall, 1e-9)).argmax())
    return float(precision[best]), float(recall[best])


def area(feature: Numbers, overlapped: npt.NDArray[np.bool_]) -> float:
    """Under the ROC curve: how often an overlapped window has more of it than another."""
    more = feature[overlapped][:, None] > feature[~overlapped][None]
    return float(more.mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--half", choices=("development", "held out"), default="development")
    asked = parser.parse_args()
    diarizer, found, truth, seconds = Diarizer(CampplusEngine(speakers_folder())), list[Numbers](), list[float](), 0.0
    for conversation in conversations(asked.half):
        if conversation.plan.overlap:
            windows, people = asyncio.run(windows_of(diarizer, conversation)), speaking(conversation)
            found.append(features(windows))
            truth += shares(windows, people)
            seconds += float((people > 1).sum() * STEP)
    every, overlapped = np.concatenate(found), np.asarray(truth) >= OVERLAPPED
    print(f"{seconds:.1f} s overlapped; {overlapped.sum()} of {len(overlapped)} windows")
    table = Table(f"{asked.half}: similarity", "precision", "recall", "area under ROC")
    for name, feature in zip(("greatest is low", "second is high", "both are near"), every.T, strict=True):
        precision, recall = best_threshold(feature, overlapped)
        table.add_row(name, f"{precision:.2f}", f"{recall:.2f}", f"{area(feature, overlapped):.2f}")
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
