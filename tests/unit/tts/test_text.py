"""Any text comes out as clean pieces of a bearable length, or is refused with a reason."""

import pytest

from speechd.errors import InvalidRequest
from speechd.tts.engine import VoiceInfo
from speechd.tts.sentences import MAX_PIECE
from speechd.tts.text import SILENCE, Reader, TextPiece

ENGLISH = VoiceInfo(sample_rate=16_000, language="en")
RUSSIAN = VoiceInfo(sample_rate=22_050, language="ru", script="CYRILLIC")


def pieces(text: str, voice: VoiceInfo = ENGLISH, **lexicon: str) -> list[str]:
    reader = Reader(voice, lexicon)
    reader.check(text)
    return [piece.text for piece in reader.pieces(text)]


def test_sentences_part() -> None:
    assert pieces("One here. Two there! Is this three? Yes") == ["One here.", "Two there!", "Is this three?", "Yes"]


def test_abbreviations_and_ellipses_do_not_part() -> None:
    assert pieces("Dr. Smith said: wait... what?") == ["Doctor Smith said: wait, what?"]


@pytest.mark.parametrize(
    ("language", "region", "text", "said"),
    [
        ("de", "DE", "Am 3. März 1984 für 12,50 €. Ende.", "Am dritten März neunzehnhundertvierundachtzig für"),
        ("es", "ES", "El 3.º y la 21ª", "El tercero y la vigésima primera"),
        (
            "fr",
            "FR",
            "Il y a 12\u202f345 pas, le 2ᵉ jour",
            "Il y a douze mille trois cent quarante-cinq pas, le deuxième",
        ),
        ("pt", "BR", "Tenho 16", "Tenho dezesseis"),
        ("pt", "PT", "Tenho 16", "Tenho dezasseis"),
    ],
)
def test_other_voices_read_numbers_in_their_language(language: str, region: str, text: str, said: str) -> None:
    voice = VoiceInfo(sample_rate=22_050, language=language, region=region)
    assert pieces(text, voice)[0].startswith(said)


def test_lines_and_markup_of_chat_answers() -> None:
    text = "# Title\n\n- **one** thing\n- `two` things\n\nSee [the docs](https://x.y/z)."
    assert pieces(text) == ["Title", "one thing", "two things", "See the docs."]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a\x00b\x07 c", "a b c"),
        ("zero\u200bwidth \ufeffmarks", "zerowidth marks"),
        ("It’s “fine” — really", "It's fine, really"),
        ("hello 😀👍🏽 there", "hello there"),
        ("ｗｉｄｅ 𝓗𝓪𝓷𝓭", "wide Hand"),
        ("lone \ud800 surrogate", "lone surrogate"),
        ("line\r\nbreak", "line|break"),
        ("\ue000private\uf8ff use", "private use"),
    ],
)
def test_odd_characters(text: str, said: str) -> None:
    assert "|".join(pieces(text)) == said


@pytest.mark.parametrize("text", ["", "   ", "\n\t", "\x00\x01", "\u200b\ud800"])
def test_an_empty_text_is_said_so(text: str) -> None:
    with pytest.raises(InvalidRequest, match="nothing to speak"):
        pieces(text)


@pytest.mark.parametrize("text", ["😊", "😀😀", "...!?", "--- *** ###", "<br/>"])
def test_a_text_without_words_is_a_short_silence(text: str) -> None:
    reader = Reader(ENGLISH, {})
    reader.check(text)
    assert list(reader.pieces(text)) == [TextPiece("", pause=SILENCE)]


@pytest.mark.parametrize(
    ("text", "script"), [("Привет, мир", "Cyrillic"), ("你好世界", "Cjk"), ("مرحبا بالعالم", "Arabic")]
)
def test_a_script_the_voice_cannot_read_is_named(text: str, script: str) -> None:
    with pytest.raises(InvalidRequest, match=script) as refusal:
        pieces(text)
    assert refusal.value.error_code == "unsupported_script"


def test_a_voice_reads_its_own_script_and_foreign_words_in_it() -> None:
    assert pieces("Привет, мир. Hello.", RUSSIAN) == ["Привет, мир.", "Hello."]
    assert pieces("The word Привет means hello.") == ["The word Привет means hello."]


@pytest.mark.parametrize(
    "text",
    ["word " * 4000, "a" * 5000, "one, two, three, " * 1000, "and so it went on because it had to " * 500, "1 " * 5000],
)
def test_no_piece_is_longer_than_300_characters_and_no_word_is_lost(text: str) -> None:
    found = pieces(text)
    assert max(map(len, found)) <= MAX_PIECE
    if not text.startswith("1"):
        assert "".join(found).replace(" ", "") == text.replace(" ", "")


def test_a_long_sentence_is_cut_where_one_breathes() -> None:
    text = "The first part of it goes on for quite a while, " * 10
    assert all(piece.endswith(",") for piece in pieces(text)[:-1])


def test_the_lexicon_replaces_whole_words_in_any_case() -> None:
    assert pieces("GIF gif gifted", GIF="/dʒɪf/") == ["[[dʒɪf]] [[dʒɪf]] gifted"]
    assert pieces("Run nginx 3 times", nginx="engine x") == ["Run engine x three times"]


def test_brackets_of_the_caller_are_no_phonemes() -> None:
    assert pieces("say [[hɛloʊ]] now") == ["say hɛloʊ now"]


def test_a_megabyte_is_read_bit_by_bit() -> None:
    reader = Reader(ENGLISH, {}).pieces("A sentence of some length, with 42 things in it. " * 20_000)
    assert next(reader).text == "A sentence of some length, with forty two things in it."
    assert sum(1 for _ in zip(reader, range(100), strict=False)) == 100
