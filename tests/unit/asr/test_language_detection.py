"""Which language each window is decoded in, from probabilities that a script gives."""

import asyncio
from collections.abc import Sequence

import numpy as np
import pytest

from speechd.asr.engine import Decoded, Job
from speechd.asr.language_detection import LanguageDetector, main_language
from speechd.errors import EngineFailure
from speechd.types import SAMPLE_RATE, Segment, TranscribeOptions, Window

Chances = dict[str, float]
MULTI = TranscribeOptions(multilingual=True, language_floor=0.6)


class Script:
    """Decodes window n with the probabilities of line n, later ones first if it is told so."""

    def __init__(self, lines: Sequence[Chances], backwards: bool = False) -> None:
        self.lines = lines
        self.backwards = backwards
        self.asked: list[tuple[int, str | None, bool]] = []
        """Window, language asked for, and whether it came encoded."""

    async def __call__(self, job: Job) -> Decoded:
        number = int(job.window.start)
        self.asked.append((number, job.options.language, job.encoded is not None))
        for _ in range(len(self.lines) - number if self.backwards else 0):
            await asyncio.sleep(0)
        chances = {job.options.language: 1.0} if job.options.language else self.lines[number]
        language = max(chances, key=lambda code: chances[code])
        unsure = job.options.multilingual and max(chances.values()) < job.options.language_floor
        return Decoded((Segment(0, 1, f" {language}"),), language, chances, uncertain=unsure, encoded="encoded")


def window(number: int, seconds: float = 1.0) -> Window:
    return Window(float(number), np.zeros(round(seconds * SAMPLE_RATE), np.float32))


def started(listener: LanguageDetector, one: Window) -> "asyncio.Task[Decoded]":
    listener.announce()
    return asyncio.create_task(listener.decode(one))


async def heard(listener: LanguageDetector, windows: Sequence[Window]) -> list[str]:
    """The languages of the windows, decoded side by side and taken in order."""
    tasks = [started(listener, one) for one in windows]
    listener.settle_now()
    return [(await listener.finalize(one, await task)).language for one, task in zip(windows, tasks, strict=True)]


async def run(script: Script, options: TranscribeOptions) -> tuple[list[str], LanguageDetector]:
    listener = LanguageDetector(script, options)
    async with asyncio.timeout(5):
        return await heard(listener, [window(number) for number in range(len(script.lines))]), listener


SURE_EN, SURE_ES, SURE_DE = {"en": 0.9, "es": 0.1}, {"es": 0.8, "en": 0.2}, {"de": 0.7, "en": 0.3}
UNSURE = {"de": 0.45, "en": 0.4, "es": 0.15}


@pytest.mark.parametrize("backwards", [False, True])
async def test_where_languages_mix_each_window_has_its_own(backwards: bool) -> None:
    script = Script([SURE_EN, SURE_ES, SURE_DE, SURE_EN], backwards)
    languages, listener = await run(script, MULTI)
    assert languages == ["en", "es", "de", "en"]
    assert main_language([listener])[0] == "en"
    assert all(language is None for _, language, _ in script.asked)


@pytest.mark.parametrize("backwards", [False, True])
async def test_below_the_floor_a_window_takes_the_main_language_and_is_not_encoded_again(backwards: bool) -> None:
    script = Script([SURE_ES, SURE_ES, SURE_EN, UNSURE, SURE_EN], backwards)
    languages, _ = await run(script, MULTI)
    assert languages == ["es", "es", "en", "es", "en"]
    assert [ask for ask in script.asked if ask[1]] == [(3, "es", True)]


async def test_an_unsure_beginning_is_settled_by_what_follows() -> None:
    languages, _ = await run(Script([UNSURE, SURE_ES, SURE_ES]), MULTI)
    assert languages == ["es", "es", "es"]


async def test_only_unsure_windows_are_in_the_language_that_adds_up() -> None:
    languages, listener = await run(Script([UNSURE, {"en": 0.5, "de": 0.3, "es": 0.2}, UNSURE]), MULTI)
    assert languages == ["en", "en", "en"]
    assert main_language([listener]) == ("en", pytest.approx(1.3 / 3))


async def test_one_language_is_settled_by_the_first_plain_window() -> None:
    script = Script([UNSURE, SURE_ES, SURE_EN, SURE_EN])
    languages, _ = await run(script, TranscribeOptions())
    assert languages == ["es"] * 4
    assert script.asked[:2] == [(0, None, False), (1, None, False)]
    assert sorted(script.asked[2:]) == [(0, "es", True), (2, "es", False), (3, "es", False)]


async def test_the_last_window_settles_it_when_nothing_else_comes() -> None:
    assert (await run(Script([UNSURE]), TranscribeOptions()))[0] == ["de"]
    assert (await run(Script([UNSURE]), MULTI))[0] == ["de"]


async def test_windows_that_come_after_a_pause_are_heard_as_well() -> None:
    """A full pipeline settles by what it has; what comes later obeys."""
    listener = LanguageDetector(Script([UNSURE, SURE_ES]), TranscribeOptions())
    async with asyncio.timeout(5):
        assert await heard(listener, [window(0)]) == ["de"]
        assert await heard(listener, [window(1)]) == ["de"]


async def test_a_language_given_is_not_questioned() -> None:
    script = Script([SURE_EN, SURE_ES])
    languages, _ = await run(script, TranscribeOptions(language="de"))
    assert languages == ["de", "de"]
    assert len(script.asked) == 2


class Fails(Script):
    async def __call__(self, job: Job) -> Decoded:
        if job.window.start == 1:
            raise EngineFailure
        return await super().__call__(job)


@pytest.mark.parametrize("options", [TranscribeOptions(), MULTI])
async def test_a_window_that_fails_leaves_no_other_waiting(options: TranscribeOptions) -> None:
    listener = LanguageDetector(Fails([UNSURE, SURE_ES]), options)
    tasks = [started(listener, window(number)) for number in range(2)]
    listener.settle_now()
    async with asyncio.timeout(5):
        first, second = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(first, Decoded)
    assert isinstance(second, EngineFailure)


def test_silence_has_no_language() -> None:
    async def nobody(job: Job) -> Decoded:
        raise AssertionError

    async def ask() -> tuple[str, float]:
        return main_language([LanguageDetector(nobody, TranscribeOptions())])

    assert asyncio.run(ask()) == ("", 0.0)
