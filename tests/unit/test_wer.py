"""How texts are counted against what was said."""

import pytest

from tests.support.wer import matches, score, spoken_words


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("Press one, or 2.", "press 1 or two"),
        ("dial 500", "dial five hundred"),
        ("a 28.8 kilobit modem", "a twenty-eight point eight kilobit modem"),
        ("extension 1234", "extension one two three four"),
        ("one hundred five, zero, ten", "105 0 10"),
        ("I'm sorry, that's what you can't do", "I am sorry that is what you cannot do"),
        ("Re-record, then log in", "rerecord then login"),
        ("press # or *", "press pound or star"),
    ],
)
def test_what_sounds_alike_is_no_error(text: str, other: str) -> None:
    assert spoken_words(text) == spoken_words(other)


def test_other_numbers_are_errors() -> None:
    assert score("press one or two", "press 1 or 3").errors == 1
    assert spoken_words("one hundred and five") != spoken_words("one and five")


def test_a_phrase_that_is_missing_is_a_lost_run() -> None:
    said = "press one to record, press two to listen, press three to go back"
    counted = score(said, "Press 1 to record, press 3 to go back.")
    assert (counted.errors, counted.words, counted.invented) == (4, 13, ())
    assert [len(run.split()) for run in counted.lost] == [4]
    assert score(said, f"{said} and thank you for calling").invented == ("and thank you for calling",)


def test_single_words_are_no_runs() -> None:
    counted = score("a b c d e f g h", "a c e g")
    assert (counted.errors, counted.lost) == (4, ())


def test_empty_texts() -> None:
    assert score("", "").rate == 0
    assert score("", "all of this is invented").invented == ("all of this is invented",)
    assert score("all of this is lost", "").lost == ("all of this is lost",)


def test_scores_add_up() -> None:
    both = score("a b c d", "") + score("e f", "e g")
    assert (both.errors, both.words, both.rate, both.lost) == (5, 6, 5 / 6, ("a b c d",))


def test_words_in_both_texts_are_paired_in_order() -> None:
    assert matches(["a", "b", "c", "a"], ["a", "x", "c", "d", "a"]) == [(0, 0), (2, 2), (3, 4)]
