"""Texts of every kind are read as people read them, and no text is read for ever."""

import pytest

from speechd.tts.engine import VoiceInfo
from speechd.tts.sentences import MAX_PIECE
from speechd.tts.text import Reader, ReadingOptions
from tests.support.reading import corpus, languages, misses, said

GOOD = 0.98
"""Share of a corpus that is read exactly so."""
MAX_GROWTH = 30
"""Spoken characters for each written one: `½` is the worst."""
HOSTILE = (
    *("1", "1/", "$", "a.", "1-", "x@", "1,", "1:", "+1 ", "(1) ", "0 1 ", "I", "X I ", "1.1.", "$1-", "1'", '1"', "^"),
    *("x^2", "²", "½", "1½", "👍", "e\u0301", "-1", "1x", "1920x", "'s", "80s ", "12:34-", "2026-11-", "11/20/", "aa "),
    *("1 000 ", "€1,5 ", "1.000,", "Dr. ", "a/", "\n", "|-", "<!--", "<script>", "<b", "```\n", "[a](", "&amp;", "5-"),
    *("a-1", "IV-", "World War ", "May 5-", "5 am-", "http://", "1h", "+1-", "@1.", "#", "?", "(", "Henry I"),
)
"""What is repeated to make a text on which careless patterns take minutes."""


@pytest.mark.parametrize("language", languages())
def test_a_corpus_is_read_as_people_read_it(language: str) -> None:
    pairs, wrong = corpus(language), list(misses(language))
    assert len(pairs) >= (400 if language == "en" else 60)
    assert len(wrong) <= (1 - GOOD) * len(pairs), "\n".join(map(str, wrong))


def test_all_languages_with_rules_for_every_category_have_a_corpus() -> None:
    assert languages() == ["de", "en", "es", "fr", "it", "pt"]


def spoken_length(text: str, language: str) -> int:
    length = 0
    for piece in Reader(VoiceInfo(sample_rate=22_050, language=language), {}).pieces(text):
        assert len(piece.text) <= MAX_PIECE
        length += len(piece.text)
    return length


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("part", HOSTILE)
def test_a_hostile_text_ends(part: str, language: str) -> None:
    assert spoken_length(part * (2000 // len(part)), language) <= MAX_GROWTH * 2000


@pytest.mark.extra
@pytest.mark.parametrize("part", HOSTILE)
def test_a_long_hostile_text_ends(part: str) -> None:
    assert spoken_length(part * (100_000 // len(part)), "en") <= MAX_GROWTH * 100_000


@pytest.mark.parametrize(
    ("language", "text", "spoken"),
    [
        ("en", "It is 5 €. Er sagte: das kostet mit dem Zug nur 5 €.", "It is five euros. Er sagte: das kostet mit dem Zug nur fünf Euro."),  # noqa: E501
        ("de", "Das sind 2 km. It is 2 km from the house to the sea.", "Das sind zwei Kilometer. It is two kilometers from the house to the sea."),  # noqa: E501
        ("es", "Son las 9:05 y hace sol. 3 km", "Son las nueve y cinco y hace sol. tres kilómetros"),
    ],
)  # fmt: skip
def test_each_sentence_is_read_in_its_language(language: str, text: str, spoken: str) -> None:
    assert said(text, language) == spoken


def test_the_language_asked_for_is_not_guessed_at() -> None:
    reader = Reader(VoiceInfo(sample_rate=22_050, language="en"), {}, ReadingOptions(language="de"))
    assert [piece.text for piece in reader.pieces("It is the 5 km of the way.")] == [
        "It is the fünf Kilometer of the way."
    ]


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("Well done 👍🏽!", "Well done thumbs up!"),
        ("I ❤️ it", "I red heart it"),
        ("🇫🇷 wins", "France wins"),
        ("👩🏾‍🚀 💯", "woman astronaut hundred points"),
        ("😂😂", "face with tears of joy face with tears of joy"),
    ],
)
def test_emoji_are_named_where_that_is_asked_for(text: str, spoken: str) -> None:
    reader = Reader(VoiceInfo(sample_rate=22_050, language="en"), {}, ReadingOptions(emoji_names=True))
    assert " ".join(piece.text for piece in reader.pieces(text)) == spoken


@pytest.mark.parametrize(
    ("language", "spoken"),
    [
        ("es", "pulgar hacia arriba cuesta cinco euros cien puntos"),
        ("de", "daumen hoch kostet fünf Euro einhundert punkte"),
        ("fr", "pouce vers le haut coûte cinq euros cent points"),
        ("it", "pollice in su costa cinque euro cento punti"),
        ("pt", "polegar para cima custa cinco euros cem pontos"),
        ("nl", "kost vijf euro"),
    ],
)
def test_emoji_have_the_names_of_the_language(language: str, spoken: str) -> None:
    costs = {"es": "cuesta", "de": "kostet", "fr": "coûte", "it": "costa", "pt": "custa", "nl": "kost"}
    reader = Reader(VoiceInfo(sample_rate=22_050, language=language), {}, ReadingOptions(emoji_names=True))
    assert " ".join(piece.text for piece in reader.pieces(f"👍🏽 {costs[language]} 5 € 💯")) == spoken
