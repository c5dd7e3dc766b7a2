"""Turns of speakers out of windows that overlap: scores of short frames, the best path through them, closed gaps."""

from collections.abc import Sequence
from itertools import groupby

import numpy as np
import numpy.typing as npt

from speechd.asr.diarization.engine import SpeakerWindows, Vectors
from speechd.types import SpeakerTurn

FRAME_SECONDS = 0.1
"""Length of a frame, which one speaker has."""
SCALE = 12.0
"""Log-odds of two speakers for a difference of 1 between their similarities, each frame."""
SWITCH_COST = 4.0
"""Log-odds against a change of the speaker from one frame to the next."""
PADDING = 0.1
"""Seconds before and after each span that belong to it, where no other is: the detector hears late and stops early."""
MAX_GAP = 0.5
"""Seconds: a shorter pause between two turns of one speaker is part of the turn."""

Scores = npt.NDArray[np.float64]
"""How much each speaker is heard in each frame, shape (frames, speakers)."""


def speaker_turns(
    windows: SpeakerWindows, spans: Sequence[tuple[float, float]], centres: Vectors
) -> tuple[SpeakerTurn, ...]:
    """The turns of the speakers in the speech of a recording, in the order of time. They do not overlap.

    Args:
        windows: at least one.
        spans: where speech is, as (start, end) in seconds, in order.
        centres: the voice of each speaker, shape (speakers, dimensions).
    """
    similarity = np.asarray(windows.embeddings @ centres.T, np.float64)
    turns: list[SpeakerTurn] = []
    for start, end in _padded(spans):
        times = np.arange(max(1, round((end - start) / FRAME_SECONDS))) * FRAME_SECONDS + start
        middles = np.asarray(times + FRAME_SECONDS / 2, np.float64)
        path = best_path(SCALE * _frame_scores(windows, similarity, middles))
        turns += _runs(path, start, end)
    return tuple(_closed(turns))


def _padded(spans: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Spans with PADDING, at most to the middle of the pause between two."""
    starts = [max(0.0, start - PADDING) for start, _ in spans]
    ends = [end + PADDING for _, end in spans]
    for number in range(1, len(spans)):
        middle = (spans[number - 1][1] + spans[number][0]) / 2
        starts[number] = max(starts[number], middle)
        ends[number - 1] = min(ends[number - 1], middle)
    return list(zip(starts, ends, strict=True))


def _frame_scores(windows: SpeakerWindows, similarity: Scores, times: npt.NDArray[np.float64]) -> Scores:
    """Mean similarity of the windows around each frame, nearer centres weighing more; of the nearest where none is."""
    first = int(np.searchsorted(windows.ends, times[0]))
    last = max(int(np.searchsorted(windows.starts, times[-1])), first + 1)
    first, last = min(first, len(windows) - 1), min(last, len(windows))
    starts, ends = windows.starts[first:last], windows.ends[first:last]
    middle, half = (starts + ends) / 2, (ends - starts) / 2
    distance = np.abs(times[:, None] - middle[None])
    weight = np.clip(1 - distance / half[None], 0, None)
    alone = weight.sum(axis=1) < 1e-6
    weight[alone, distance[alone].argmin(axis=1)] = 1.0
    return np.asarray(weight @ similarity[first:last] / weight.sum(axis=1, keepdims=True), np.float64)


def best_path(scores: Scores) -> npt.NDArray[np.int64]:
    """The speaker of each frame: the path of highest score, less SWITCH_COST for each change (Viterbi)."""
    total, came_from = scores[0], np.zeros(scores.shape, np.int64)
    for number, score in enumerate(scores[1:], start=1):
        best = int(total.argmax())
        stays = total >= total[best] - SWITCH_COST
        came_from[number] = np.where(stays, np.arange(len(total)), best)
        total = np.where(stays, total, total[best] - SWITCH_COST) + score
    path = np.zeros(len(scores), np.int64)
    path[-1] = int(total.argmax())
    for number in range(len(scores) - 1, 0, -1):
        path[number - 1] = came_from[number, path[number]]
    return path


def _runs(path: npt.NDArray[np.int64], start: float, end: float) -> list[SpeakerTurn]:
    """The turns of one span."""
    turns, frame = [], 0
    for speaker, run in groupby(path.tolist()):
        length = len(list(run))
        until = end if frame + length == len(path) else start + (frame + length) * FRAME_SECONDS
        turns.append(SpeakerTurn(start + frame * FRAME_SECONDS, until, speaker))
        frame += length
    return turns


def _closed(turns: Sequence[SpeakerTurn]) -> list[SpeakerTurn]:
    """Turns of one speaker in a row with less than MAX_GAP between them, as one."""
    closed: list[SpeakerTurn] = []
    for turn in turns:
        if closed and closed[-1].speaker == turn.speaker and turn.start - closed[-1].end < MAX_GAP:
            closed[-1] = SpeakerTurn(closed[-1].start, turn.end, turn.speaker)
        else:
            closed.append(turn)
    return closed
