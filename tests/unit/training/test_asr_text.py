"""The training text: number words, spelling, agreement, templates, held-out sentences."""

import json
import random
from pathlib import Path

import pytest

from models.training.asr.text import corpus, grammar, inflect, lexicon, numbers, scrambled, spelling
from models.training.asr.text.lexicon import LANGUAGES

ENTRIES = lexicon.parse(
    """
    [thing noun]
    knife knives|cuchillo m|Messer n Messer|couteau m
    tree|árbol m|Baum m Bäume|arbre m
    water|agua fa|Wasser n Wasser|eau f
    [adj adjective]
    old|viejo|alt|^vieux vieille
    expensive|caro|teuer teur|cher chère
    [verb verb]
    carry carried carried|llevar lleva llevado|tragen trägt getragen|porter porte porté
    [when phrase]
    today|hoy|heute;heute noch|aujourd'hui
    """
)
KNIFE, TREE, WATER = ENTRIES["thing"]
OLD, EXPENSIVE = ENTRIES["adj"]


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, ("zero", "cero", "null", "zéro")),
        (21, ("twenty-one", "veintiuno", "einundzwanzig", "vingt et un")),
        (71, ("seventy-one", "setenta y uno", "einundsiebzig", "soixante et onze")),
        (80, ("eighty", "ochenta", "achtzig", "quatre-vingts")),
        (95, ("ninety-five", "noventa y cinco", "fünfundneunzig", "quatre-vingt-quinze")),
        (300, ("three hundred", "trescientos", "dreihundert", "trois cents")),
        (1984, ("one thousand nine hundred and eighty-four", "mil novecientos ochenta y cuatro",
                "eintausendneunhundertvierundachtzig", "mille neuf cent quatre-vingt-quatre")),
    ],
)  # fmt: skip
def test_cardinals(number: int, words: tuple[str, ...]) -> None:
    assert tuple(numbers.cardinal(language, number) for language in LANGUAGES) == words


def test_numbers_agree_with_their_noun() -> None:
    assert numbers.cardinal("es", 21, "m") == "veintiún"
    assert numbers.cardinal("es", 31, "f") == "treinta y una"
    assert numbers.cardinal("fr", 41, "f") == "quarante et une"


@pytest.mark.parametrize(
    ("language", "raw", "spelled"),
    [
        ("en", "this is a old house", "this is an old house"),
        ("es", "vamos a el parque", "vamos al parque"),
        ("es", "padre y hijo", "padre e hijo"),
        ("de", "er ist in dem Haus", "er ist im Haus"),
        ("fr", "je ai vu le arbre de le homme", "j'ai vu l'arbre de l'homme"),
        ("fr", "ma école et ce enfant", "mon école et cet enfant"),
        ("fr", "près de le parc", "près du parc"),
        ("fr", "le héros", "le héros"),
        ("fr", "si il vient", "s'il vient"),
    ],
)
def test_neighbouring_words(language: str, raw: str, spelled: str) -> None:
    assert spelling.respell(language, raw) == spelled


def test_normal_form_drops_case_and_punctuation_but_keeps_accents() -> None:
    assert spelling.normalise("¿Cómo ESTÁS, señor?") == "cómo estás señor"


def test_plurals() -> None:
    assert [KNIFE.plural(language) for language in LANGUAGES] == [
        "knives", "cuchillos", "Messer", "couteaux",
    ]  # fmt: skip
    assert lexicon.plural("es", "estación") == "estaciones"
    assert lexicon.plural("en", "city") == "cities"


def test_german_articles_and_endings() -> None:
    assert inflect.noun_phrase("de", TREE, "the", OLD, "acc") == "den alten Baum"
    assert inflect.noun_phrase("de", TREE, "a", OLD) == "ein alter Baum"
    assert inflect.noun_phrase("de", KNIFE, "my", EXPENSIVE) == "mein teures Messer"
    assert inflect.noun_phrase("de", KNIFE, "this", EXPENSIVE, "dat") == "diesem teuren Messer"


def test_spanish_and_french_agreement() -> None:
    assert inflect.noun_phrase("es", WATER, "the", EXPENSIVE) == "el agua cara"
    assert inflect.noun_phrase("fr", WATER, "my", EXPENSIVE) == "ma eau chère"
    assert inflect.noun_phrase("fr", KNIFE, "the", OLD) == "le vieux couteau"


def test_a_template_fills_four_languages_from_one_drawing() -> None:
    line = "{thing} is {adj} {when}.|{thing} es {adj@thing}.|{when.alt} {thing.acc}.|{thing.plural}."
    template = grammar.parse(line)[0]
    entries = {**ENTRIES, "thing": [WATER], "adj": [EXPENSIVE]}
    assert template.fill(entries, random.Random(1)) == {
        "en": "The water is expensive today.",
        "es": "El agua es cara.",
        "de": "Heute noch das Wasser.",
        "fr": "Eaux.",
    }


