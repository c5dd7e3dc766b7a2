"""A window is decoded in rounds until its speech is covered, and comes to an end whatever the model writes."""

from dataclasses import replace

import numpy as np
import pytest

from speechd.asr.engine import Decoded, Job
from speechd.asr.seeking import MAX_ROUNDS, context_segments, decode_window
from speechd.types import SAMPLE_RATE, Segment, Timings, TranscribeOptions, Window

SPEECH = ((1.0, 4.0), (5.0, 9.0), (20.0, 28.0))


def window(start: float = 100.0, seconds: float = 30.0, speech: tuple[tuple[float, float], ...] = SPEECH) -> Window:
    return Window(start, np.zeros(round(seconds * SAMPLE_RATE), np.float32), speech)


class Script:
    """Answers round by round what it was told, then with the whole rest."""

    def __init__(self, *answers: Decoded) -> None:
        self.answers = list(answers)
        self.asked: list[Job] = []

    async def __call__(self, job: Job) -> Decoded:
        self.asked.append(job)
        return self.answers.pop(0) if self.answers else heard(("rest", 0, job.window.duration))

    @property
    def starts(self) -> list[float]:
        return [round(job.window.start, 2) for job in self.asked]


def heard(*texts: tuple[str, float, float], until: float = 30.0, tail: str = "", language: str = "en") -> Decoded:
    segments = tuple(Segment(start, end, f" {text}") for text, start, end in texts)
    rest = (Segment(until, until + 1, f" {tail}"),) if tail else ()
    return Decoded(segments, language, {language: 1.0}, Timings(generate=1), heard=until, tail=rest)


def times(decoded: Decoded) -> list[tuple[str, float, float]]:
    return [(s.text.strip(), round(s.start, 2), round(s.end, 2)) for s in decoded.segments]


async def test_a_window_that_is_heard_to_its_end_is_decoded_once() -> None:
    script = Script(heard(("all", 1, 28)))
    decoded = await decode_window(script, Job(window(), TranscribeOptions()))
    assert times(decoded) == [("all", 1, 28)]
    assert script.starts == [100]
    assert decoded.uncovered == ()


async def test_what_a_round_leaves_is_decoded_from_there_on_one_clock() -> None:
    script = Script(heard(("one", 1, 4), until=4.2), heard(("two", 0.4, 4.4), until=4.6), heard(("three", 0.4, 8.4)))
    decoded = await decode_window(script, Job(window(), TranscribeOptions()))
    assert script.starts == [100, 104.6, 119.6], "silence between the rounds is not decoded"
    assert times(decoded) == [("one", 1, 4), ("two", 5, 9), ("three", 20, 28)]
    assert [round(time, 2) for region in script.asked[1].window.speech for time in region] == [0.4, 4.4, 15.4, 23.4]
    assert decoded.timings.generate == 3
    assert {segment.seek for segment in decoded.segments} == {0}


async def test_text_after_the_last_pair_is_said_once() -> None:
    script = Script(heard(("one", 1, 9), until=9.0, tail="tw"), heard(("two", 11, 19)))
    decoded = await decode_window(script, Job(window(), TranscribeOptions()))
    assert script.starts == [100, 109]
    assert [text for text, _, _ in times(decoded)] == ["one", "two"]


async def test_text_after_the_last_pair_asks_for_a_round_where_the_detector_hears_nothing() -> None:
    script = Script(heard(("one", 1, 28), until=28.2, tail="tw"), heard(("two", 0, 1)))
    decoded = await decode_window(script, Job(window(), TranscribeOptions()))
    assert script.starts == [100, 128.2]
    assert [text for text, _, _ in times(decoded)] == ["one", "two"]


async def test_text_after_the_last_pair_is_kept_where_no_audio_is_left() -> None:
    script = Script(heard(("one", 1, 28), until=29.95, tail="end"))
    decoded = await decode_window(script, Job(window(), TranscribeOptions()))
    assert [text for text, _, _ in times(decoded)] == ["one", "end"]
    assert len(script.asked) == 1


@pytest.mark.parametrize("until", [0.0, 0.02, 1.0])
async def test_an_output_that_never_advances_comes_to_an_end(until: float) -> None:
    class Stuck(Script):
        async def __call__(self, job: Job) -> Decoded:
            self.asked.append(job)
            return heard(until=until)

    script = Stuck()
    decoded = await decode_window(script, Job(window(), TranscribeOptions()))
    assert len(script.asked) <= MAX_ROUNDS * (len(SPEECH) + 1)
    assert script.starts[:MAX_ROUNDS] == sorted(set(script.starts[:MAX_ROUNDS]))
    assert decoded.segments == ()
    assert decoded.uncovered == SPEECH


