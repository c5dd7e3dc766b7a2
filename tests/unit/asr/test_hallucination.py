"""What counts as evidence that nobody said it, and what each policy does about it."""

import pytest

from speechd.asr.hallucination import apply_policy, doubted, evidence, loops, mean_logprob
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


def test_a_model_doubts_what_it_gave_little_probability_and_what_carries_evidence() -> None:
    sure, unsure = segment(start=0.0, end=9.0, avg_logprob=-0.1), segment(start=9.0, end=10.0, avg_logprob=-0.9)
    assert mean_logprob([sure, unsure]) == pytest.approx(-0.18)
    assert not doubted([sure, unsure], min_logprob=-0.4)
    assert doubted([unsure], min_logprob=-0.4)
    assert doubted([sure, segment(avg_logprob=-0.1, evidence=("repetition",))], min_logprob=-0.4)
    assert not doubted([], min_logprob=-0.4)


@pytest.mark.parametrize("text", ["no, no, no!", "the number is 4 4 4 4 4", "Far, far away", "bye bye bye"])
def test_people_do_repeat_themselves(text: str) -> None:
    assert not loops(text)


def test_the_policies() -> None:
    doubtful = segment(avg_logprob=-1.3)
    assert apply_policy([PLAIN, doubtful], SPEECH, "keep") == (PLAIN, doubtful)
    assert [s.evidence for s in apply_policy([PLAIN, doubtful], SPEECH, "mark")] == [(), ("low_logprob",)]
    assert [s.text for s in apply_policy([PLAIN, doubtful], SPEECH, "mark")] == [PLAIN.text, doubtful.text]
    assert apply_policy([PLAIN, doubtful], SPEECH, "drop") == (PLAIN,)
