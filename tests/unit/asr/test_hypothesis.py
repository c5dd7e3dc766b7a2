"""When a decoded window is believed, tried again, or taken for silence."""

from dataclasses import replace

from speechd.asr.hypothesis import Hypothesis, best

GOOD = Hypothesis((1, 2), "Good morning, how are you today?", 0.0, -0.3, 0.01)
LOOP = replace(GOOD, text="and so and so and so and so and so and so and so and so and so and so ")
DOUBTFUL = replace(GOOD, avg_logprob=-1.4)


def test_probable_text_is_believed() -> None:
    assert GOOD.acceptable
    assert not GOOD.silent


def test_a_loop_and_improbable_text_are_tried_again() -> None:
    assert LOOP.compression_ratio > 2.4
    assert not LOOP.acceptable
    assert not DOUBTFUL.acceptable


def test_improbable_text_without_speech_is_silence_and_not_tried_again() -> None:
    silence = replace(DOUBTFUL, no_speech_prob=0.9)
    assert silence.silent
    assert silence.acceptable


def test_probable_text_stays_whatever_the_model_thinks_of_speech() -> None:
    assert not replace(GOOD, no_speech_prob=0.99).silent


def test_the_first_believable_attempt_wins_and_else_the_most_probable() -> None:
    warm = replace(GOOD, temperature=0.4)
    assert best([DOUBTFUL, warm]) == warm
    worse = replace(DOUBTFUL, avg_logprob=-2.0, temperature=0.2)
    assert best([DOUBTFUL, worse, replace(LOOP, avg_logprob=-0.1)]) == DOUBTFUL
