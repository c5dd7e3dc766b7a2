"""SSML: what is understood is done, what is not is refused by name."""

import pytest

from speechd.errors import InvalidRequest
from speechd.tts import ssml
from speechd.tts.engine import VoiceInfo
from speechd.tts.text import Reader, TextPiece
from speechd.tts.written import words_as_written
from speechd.types import Word

ENGLISH = VoiceInfo(sample_rate=16_000, language="en")


def pieces(body: str, voice: VoiceInfo = ENGLISH) -> list[TextPiece]:
    return list(ssml.parse_ssml(f"<speak>{body}</speak>", voice).pieces(Reader(voice, {})))


def said(body: str, voice: VoiceInfo = ENGLISH) -> str:
    return " | ".join(piece.text for piece in pieces(body, voice) if piece.text)


def test_only_a_document_is_ssml() -> None:
    assert ssml.is_ssml(' \n<speak version="1.1">hi</speak>')
    assert ssml.is_ssml('\ufeff<?xml version="1.0"?>\n<speak>hi</speak>')
    assert ssml.is_ssml("<!DOCTYPE speak><speak>hi</speak>"), "and refused as such"
    assert ssml.is_ssml("<speak/>")
    assert not ssml.is_ssml("<speaker>")
    assert not ssml.is_ssml("I say <speak>")


def test_breaks_are_silence_between_pieces() -> None:
    assert pieces('One<break time="300ms"/>two<break strength="strong"/>three.') == [
        TextPiece("One"),
        TextPiece("", pause=0.3),
        TextPiece("two"),
        TextPiece("", pause=0.8),
        TextPiece("three."),
    ]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ('<say-as interpret-as="characters">ab1</say-as>', "A B one"),
        ('<say-as interpret-as="digits">42</say-as>', "four two"),
        ('<say-as interpret-as="cardinal">1,024</say-as>', "one thousand twenty four"),
        ('<say-as interpret-as="ordinal">3</say-as>', "third"),
        ('<say-as interpret-as="date" format="dmy">3/11/2026</say-as>', "November third, twenty twenty six"),
        ('<say-as interpret-as="date">2026-11-03</say-as>', "November third, twenty twenty six"),
        ('<say-as interpret-as="telephone">555-12</say-as>', "five five five one two"),
        ('<say-as interpret-as="currency">$2</say-as>', "two dollars"),
        ('<sub alias="World Wide Web Consortium">W3C</sub>', "World Wide Web Consortium"),
        ('say <phoneme alphabet="ipa" ph="təˈmɑːtoʊ">tomato</phoneme>.', "say [[təˈmɑːtoʊ]]."),
        ("<p>One</p><p><s>Two</s> <s>three</s></p>", "One | Two | three"),
        ("a &lt; b &amp; c", "a less than b and c"),
    ],
)
def test_each_element_does_what_it_says(body: str, text: str) -> None:
    assert said(body) == text


@pytest.mark.parametrize(
    ("language", "kind", "text", "spoken"),
    [
        ("de", "cardinal", "1.024", "eintausendvierundzwanzig"),
        ("de", "ordinal", "3", "dritte"),
        ("de", "characters", "ab1", "A B 1"),
        ("de", "telephone", "0171-23", "0 1 7 1 2 3"),
        ("de", "currency", "2,50 €", "zwei Euro und fünfzig Cent"),
        ("de", "time", "14:30", "vierzehn Uhr dreißig"),
        ("nl", "time", "14:30", "14:30"),
        ("fr", "number", "80", "quatre-vingts"),
        ("lv", "ordinal", "3", "3"),
        ("sw", "cardinal", "80", "80"),
    ],
)
def test_other_voices_say_it_in_their_language(language: str, kind: str, text: str, spoken: str) -> None:
    voice = VoiceInfo(sample_rate=16_000, language=language)
    assert said(f'<say-as interpret-as="{kind}">{text}</say-as>', voice) == spoken


def test_what_is_no_number_is_refused_in_other_languages_too() -> None:
    with pytest.raises(InvalidRequest, match="cannot be said as ordinal"):
        said('<say-as interpret-as="ordinal">x</say-as>', VoiceInfo(sample_rate=16_000, language="de"))


