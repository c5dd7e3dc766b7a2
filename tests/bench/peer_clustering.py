"""sherpa-onnx's clustering on the same spans and the same embeddings as ours.

    python -m tests.bench.peer_clustering [--half development|"held out"]

The model that cuts speech for sherpa-onnx is on a hub only, so this compares the clustering alone: our detector, our
windows, CAM++, and our turns out of the clusters. `DER .25` and `count` are as in tests/bench/diarization.py. The
thresholds are distances; 0.5 is sherpa-onnx's own. `told` is where the number of speakers is given. It needs the
package sherpa-onnx.
"""

import argparse
import asyncio
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from speechd.asr.diarization.campplus import CampplusEngine
from speechd.asr.diarization.clustering import Labels, cluster_speakers, speaker_centres
from speechd.asr.diarization.diarizer import Diarizer
from speechd.asr.diarization.engine import SpeakerWindows, Vectors
from speechd.asr.diarization.turns import speaker_turns
from speechd.types import MAX_SPEAKERS, TranscribeOptions
from tests.bench.diarization import COLLAR, wav
from tests.real.conversations import Conversation, conversations
from tests.real.weights import speakers_folder
from tests.support.diarization_error import DiarizationError, Speaking, diarization_error

THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
Spans = list[tuple[float, float]]
Cluster = Callable[[Vectors, int], Labels]
"""Embeddings and the true number of speakers, which it may ignore, to clusters."""


@dataclass(frozen=True)
class Embedded:
    """A conversation, its windows and where speech is."""

    conversation: Conversation
    windows: SpeakerWindows
    spans: Spans


def embedded(diarizer: Diarizer, conversation: Conversation) -> Embedded:
    async def heard() -> Embedded:
        async with diarizer._heard(io.BytesIO(wav(conversation)), 36_000, TranscribeOptions()) as (_, session):
            return Embedded(conversation, await session.windows(), session._spans)

    return asyncio.run(heard())


def ours(embeddings: Vectors, speakers: int) -> Labels:
    return cluster_speakers(embeddings, 1, MAX_SPEAKERS)


def ours_told(embeddings: Vectors, speakers: int) -> Labels:
    return cluster_speakers(embeddings, speakers, speakers)


def sherpa(package: Any, threshold: float | None) -> Cluster:
    """
    Args:
        threshold: None: the number of speakers is told.
    """

    def cluster(embeddings: Vectors, speakers: int) -> Labels:
        limits = {"num_clusters": speakers} if threshold is None else {"threshold": threshold}
        labels = package.FastClustering(package.FastClusteringConfig(**limits))(embeddings.copy())
        return np.asarray(np.unique(labels, return_inverse=True)[1], np.int64)

    return cluster


def scored(each: Embedded, cluster: Cluster) -> tuple[DiarizationError, bool]:
    """The error, and whether the number of speakers is right."""
    truth, windows = each.conversation.truth, each.windows
    people = len({turn.speaker for turn in truth})
    centres = speaker_centres(windows.embeddings, cluster(windows.embeddings, people))
    turns = speaker_turns(windows, each.spans, centres)
    told = [Speaking(turn.start, turn.end, str(turn.speaker)) for turn in turns]
    return diarization_error(truth, told, COLLAR), len({turn.speaker for turn in turns}) == people


def table(half: str, heard: list[Embedded], package: Any) -> Table:
    ways: dict[str, Cluster] = {"ours": ours, "ours, told": ours_told, "sherpa-onnx, told": sherpa(package, None)}
    ways |= {f"sherpa-onnx, threshold {each:g}": sherpa(package, each) for each in THRESHOLDS}
    drawn = Table(f"clustering, {half}", "DER .25", "confused", "count")
    for name, cluster in ways.items():
        results = [scored(each, cluster) for each in heard]
        error = sum((error for error, _ in results), DiarizationError())
        right = sum(right for _, right in results)
        drawn.add_row(name, f"{error.rate:.2%}", f"{error.confused / error.total:.2%}", f"{right}/{len(results)}")
    return drawn


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--half", action="append", choices=("development", "held out"), help="default: both")
    asked = parser.parse_args()
    try:
        import sherpa_onnx  # type: ignore[import-not-found]
    except ImportError:
        raise SystemExit("The peer is missing: pip install sherpa-onnx") from None
    diarizer = Diarizer(CampplusEngine(speakers_folder()))
    for half in asked.half or ("development", "held out"):
        heard = [embedded(diarizer, conversation) for conversation in conversations(half)]
        Console(width=120).print(table(half, heard, sherpa_onnx))


if __name__ == "__main__":
    main()
