"""A text in pieces: what is handed on, and when."""

import pytest

from speechd.tts.sentence_stream import SentenceBuffer
from speechd.tts.sentences import TEXT_BLOCK


def handed_on(pieces: list[str]) -> list[str]:
    buffer = SentenceBuffer()
    found = [buffer.append(piece) for piece in pieces]
    return [text for text in (*found, buffer.flush()) if text]


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        (["Hello. Wor", "ld"], ["Hello.", " World"]),
        (["Hello", ".", " World."], ["Hello.", " World."]),
        (["One. Two! Three? Four"], ["One. Two! Three?", " Four"]),
        (["It costs 3", ".", "5 euros. ", "Yes"], ["It costs 3.5 euros.", " Yes"]),
        (["Dr. Smith met J. R. Tolkien. ", "Well"], ["Dr. Smith met J. R. Tolkien.", " Well"]),
        (["1. First item. ", "2. Second"], ["1. First item.", " 2. Second"]),
        (["Well... that is so. ", "Yes"], ["Well... that is so.", " Yes"]),
        (['He said "stop." Then'], ['He said "stop."', " Then"]),
        (["A line\nand another"], ["A line\n", "and another"]),
        (["你好。再见"], ["你好。", "再见"]),
        (["", " ", "\n"], []),
    ],
)
def test_a_sentence_is_handed_on_when_it_is_complete(pieces: list[str], expected: list[str]) -> None:
    assert handed_on(pieces) == expected


@pytest.mark.parametrize("step", [1, 3, 7])
def test_nothing_is_lost_however_the_text_is_cut(step: int) -> None:
    text = "Mr. Fox ran. Did he? Yes! He ran 3.5 km, i.e. far... And then\nhe slept. The end"
    assert "".join(handed_on([text[at : at + step] for at in range(0, len(text), step)])) == text


def test_a_text_that_never_ends_a_sentence_is_cut_at_a_blank() -> None:
    text = "word " * 1000
    parts = handed_on([text[at : at + 10] for at in range(0, len(text), 10)])
    assert max(map(len, parts)) <= TEXT_BLOCK + 10
    assert all(part.endswith(" ") for part in parts)
    assert len("".join(parts)) == len(text)
