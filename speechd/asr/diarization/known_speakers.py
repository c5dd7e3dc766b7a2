"""Names for speakers whose voices the caller knows, and no name for a stranger."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from speechd.asr.diarization.clustering import Labels, cluster_speakers, speaker_centres
from speechd.asr.diarization.engine import SpeakerWindows, Vectors
from speechd.errors import InvalidRequest
from speechd.types import MAX_SPEAKERS

Costs = npt.NDArray[np.float64]

MIN_SIMILARITY = 0.55
"""Cosine of a speaker's voice with a reference's, below which it is somebody else."""
MIN_LEAD = 0.08
"""What the similarity of the named speaker must have over that of any other speaker of the recording, and of any other
reference: on a telephone line all are similar."""
MIN_REFERENCE_SECONDS = 1.0
"""Speech of a reference at least."""


@dataclass(frozen=True, slots=True, eq=False)
class KnownSpeaker:
    """A voice with a name."""

    name: str
    voice: Vectors
    """Its embedding, of unit length, shape (dimensions,)."""


def reference_voice(windows: SpeakerWindows) -> Vectors:
    """The voice of a recording of one speaker.

    Raises:
        InvalidRequest: it has less than MIN_REFERENCE_SECONDS of speech, or the speech of several people.
    """
    if windows.seconds < MIN_REFERENCE_SECONDS:
        raise InvalidRequest(
            f"A reference has {windows.seconds:.1f} s of speech. At least {MIN_REFERENCE_SECONDS:g} s are needed,"
            " and 2 to 10 s are best.",
            code="reference_too_short",
        )
    if cluster_speakers(windows.embeddings, 1, MAX_SPEAKERS).any():
        raise InvalidRequest("A reference has the voices of several people.", code="reference_ambiguous")
    return np.asarray(speaker_centres(windows.embeddings, np.zeros(len(windows), np.int64))[0], np.float32)


def match_known(centres: Vectors, known: Sequence[KnownSpeaker]) -> tuple[str | None, ...]:
    """The name of each speaker, or None for a stranger. No name is given twice.

    Args:
        centres: the voice of each speaker, shape (speakers, dimensions).
        known: voices that may be among them.
    """
    names: list[str | None] = [None] * len(centres)
    if not known or not len(centres):
        return tuple(names)
    similarity = centres @ np.stack([speaker.voice for speaker in known]).T
    for speaker, reference in assign_one_to_one(similarity):
        found = similarity[speaker, reference]
        others = np.delete(similarity[:, reference], speaker)
        lead = found - others.max(initial=-1.0)
        if found >= MIN_SIMILARITY and lead >= MIN_LEAD:
            names[speaker] = known[reference].name
    return tuple(names)


def assign_one_to_one(similarity: Vectors) -> list[tuple[int, int]]:
    """Pairs of a row and a column, each in one pair at most, with the greatest sum (the assignment problem).

    Rows are added one by one, each along the path that costs the earlier ones least (Kuhn, "The Hungarian Method",
    1955, with the potentials of Jonker and Volgenant, 1987).
    """
    rows, columns = similarity.shape
    if rows > columns:
        return sorted((row, column) for column, row in assign_one_to_one(similarity.T))
    cost = 1.0 - similarity.astype(np.float64)
    row_of = np.full(columns + 1, -1)  # the last column is where each new row begins
    row_price, column_price = np.zeros(rows), np.zeros(columns + 1)
    for new in range(rows):
        row_of[columns] = new
        _add_row(cost, row_of, row_price, column_price)
    return sorted((int(row), column) for column, row in enumerate(row_of[:columns]) if row >= 0)


def _add_row(cost: Costs, row_of: Labels, row_price: Costs, column_price: Costs) -> None:
    """Assigns the row that waits in the last column, and moves the others along the cheapest path (Dijkstra's)."""
    columns = cost.shape[1]
    distance, came_from = np.full(columns, np.inf), np.full(columns, columns)
    done = np.zeros(columns + 1, bool)
    here = columns
    while row_of[here] >= 0:
        done[here] = True
        row, free = row_of[here], ~done[:columns]
        price = cost[row] - row_price[row] - column_price[:columns]
        better = free & (price < distance)
        distance[better], came_from[better] = price[better], here
        following = int(np.where(free, distance, np.inf).argmin())
        step = distance[following]
        row_price[row_of[done]] += step
        column_price[done] -= step
        distance[free] -= step
        here = following
    while here != columns:
        row_of[here] = row_of[came_from[here]]
        here = int(came_from[here])
    row_of[columns] = -1
