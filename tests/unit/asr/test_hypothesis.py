"""When a decoded window is believed, tried again, or taken for silence."""

from dataclasses import replace

import pytest

from speechd.asr.hypothesis import Hypothesis, best, doubt, repeats_prompt, repetitive, without_loop

BEGIN = 1000
MENU = (
    "Нажмите один, чтобы записать имя. Нажмите два, чтобы записать приветствие. Нажмите три, чтобы записать пароль. "
    "Нажмите четыре, чтобы записать сообщение. Нажмите пять, чтобы записать номер. Нажмите шесть, чтобы записать дату."
)
"""Compresses by 2.8 in UTF-8, and by 2.3 with a byte a character."""

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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (MENU, False),
        ("Спасибо за просмотр! " * 8, True),
        ("Thank you for watching! " * 8, True),
        ("谢谢观看！" * 12, True),
    ],
)
def test_two_bytes_a_character_are_no_repetition(text: str, expected: bool) -> None:
    assert repetitive(text) == expected


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


def test_what_is_said_more_than_eight_times_is_cut_there() -> None:
    loop = [7, *[1, 2, 3] * 20]
    assert without_loop(loop, BEGIN) == (7, *[1, 2, 3] * 8)
    timed = [BEGIN, 7, *[token for n in range(20) for token in (BEGIN + n, BEGIN + n, 1, 2)]]
    assert without_loop(timed, BEGIN)[-3:] == (1, 2, BEGIN + 8)
    assert sum(token == 1 for token in without_loop(timed, BEGIN)) == 8


@pytest.mark.parametrize("tokens", [[], [1], [1] * 8, [1, 2, 3] * 8, list(range(200)), [*range(9), *range(9)]])
def test_what_is_no_loop_stays(tokens: list[int]) -> None:
    assert without_loop(tokens, BEGIN) == tuple(tokens)


@pytest.mark.parametrize(
    ("text", "prompt", "echoes"),
    [
        ("The garden is green and wide", "Hello. The garden is green and wide today.", True),
        ("The garden is green", "The garden is green", False),
        ("The garden is red and very wide", "Hello. The garden is green and wide today.", False),
        ("", "The garden", False),
    ],
)
def test_a_long_text_that_stands_in_the_prompt_may_come_from_there(text: str, prompt: str, echoes: bool) -> None:
    assert repeats_prompt(text, prompt) is echoes


@pytest.mark.parametrize(
    ("found", "begins", "spoken", "sign"),
    [
        (GOOD, 0.0, 2.0, ""),
        (GOOD, 2.9, 2.0, ""),
        (replace(GOOD, avg_logprob=-0.7), 0.0, 2.0, "improbable"),
        (LOOP, 0.0, 3.0, "repetitive"),
        (replace(GOOD, loops=True), 0.0, 2.0, "repetitive"),
        (replace(GOOD, text="Please wait. Please wait. We will be with you."), 0.0, 2.5, "repetitive"),
        (replace(GOOD, text="Please wait. We will be with you. We will be with you."), 0.0, 2.5, "repetitive"),
        (replace(GOOD, complete=False), 0.0, 2.0, "endless"),
        (GOOD, 3.1, 2.0, "late"),
        (GOOD, 0.0, 0.3, "long"),
        (replace(GOOD, text="Yes."), 0.0, 2.9, "short"),
        (replace(GOOD, text=""), 0.0, 0.5, ""),
    ],
)
def test_what_looks_wrong_on_a_short_context_is_named(
    found: Hypothesis, begins: float, spoken: float, sign: str
) -> None:
    assert doubt(found, begins, duration=3.0, spoken=spoken) == sign
