"""What counts as evidence that nobody said it, and what each policy does about it."""

import pytest

from speechd.asr.guard import evidence, judged, loops
from speechd.types import Segment

SPEECH = [(0.0, 10.0)]
PLAIN = Segment(0.0, 2.0, " Good morning, how are you?", avg_logprob=-0.3, compression_ratio=1.0, no_speech_prob=0.01)


def segment(**changes: object) -> Segment:
    from dataclasses import replace

    return replace(PLAIN, **changes)  # type: ignore[arg-type]


def test_nothing_speaks_against_plain_speech() -> None:
    assert evidence(PLAIN, SPEECH) == ()
    assert evidence(PLAIN, ()) == ()


@pytest.mark.parametrize(
    ("doubtful", "name"),
    [
        (segment(text=" you know you know you know you know"), "repetition"),
        (segment(compression_ratio=3.0), "repetition"),
        (segment(avg_logprob=-1.3), "low_logprob"),
        (segment(no_speech_prob=0.8), "no_speech"),
        (segment(start=20.0, end=22.0), "no_speech"),
        (segment(text=" a long sentence" * 8), "too_fast"),
    ],
)
def test_each_kind_of_evidence(doubtful: Segment, name: str) -> None:
    assert name in evidence(doubtful, SPEECH)


@pytest.mark.parametrize("text", ["no, no, no!", "the number is 4 4 4 4 4", "Far, far away", "bye bye bye"])
def test_people_do_repeat_themselves(text: str) -> None:
    assert not loops(text)


def test_the_policies() -> None:
    doubtful = segment(avg_logprob=-1.3)
    assert judged([PLAIN, doubtful], SPEECH, "keep") == (PLAIN, doubtful)
    assert [s.evidence for s in judged([PLAIN, doubtful], SPEECH, "mark")] == [(), ("low_logprob",)]
    assert [s.text for s in judged([PLAIN, doubtful], SPEECH, "mark")] == [PLAIN.text, doubtful.text]
    assert judged([PLAIN, doubtful], SPEECH, "drop") == (PLAIN,)
