"""Who speaks when, with CAM++ on conversations of people that nothing was tuned on."""

import asyncio

import pytest

from speechd.asr.diarization.campplus import CampplusEngine
from speechd.asr.diarization.diarizer import Diarizer
from tests.bench.diarization import COLLAR, NOTHING, measure
from tests.bench.live_speakers import live_speakings
from tests.real.conversations import conversations
from tests.real.weights import speakers_folder
from tests.support.diarization_error import DiarizationError, diarization_error

pytestmark = pytest.mark.real

CHOSEN = (0, 2, 4, 9, 10)
"""One person, two, two women, three with overlaps on a telephone line, four."""
LIVE = (2, 8)
"""Two people, and three with noise."""


def test_speakers_are_told_apart() -> None:
    diarizer = Diarizer(CampplusEngine(speakers_folder()))
    held_out = conversations("held out")
    total = sum((measure(held_out[number], diarizer, None) for number in CHOSEN), NOTHING)
    asyncio.run(diarizer.close())
    assert total.collar.rate <= 0.08
    assert total.right_counts >= len(CHOSEN) - 1
    assert total.given.confused / total.given.total <= 0.03


def test_a_live_session_tells_them_apart() -> None:
    """Turn by turn, with what was heard before alone."""
    diarizer, held_out, total = (
        Diarizer(CampplusEngine(speakers_folder())),
        conversations("held out"),
        DiarizationError(),
    )
    for number in LIVE:
        told, truth = live_speakings(held_out[number].samples, diarizer), held_out[number].truth
        assert len({turn.speaker for turn in told}) == len({turn.speaker for turn in truth})
        total += diarization_error(truth, told, COLLAR)
    asyncio.run(diarizer.close())
    assert total.confused / total.total <= 0.04
