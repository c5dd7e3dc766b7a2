"""How many speakers there are and which windows are whose: spectral clustering with the eigengap.

The similarity of two windows of one speaker differs from recording to recording: on a telephone line those of different
people are as high as those of one person in a studio. A fixed threshold that is right for one channel merges everybody
on the next. So each window is tied only to the windows most similar to it (p-pruning), and the number of speakers is
where the eigenvalues of the graph's Laplacian jump (von Luxburg, "A Tutorial on Spectral Clustering", 2007; Park et
al., "Auto-Tuning Spectral Clustering for Speaker Diarization", 2019). The constants are those of 3D-Speaker.
"""

import numpy as np
import numpy.typing as npt

from speechd.asr.diarization.engine import Vectors

Labels = npt.NDArray[np.int64]
"""The cluster of each window, shape (n,)."""

MIN_WINDOWS = 10
"""Below this many windows the eigenvalues say nothing: there are one or two speakers."""
TWO_SPEAKERS = 0.45
"""Two halves of a few windows are two speakers where the mean similarity between them is less than this share of that
within them. Measured on pairs of utterances: of one person 98 in 100 have more than .42 in wide band and .68 on a
telephone line; of two people half have less than .12 and .55."""
MIN_HALF = 2
"""Windows of each of them."""
NEIGHBOURS = 6
"""Windows that each window is tied to, at least."""
NEIGHBOUR_SHARE = 0.012
"""The same, as a share of all windows."""
SAME_SPEAKER = 0.875
"""Clusters whose centres are at least this similar are one speaker whose voice was split."""
MIN_CLUSTER = 3
"""Windows of a cluster; smaller ones are given to their nearest neighbours."""
MAX_CLUSTERED = 2000
"""Windows that are clustered. Of more a sample is, evenly spread, and the others go to the nearest centre: the work
grows with the cube of the number, the memory with its square (32 MB)."""
MAX_COUNTED = 20
"""Speakers that are looked for, though fewer may be told apart."""
KMEANS_STARTS = 10
KMEANS_ROUNDS = 100
SEED = 0
"""The same recording has the same speakers each time."""


def cluster_speakers(embeddings: Vectors, minimum: int, maximum: int) -> Labels:
    """The speaker of each window, numbered from 0 without gaps.

    Args:
        embeddings: shape (n, dimensions), n at least 1.
        minimum: speakers at least, as far as there are so many windows.
        maximum: speakers at most.
    """
    if len(embeddings) > MAX_CLUSTERED:
        sample = np.linspace(0, len(embeddings) - 1, MAX_CLUSTERED).astype(int)
        centres = speaker_centres(embeddings, _clusters(embeddings[sample], minimum, maximum), sample)
        return np.asarray((embeddings @ centres.T).argmax(axis=1), np.int64)
    return _clusters(embeddings, minimum, maximum)


def speaker_centres(embeddings: Vectors, labels: Labels, sample: Labels | None = None) -> Vectors:
    """The mean of each cluster's embeddings, of unit length, shape (clusters, dimensions).

    Args:
        sample: positions of the embeddings that have a label; None: all.
    """
    labelled = embeddings if sample is None else embeddings[sample]
    sums = np.stack([labelled[labels == number].sum(axis=0) for number in range(labels.max() + 1)])
    return np.asarray(sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9), np.float32)


def _clusters(embeddings: Vectors, minimum: int, maximum: int) -> Labels:
    minimum, maximum = min(minimum, len(embeddings)), min(maximum, len(embeddings))
    if maximum == 1:
        return np.zeros(len(embeddings), np.int64)
    if minimum == 1 and len(embeddings) < MIN_WINDOWS:
        return _one_or_two(embeddings)
    values, vectors = _spectrum(embeddings @ embeddings.T)
    count = _eigengap(values, minimum, maximum)
    labels = _kmeans(vectors[:, :count], count)
    labels = _without_small(embeddings, labels, minimum)
    return _without_twins(embeddings, labels, minimum)


def _one_or_two(embeddings: Vectors) -> Labels:
    """The clusters of a few windows."""
    one = np.zeros(len(embeddings), np.int64)
    if len(embeddings) < 2 * MIN_HALF:
        return one
    labels = _kmeans(embeddings.astype(np.float64), 2)
    if min(np.bincount(labels, minlength=2)) < MIN_HALF:
        return one
    similarity, same = embeddings @ embeddings.T, labels[:, None] == labels[None]
    within = float(similarity[same & ~np.eye(len(labels), dtype=bool)].mean())
    return labels if float(similarity[~same].mean()) < TWO_SPEAKERS * within else one