@pytest.mark.parametrize("seconds", [0.0, 0.02, 0.5])
async def test_next_to_nothing_is_one_round(seconds: float) -> None:
    script = Script(heard(until=0.0))
    await decode_window(script, Job(window(seconds=seconds, speech=((0, seconds),)), TranscribeOptions()))
    assert len(script.asked) == 1


@pytest.mark.parametrize(("logprob", "texts"), [(-0.8, ["one", "tail"]), (-0.2, ["one", "rest"])])
async def test_a_short_rest_is_believed_where_it_is_sure(logprob: float, texts: list[str]) -> None:
    """Else the text after the last pair stays: the end of a word makes a model repeat what it was told."""
    doubtful = replace(heard(), segments=(Segment(0, 0.5, " rest", avg_logprob=logprob),))
    script = Script(heard(("one", 1, 27), until=27.4, tail="tail"), doubtful)
    decoded = await decode_window(script, Job(window(), TranscribeOptions(language="en")))
    assert [text for text, _, _ in times(decoded)] == texts
    assert script.asked[1].before == ()


async def test_later_rounds_keep_the_language_and_the_prompt() -> None:
    options = TranscribeOptions(prompt="Names.", languages=("de", "fr"), word_timestamps=True)
    script = Script(heard(("eins", 1, 9), until=9.0, language="de"), heard(("zwei", 1, 9)))
    job = Job(window(), options, encoded="first")
    decoded = await decode_window(script, job)
    assert (script.asked[1].options, script.asked[1].encoded) == (replace(options, language="de"), None)
    assert decoded.language == "de"


async def test_later_rounds_are_told_the_text_before() -> None:
    earlier = Segment(0, 1, " earlier")
    script = Script(heard(("one", 1, 4), until=4.2), heard(("two", 1, 4), until=4.5), heard(("three", 1, 9)))
    await decode_window(script, Job(window(), TranscribeOptions(language="en", prompt="P."), before=(earlier,)))
    texts = [[segment.text.strip() for segment in job.before] for job in script.asked]
    assert texts == [["earlier"], ["earlier", "one"], ["earlier", "one", "two"]]
    assert {job.options.prompt for job in script.asked} == {"P."}


def test_a_guess_is_not_told() -> None:
    sure, guess = Segment(0, 1, " sure"), Segment(1, 2, " guess", temperature=0.8)
    assert context_segments([sure, guess]) == ()
    assert context_segments([sure, guess, sure]) == (sure,)
    assert len(context_segments([sure] * 1000)) < 100


async def test_speech_without_words_is_decoded_once_more_and_then_named() -> None:
    script = Script(heard(("one", 1, 9)), heard(("late", 0.4, 3.4), ("echo of one", 30, 31), until=9.0))
    decoded = await decode_window(script, Job(window(), TranscribeOptions()))
    assert script.starts == [100, 119.6]
    assert times(decoded) == [("one", 1, 9), ("late", 20, 23)]
    assert decoded.uncovered == (pytest.approx((23.0, 28.0)),)


async def test_a_window_of_nothing_but_unheard_speech_is_not_decoded_as_it_was_again() -> None:
    noise = window(seconds=5, speech=((0.2, 4.8),))
    script = Script(heard(until=5.0))
    decoded = await decode_window(script, Job(noise, TranscribeOptions()))
    assert len(script.asked) == 1
    assert decoded.uncovered == ((0.2, 4.8),)


async def test_words_do_not_decide_what_is_decoded_again() -> None:
    """Their times differ from those of segments: a request with words would get another text."""
    plain = (Segment(1, 9, " one"), Segment(20, 27.5, " two"))
    moved = (replace(plain[0], start=3, end=7, plain_times=(1, 9)), replace(plain[1], end=25, plain_times=(20, 27.5)))
    for segments in (plain, moved):
        script = Script(Decoded(segments, "en", {"en": 1.0}, heard=30.0))
        decoded = await decode_window(script, Job(window(), TranscribeOptions()))
        assert script.starts == [100]
        assert decoded.segments == segments
        assert decoded.uncovered == ()
