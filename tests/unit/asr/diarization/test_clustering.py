"""How many speakers there are, and whose each window is."""

import numpy as np
import pytest

from speechd.asr.diarization import clustering
from speechd.asr.diarization.clustering import cluster_speakers, speaker_centres
from tests.unit.asr.diarization.voices import embeddings


def turns_of(people: int, turns: int = 24, length: int = 5) -> list[int]:
    """People who speak in turn, `length` windows each."""
    return [number % people for number in range(turns) for _ in range(length)]


def same_partition(labels: np.ndarray, speakers: list[int]) -> bool:
    pairs = set(zip(labels.tolist(), speakers, strict=True))
    return len(pairs) == len(set(labels.tolist())) == len(set(speakers))


@pytest.mark.parametrize("alike", [0.0, 0.5])
@pytest.mark.parametrize("people", [1, 2, 4, 7])
def test_it_finds_how_many_speak_whatever_the_channel(people: int, alike: float) -> None:
    speakers = turns_of(people)
    labels = cluster_speakers(embeddings(speakers, alike=alike), 1, 10)
    assert same_partition(labels, speakers)


def test_it_obeys_the_number_that_is_given() -> None:
    voices = embeddings(turns_of(3))
    for count in (1, 2, 3, 5):
        assert cluster_speakers(voices, count, count).max() + 1 == count


def test_it_keeps_within_bounds() -> None:
    voices = embeddings(turns_of(4))
    assert cluster_speakers(voices, 1, 2).max() + 1 <= 2
    assert cluster_speakers(voices, 6, 8).max() + 1 >= 6


@pytest.mark.parametrize(("people", "maximum"), [(12, 10), (9, 3), (7, 2), (5, 4)])
def test_more_people_than_may_be_told_apart_are_as_many_as_may(people: int, maximum: int) -> None:
    labels = cluster_speakers(embeddings(turns_of(people, turns=3 * people)), 1, maximum)
    assert labels.max() + 1 == maximum


def test_the_same_windows_have_the_same_speakers_each_time() -> None:
    voices = embeddings(turns_of(5), spread=1.5)
    assert np.array_equal(cluster_speakers(voices, 1, 10), cluster_speakers(voices, 1, 10))


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_few_windows_of_one_voice_are_one_speaker(count: int) -> None:
    assert cluster_speakers(embeddings([0] * count), 1, 10).tolist() == [0] * count


@pytest.mark.parametrize(("alike", "speakers"), [(0.0, 2), (0.8, 1)])
def test_a_short_exchange_is_two_speakers_where_they_differ(alike: float, speakers: int) -> None:
    said = [0, 0, 0, 1, 1, 1]
    labels = cluster_speakers(embeddings(said, alike=alike), 1, 10)
    assert labels.max() + 1 == speakers
    assert speakers == 1 or same_partition(labels, said)


def test_equal_windows_are_one_speaker() -> None:
    assert set(cluster_speakers(np.tile(embeddings([0]), (40, 1)), 1, 10).tolist()) == {0}


def test_more_windows_than_are_clustered_follow_the_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clustering, "MAX_CLUSTERED", 120)
    speakers = turns_of(3, turns=90)
    assert same_partition(cluster_speakers(embeddings(speakers), 1, 10), speakers)


def test_centres_have_unit_length() -> None:
    speakers = turns_of(2)
    centres = speaker_centres(embeddings(speakers), np.array(speakers))
    assert np.linalg.norm(centres, axis=1) == pytest.approx(1)