def _spectrum(similarity: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Eigenvalues, the least first, and eigenvectors of the Laplacian of the graph of neighbours."""
    kept = max(NEIGHBOURS, int(np.ceil(NEIGHBOUR_SHARE * len(similarity))))
    graph = similarity.astype(np.float64)
    np.fill_diagonal(graph, 0)
    if kept < len(graph):
        least = -np.partition(-graph, kept - 1, axis=1)[:, kept - 1 : kept]
        graph[graph < least] = 0
    graph = np.maximum((graph + graph.T) / 2, 0)
    laplacian = np.diag(graph.sum(axis=1)) - graph
    values, vectors = np.linalg.eigh(laplacian)
    return values, vectors


def _eigengap(values: npt.NDArray[np.float64], minimum: int, maximum: int) -> int:
    """The number of clusters after which the eigenvalues grow most, or `maximum` where that is beyond it: among fewer
    clusters than there are the greatest gap is anywhere."""
    gaps = np.diff(values[minimum - 1 : max(maximum, MAX_COUNTED) + 1])
    return min(maximum, minimum + int(gaps.argmax())) if len(gaps) else minimum


def _kmeans(points: npt.NDArray[np.float64], count: int) -> Labels:
    """Lloyd's algorithm from KMEANS_STARTS seeded starts (k-means++); the tightest result, without empty clusters."""
    choose = np.random.default_rng(SEED)
    results = [_lloyd(points, _spread(points, count, choose)) for _ in range(KMEANS_STARTS)]
    return _renumbered(min(results, key=lambda result: result[1])[0])


def _spread(points: npt.NDArray[np.float64], count: int, choose: np.random.Generator) -> npt.NDArray[np.float64]:
    """Starting centres far from each other (Arthur and Vassilvitskii, "k-means++", 2007)."""
    centres = [points[choose.integers(len(points))]]
    while len(centres) < count:
        distance = np.min([np.square(points - centre).sum(axis=1) for centre in centres], axis=0)
        total = distance.sum()
        chance = distance / total if total > 0 else None
        centres.append(points[choose.choice(len(points), p=chance)])
    return np.stack(centres)


def _lloyd(points: npt.NDArray[np.float64], centres: npt.NDArray[np.float64]) -> tuple[Labels, float]:
    """Labels, and the sum of the squared distances to the centres."""
    labels = np.full(len(points), -1)
    distances = np.zeros((len(points), len(centres)))
    for _ in range(KMEANS_ROUNDS):
        distances = np.square(points[:, None] - centres[None]).sum(axis=2)
        before, labels = labels, distances.argmin(axis=1)
        if np.array_equal(before, labels):
            break
        for number in set(labels.tolist()):
            centres[number] = points[labels == number].mean(axis=0)
    return labels, float(distances[np.arange(len(points)), labels].sum())


def _without_small(embeddings: Vectors, labels: Labels, minimum: int) -> Labels:
    """Gives the windows of clusters below MIN_CLUSTER to the nearest other cluster."""
    while (count := labels.max() + 1) > minimum:
        sizes = np.bincount(labels)
        if sizes.min() >= MIN_CLUSTER:
            break
        small, others = int(sizes.argmin()), [number for number in range(count) if number != sizes.argmin()]
        centres = speaker_centres(embeddings, labels)[others]
        mine = labels == small
        labels[mine] = np.array(others)[(embeddings[mine] @ centres.T).argmax(axis=1)]
        labels = _renumbered(labels)
    return labels


def _without_twins(embeddings: Vectors, labels: Labels, minimum: int) -> Labels:
    """Merges the two most similar clusters as long as they are at least SAME_SPEAKER similar."""
    while labels.max() + 1 > minimum:
        centres = speaker_centres(embeddings, labels)
        similarity = np.triu(centres @ centres.T, 1)
        one, other = np.unravel_index(int(similarity.argmax()), similarity.shape)
        if similarity[one, other] < SAME_SPEAKER:
            break
        labels[labels == other] = one
        labels = _renumbered(labels)
    return labels


def _renumbered(labels: Labels) -> Labels:
    """The same clusters, numbered without gaps."""
    return np.asarray(np.unique(labels, return_inverse=True)[1], np.int64)
