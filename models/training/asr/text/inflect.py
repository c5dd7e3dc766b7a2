"""Articles, agreement and persons: how a lexicon entry is spelled inside a sentence."""

from .lexicon import Entry, french_feminine, spanish_feminine

ENGLISH_DETERMINERS = {"the": "the", "a": "a", "my": "my", "your": "your", "this": "this",
                       "her": "her", "our": "our", "every": "every"}  # fmt: skip
SPANISH_DETERMINERS = {"the": ("el", "la"), "a": ("un", "una"), "my": ("mi", "mi"),
                       "your": ("tu", "tu"), "this": ("este", "esta"), "her": ("su", "su"),
                       "our": ("nuestro", "nuestra"), "every": ("cada", "cada")}  # fmt: skip
FRENCH_DETERMINERS = {"the": ("le", "la"), "a": ("un", "une"), "my": ("mon", "ma"),
                      "your": ("ton", "ta"), "this": ("ce", "cette"), "her": ("son", "sa"),
                      "our": ("notre", "notre"), "every": ("chaque", "chaque")}  # fmt: skip
# Stems; `the`, `this` and `every` take the strong endings, the others those of `ein`.
GERMAN_STEMS = {"the": "d", "a": "ein", "my": "mein", "your": "dein", "this": "dies",
                "her": "ihr", "our": "unser", "every": "jed"}  # fmt: skip
STRONG = {"nom": {"m": "er", "f": "e", "n": "es"}, "acc": {"m": "en", "f": "e", "n": "es"},
          "dat": {"m": "em", "f": "er", "n": "em"}}  # fmt: skip
ARTICLE = {"nom": {"m": "der", "f": "die", "n": "das"}, "acc": {"m": "den", "f": "die", "n": "das"},
           "dat": {"m": "dem", "f": "der", "n": "dem"}}  # fmt: skip
DETERMINERS = tuple(ENGLISH_DETERMINERS)


def german_determiner(determiner: str, case: str, gender: str) -> str:
    """Return the German determiner in the singular."""
    if determiner == "the":
        return ARTICLE[case][gender]
    bare = determiner not in ("this", "every") and ((case, gender) in (("nom", "m"), ("nom", "n"), ("acc", "n")))
    return GERMAN_STEMS[determiner] + ("" if bare else STRONG[case][gender])


def german_adjective(stem: str, determiner: str, case: str, gender: str) -> str:
    """Return the German adjective before a singular noun."""
    if case == "dat" or (case == "acc" and gender == "m"):
        return stem + "en"
    weak = determiner in ("the", "this", "every")
    return stem + ("e" if weak else STRONG["nom"][gender])


def adjective(language: str, entry: Entry, gender: str) -> str:
    """Return the adjective as a predicate, agreeing with a noun of `gender`."""
    forms = entry.cells[language]
    if language in ("en", "de") or gender == "m":
        return forms[0].lstrip("^")
    if len(forms) > 1:
        return forms[1]
    feminine = spanish_feminine if language == "es" else french_feminine
    return feminine(forms[0].lstrip("^"))


def noun_phrase(language: str, noun: Entry, determiner: str, modifier: Entry | None, case: str = "nom") -> str:
    """Return determiner, adjective and singular noun, spelled for `language` and `case`."""
    gender, word = noun.gender(language), noun.cells[language][0]
    if language == "en":
        adjectives = [modifier.cells["en"][0]] if modifier else []
        return " ".join([ENGLISH_DETERMINERS[determiner], *adjectives, word])
    if language == "de":
        adjectives = [german_stem(modifier, determiner, case, gender)] if modifier else []
        return " ".join([german_determiner(determiner, case, gender), *adjectives, word])
    return _romance_phrase(language, noun, determiner, modifier)


def german_stem(modifier: Entry, determiner: str, case: str, gender: str) -> str:
    """Return the inflected German adjective; the second form is a stem such as `teur`."""
    return german_adjective(modifier.cells["de"][-1], determiner, case, gender)


def _romance_phrase(language: str, noun: Entry, determiner: str, modifier: Entry | None) -> str:
    gender, word = noun.gender(language), noun.cells[language][0]
    table = SPANISH_DETERMINERS if language == "es" else FRENCH_DETERMINERS
    article = table[determiner][gender == "f"]
    if language == "es" and noun.cells["es"][1] == "fa" and determiner in ("the", "a"):
        article = {"the": "el", "a": "un"}[determiner]
    if modifier is None:
        return f"{article} {word}"
    quality = adjective(language, modifier, gender)
    before = language == "fr" and modifier.cells["fr"][0].startswith("^")
    return f"{article} {quality} {word}" if before else f"{article} {word} {quality}"
