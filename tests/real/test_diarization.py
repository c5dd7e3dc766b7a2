"""Who speaks when, with CAM++ on conversations of people that nothing was tuned on."""

import asyncio

import pytest

from speechd.asr.diarization.campplus import CampplusEngine
from speechd.asr.diarization.diarizer import Diarizer
from tests.bench.diarization import NOTHING, measure
from tests.real.conversations import conversations
from tests.real.weights import speakers_folder

pytestmark = pytest.mark.real

CHOSEN = (0, 2, 4, 9, 10)
"""One person, two, two women, three with overlaps on a telephone line, four."""


def test_speakers_are_told_apart() -> None:
    diarizer = Diarizer(CampplusEngine(speakers_folder()))
    held_out = conversations("held out")
    total = sum((measure(held_out[number], diarizer, None) for number in CHOSEN), NOTHING)
    asyncio.run(diarizer.close())
    assert total.collar.rate <= 0.08
    assert total.right_counts >= len(CHOSEN) - 1
    assert total.given.confused / total.given.total <= 0.03