@pytest.mark.parametrize("text", ["one|two|three", "2:a|b|c|d|e"])
def test_a_template_needs_four_cells(text: str) -> None:
    with pytest.raises(ValueError, match="four cells"):
        grammar.parse(text)


def test_the_choices_of_a_template_belong_together() -> None:
    line = "I [saw/missed] [2:him/her] [today/twice]"
    template = grammar.parse(f"{line}.|[2:lo/la] [1:vi/perdí] [3:hoy/dos veces].|{line}.|{line}.")[0]
    pairs = {"saw": "vi", "missed": "perdí", "him": "Lo", "her": "La", "today": "hoy", "twice": "dos veces"}
    for seed in range(20):
        made = template.fill({}, random.Random(seed))
        for english, spanish in pairs.items():
            assert (english in made["en"].rstrip(".").split()) == (spanish in made["es"])


@pytest.mark.parametrize("cell", ["[a/b]", "[a/b/c] [d/e]", "a"])
def test_the_cells_of_a_template_need_the_same_choices(cell: str) -> None:
    with pytest.raises(ValueError, match="same choices"):
        grammar.parse(f"{cell}|[a/b/c]|[a/b/c]|[a/b/c]")


def test_no_everyday_frame_can_say_a_wide_evaluation_sentence() -> None:
    frames = grammar.Grammar.read("everyday", lexicon.load()).templates
    for language in LANGUAGES:
        held_out = {spelling.normalise(row[language]) for row in corpus.read_parallel(corpus.EVALUATION / "wide.txt")}
        said = {spelling.normalise(text) for frame in frames for text in grammar.spelled_out(frame, language)}
        assert not held_out & said


@pytest.mark.parametrize("name", ["domain", "wide", "everyday"])
def test_every_template_of_the_recipe_fills(name: str) -> None:
    entries = lexicon.load()
    rng = random.Random(3)
    for template in grammar.Grammar.read(name, entries).templates:
        for sentence in template.fill(entries, rng).values():
            assert sentence
            assert not set(sentence) & set('{}[]/_|:("'), sentence


def test_scrambled_text_is_made_of_runs_of_words_of_the_grammars_and_words_of_the_lists(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scrambled, "word_list", lambda language: [f"{language}wort"])
    cells = "You see red, green and blue!|Ves rojo, verde y azul.|Du siehst Rot und Blau.|Tu vois rouge et bleu."
    source = scrambled.Scrambled([grammar.Grammar(grammar.parse(cells), {})])
    rng = random.Random(4)
    for _ in range(50):
        made = source.sentence(rng)
        for language, cell in zip(LANGUAGES, cells.split("|"), strict=True):
            words = made[language].rstrip(".").split()
            assert 3 <= len(words) <= 15
            said = set(spelling.words(cell)[1:]) | {f"{language}wort"}
            assert {word.lower() for word in spelling.words(made[language])} <= said
            assert made[language][0].isupper()


def test_word_lists_are_words_without_names(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "list").write_text("Berlin\nprolog's\nHaus\nschön\nan\nDonaudampfschifffahrt\n", encoding="utf-8")
    monkeypatch.setattr(scrambled, "WORD_LISTS", dict.fromkeys(LANGUAGES, tmp_path / "list"))
    scrambled.word_list.cache_clear()
    assert scrambled.word_list("en") == ["schön"]
    assert scrambled.word_list("de") == ["Berlin", "Haus", "schön"]
    scrambled.word_list.cache_clear()


def test_a_missing_word_list_says_which_packages_bring_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(scrambled, "WORD_LISTS", dict.fromkeys(LANGUAGES, tmp_path / "list"))
    scrambled.word_list.cache_clear()
    with pytest.raises(FileNotFoundError, match="apt install wamerican-small"):
        scrambled.word_list("en")


def test_scrambled_text_has_no_translation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scrambled, "word_list", lambda language: ["wort"])
    item = corpus.Corpus("scrambled", {"de": 1.0}, set(), random.Random(1)).draw()
    assert item.language == "de"
    assert item.english == ""


def test_held_out_sentences_are_never_drawn() -> None:
    rng = random.Random(5)
    first = corpus.Corpus("domain", {"en": 1.0}, set(), rng).draw().text
    excluded = {spelling.normalise(first)}
    again = corpus.Corpus("domain", {"en": 1.0}, excluded, random.Random(5))
    assert all(spelling.normalise(again.draw().text) not in excluded for _ in range(200))


def test_fixture_sentences_are_held_out(tmp_path) -> None:  # type: ignore[no-untyped-def]
    manifest = tmp_path / "manifest.json"
    manifest.write_text(json.dumps({"clips": [{"text": "A Fixture, spoken."}]}))
    assert "a fixture spoken" in corpus.held_out(manifest)


@pytest.mark.parametrize(("name", "least"), [("domain", 300), ("wide", 300)])
def test_evaluation_text_is_parallel_and_distinct(name: str, least: int) -> None:
    rows = corpus.read_parallel(corpus.EVALUATION / f"{name}.txt")
    assert len(rows) >= least
    for language in LANGUAGES:
        assert len({row[language] for row in rows}) == len(rows)