@pytest.mark.parametrize(("rate", "factor"), [("fast", 1.3), ("50%", 0.5), ("1.5", 1.5), ("+20%", 1.2), ("-20%", 0.8)])
def test_prosody_rates(rate: str, factor: float) -> None:
    found = pieces(f'slow <prosody rate="{rate}">quick</prosody> slow')
    assert [piece.rate for piece in found] == pytest.approx([1, factor, 1])


def test_rates_nest_and_stay_within_bounds() -> None:
    body = '<prosody rate="3">a<prosody rate="3">b</prosody>c</prosody>'
    assert [piece.rate for piece in pieces(body)] == [3, 4, 3]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<speak>open", "well-formed"),
        ("<speak>a</speak><speak>b</speak>", "well-formed"),
        ('<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><speak>&b;</speak>', "document type"),
        ('<!DOCTYPE x SYSTEM "file:///etc/passwd"><speak>a</speak>', "document type"),
        ("<speak>&nbsp;</speak>", "undefined entity"),
        ("<speak><?php x?></speak>", "[Pp]rocessing"),
        ("<speak>" + "<p>" * 100_000, "deeper than 16"),
        ("<speak>" + "<break/>" * 20_000 + "</speak>", "10000 elements"),
        ('<speak><audio src="http://x/"/></speak>', "`audio` is not supported"),
        ('<speak><prosody pitch="high">a</prosody></speak>', "does not support the attribute `pitch`"),
        ('<speak><prosody rate="warp">a</prosody></speak>', "`rate` must be"),
        ('<speak><prosody rate="900%">a</prosody></speak>', "between"),
        ('<speak><break time="1 hour"/></speak>', "`500ms`"),
        ('<speak><break time="60s"/></speak>', "at most 10 s"),
        ("<speak><sub>W3C</sub></speak>", "needs `alias`"),
        ('<speak><phoneme alphabet="x-sampa" ph="x">a</phoneme></speak>', "alphabet"),
        ('<speak><say-as interpret-as="ordinal">x</say-as></speak>', "cannot be said"),
        ('<speak><say-as interpret-as="mood">x</say-as></speak>', "must be one of"),
        ('<speak><sub alias="a"><break/></sub></speak>', "text only"),
        ("<speak>a\x00b</speak>", "well-formed"),
    ],
)
def test_what_is_wrong_is_said(text: str, reason: str) -> None:
    with pytest.raises(InvalidRequest, match=reason) as refusal:
        ssml.parse_ssml(text, ENGLISH)
    assert (refusal.value.param, refusal.value.error_code) == ("input", "invalid_ssml")


def test_captions_of_ssml_show_what_is_written_and_where_it_stands() -> None:
    source = (
        ' \n<speak><p>Ünder &amp; <sub alias="World Wide Web">WWW</sub>, by'
        ' <say-as interpret-as="date">11/20/2026</say-as><break/>it <prosody rate="slow">costs 5 €</prosody>.</p>'
        '<s>A <phoneme ph="təˈmɑːtoʊ">tomato</phoneme> 😀 now&#33;</s></speak>'
    )
    found = []
    for piece in ssml.parse_ssml(source, ENGLISH).pieces(Reader(ENGLISH, {})):
        words = tuple(Word(text, 0, 1) for text in piece.text.replace("[[", "").replace("]]", "").split())
        if piece.origin:
            found += words_as_written(words, piece.origin)
    assert [(word.word, source[word.start_char : word.end_char], word.spoken) for word in found] == [
        ("Ünder", "Ünder", "Ünder"),
        ("&", "&amp;", "and"),
        ("WWW,", "WWW</sub>,", "World Wide Web,"),
        ("by", "by", "by"),
        ("11/20/2026", "11/20/2026", "November twentieth, twenty twenty six"),
        ("it", "it", "it"),
        ("costs", "costs", "costs"),
        ("5 €", "5 €", "five euros"),
        ("A", "A", "A"),
        ("tomato 😀", "tomato", "təˈmɑːtoʊ"),
        ("now!", "now&#33;", "now!"),
    ]
