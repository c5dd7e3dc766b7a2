"""Stable text is only appended to, and what two hypotheses agree on is stable."""

import pytest

from speechd.asr.streaming.agreement import LocalAgreement, units


def pushed(*hypotheses: str) -> tuple[list[str], LocalAgreement]:
    agreement = LocalAgreement()
    return [agreement.push(hypothesis) for hypothesis in hypotheses], agreement


def test_what_one_hypothesis_says_is_not_stable() -> None:
    assert pushed(" The cat")[0] == [""]


def test_what_two_agree_on_is_told_once() -> None:
    deltas, agreement = pushed(" The cat", " The cat sat", " The cat sat on", " The cat sat on the")
    assert deltas == ["", "The cat", " sat", " on"]
    assert agreement.text == "The cat sat on"


def test_case_and_punctuation_do_not_matter_and_come_late() -> None:
    deltas, _ = pushed(" Hello.", " hello, there.", " Hello, there, you.", " Hello, there, you all.")
    assert deltas == ["", "hello", ", there", ", you"]


def test_a_rewritten_word_is_not_taken_back() -> None:
    deltas, agreement = pushed(" I can", " I can see", " I can sea shells", " I can sea shells by")
    assert deltas == ["", "I can", "", " sea shells"]
    assert agreement.finish("I can see shells by the shore.") == " by the shore."


def test_a_text_that_begins_differently_is_aligned() -> None:
    agreement = LocalAgreement()
    for hypothesis in (" one two three", " one two three"):
        agreement.push(hypothesis)
    agreement.push(" won to two three four")
    assert agreement.push(" won to two three four five") == " four"


def test_dropped_audio_is_not_expected_again() -> None:
    agreement = LocalAgreement()
    for hypothesis in (" One. Two.", " One. Two. Three"):
        agreement.push(hypothesis)
    assert agreement.stable_texts([" One.", " Two.", " Three"]) == 2
    agreement.drop(" One.")
    assert agreement.push(" Two. Three four") == ". Three"
    assert agreement.text == "One. Two. Three"


def test_the_end_completes_the_text() -> None:
    _, agreement = pushed(" The cat sat", " The cat sat.")
    assert agreement.finish("The cat sat.") == "."
    assert agreement.text == "The cat sat."


@pytest.mark.parametrize("text", ["这是一个测试", "これはテスト", "นี่คือ"])
def test_scripts_without_spaces_grow_by_characters(text: str) -> None:
    assert len(units(text)) == len(text)
    deltas, _ = pushed(text[:2], text)
    assert deltas == ["", text[:2]]


@pytest.mark.parametrize("final", ["", "Something else."])
def test_a_final_text_may_be_another(final: str) -> None:
    _, agreement = pushed(" The cat", " The cat")
    rest = agreement.finish(final)
    assert agreement.text == "The cat" + rest
