"""Names for known voices, none for strangers."""

from itertools import permutations

import numpy as np
import pytest

from speechd.asr.diarization.engine import no_windows
from speechd.asr.diarization.known_speakers import KnownSpeaker, assign_one_to_one, match_known, reference_voice
from speechd.errors import InvalidRequest
from tests.unit.asr.diarization.voices import DIMENSIONS, embeddings, windows_of


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (4, 2), (5, 5), (3, 7)])
def test_pairs_have_the_greatest_sum(shape: tuple[int, int]) -> None:
    for seed in range(20):
        similarity = np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)
        pairs = assign_one_to_one(similarity)
        assert len(pairs) == len({row for row, _ in pairs}) == len({column for _, column in pairs}) == min(shape)
        wide = similarity if shape[0] <= shape[1] else similarity.T
        best = max(
            sum(wide[row, column] for row, column in enumerate(order))
            for order in permutations(range(wide.shape[1]), wide.shape[0])
        )
        assert sum(similarity[pair] for pair in pairs) == pytest.approx(best, abs=1e-5)


def test_a_name_is_given_once_and_to_the_nearest() -> None:
    centres = embeddings([0, 0, 1], spread=0.2)
    names = match_known(centres, [KnownSpeaker("Ann", centres[0]), KnownSpeaker("Bob", centres[2])])
    assert names.count("Ann") <= 1
    assert names[2] == "Bob"


def test_a_stranger_has_no_name_even_where_all_voices_are_similar() -> None:
    telephone = embeddings([0, 1, 2], alike=0.6, spread=0.2)
    stranger = embeddings([3], alike=0.6, spread=0.2, seed=5)[0]
    assert match_known(telephone, [KnownSpeaker("Ann", stranger)]) == (None, None, None)


def test_nobody_known_or_nobody_there() -> None:
    assert match_known(embeddings([0, 1]), []) == (None, None)
    assert match_known(embeddings([0])[:0], [KnownSpeaker("Ann", embeddings([0])[0])]) == ()


def test_a_reference_is_one_voice_of_enough_speech() -> None:
    voice = reference_voice(windows_of([0] * 4))
    assert np.linalg.norm(voice) == pytest.approx(1)
    with pytest.raises(InvalidRequest, match="speech") as short:
        reference_voice(no_windows(DIMENSIONS))
    assert short.value.error_code == "reference_too_short"
    with pytest.raises(InvalidRequest, match="several") as mixed:
        reference_voice(windows_of([0, 0, 1, 1]))
    assert mixed.value.error_code == "reference_ambiguous"
