"""Stretches of speech are asked for their language; neighbours of one language are decoded together."""

import asyncio

import numpy as np
import pytest

from speechd.asr.engine import Decoded, Job
from speechd.asr.mixed_languages import decode_mixed
from speechd.errors import EngineFailure
from speechd.types import SAMPLE_RATE, Segment, TranscribeOptions, Window

OPTIONS = TranscribeOptions(multilingual=True, language_floor=0.5)
SURE, UNSURE = 0.9, 0.4


class Speaks:
    """Each stretch is in the language of a script, with its certainty."""

    def __init__(self, *script: tuple[str, float]) -> None:
        self.script = script
        self.decoded: list[tuple[str | None, float, float]] = []
        """Language asked for, start and end of each window that was decoded."""

    async def __call__(self, job: Job) -> Decoded:
        await asyncio.sleep(0)
        if job.detect or job.options.language is None:
            language, chance = self.script[int(job.window.start - 100 + 0.5) // 5]
        else:
            language, chance = job.options.language, 1.0
        chances = {language: chance, **dict.fromkeys("abcdef", (1 - chance) / 6)}
        if job.detect:
            return Decoded((), language, chances, heard=0.0)
        start = job.window.start - 100
        self.decoded.append((job.options.language, round(start, 2), round(start + job.window.duration, 2)))
        segments = tuple(Segment(begin, end, f" {language}") for begin, end in job.window.speech)
        return Decoded(segments, language, chances)


def window(stretches: int) -> Window:
    """Stretches of 4 s every 5 s from 0.5 s on."""
    speech = tuple((5.0 * n + 0.5, 5.0 * n + 4.5) for n in range(stretches))
    return Window(100.0, np.zeros(5 * stretches * SAMPLE_RATE, np.float32), speech)


async def test_neighbours_of_one_language_share_a_window_that_ends_amid_the_pause() -> None:
    engine = Speaks(("en", SURE), ("en", SURE), ("es", SURE), ("en", SURE))
    found = await decode_mixed(engine, Job(window(4), OPTIONS))
    assert sorted(engine.decoded, key=lambda one: one[1]) == [("en", 0, 10), ("es", 10, 15), ("en", 15, 20)]
    assert [(s.language, round(s.start, 2)) for s in found.segments] == [
        ("en", 0.5),
        ("en", 5.5),
        ("es", 10.5),
        ("en", 15.5),
    ]
    assert found.language == "en"
    assert found.language_probabilities["es"] == pytest.approx(SURE / 4)
    assert not found.uncertain


async def test_one_language_is_one_window() -> None:
    engine = Speaks(*[("de", SURE)] * 4)
    await decode_mixed(engine, Job(window(4), OPTIONS))
    assert engine.decoded == [("de", 0, 20)]


async def test_an_unsure_stretch_goes_with_its_neighbour() -> None:
    engine = Speaks(("pl", UNSURE), ("es", SURE), ("fr", UNSURE), ("en", SURE))
    found = await decode_mixed(engine, Job(window(4), OPTIONS))
    assert [segment.language for segment in found.segments] == ["es", "es", "es", "en"]
    assert not found.uncertain


async def test_where_no_stretch_is_sure_the_window_says_so() -> None:
    found = await decode_mixed(Speaks(("pl", UNSURE), ("es", UNSURE), ("pl", UNSURE)), Job(window(3), OPTIONS))
    assert found.uncertain
    assert {segment.language for segment in found.segments} == {found.language} == {"pl"}


@pytest.mark.parametrize(("chance", "uncertain"), [(SURE, False), (0.45, True)])
async def test_a_single_stretch_is_heard_once(chance: float, uncertain: bool) -> None:
    class Once(Speaks):
        async def __call__(self, job: Job) -> Decoded:
            assert not job.detect
            return await super().__call__(job)

    engine = Once(("es", chance))
    found = await decode_mixed(engine, Job(window(1), OPTIONS))
    assert len(engine.decoded) == 1
    assert found.uncertain is uncertain


async def test_where_one_stretch_fails_no_other_goes_on() -> None:
    ended: list[str] = []

    async def decode(job: Job) -> Decoded:
        if job.window.start < 101:
            raise EngineFailure("broken")
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("cancelled")
        raise AssertionError

    with pytest.raises(EngineFailure):
        await decode_mixed(decode, Job(window(3), OPTIONS))
    assert ended == ["cancelled"] * 2
    assert len(asyncio.all_tasks()) == 1
