"""Spelling that depends on the neighbouring word, and the normal form used to compare text."""

import re

WORD_CHARACTERS = "a-z0-9'äöüßáéíóúñàâçèêëîïôùûœ"

# Pairs of words that are written as one.
CONTRACTIONS: dict[str, dict[str, str]] = {
    "en": {},
    "es": {"a el": "al", "de el": "del"},
    "de": {
        "in dem": "im", "in das": "ins", "zu dem": "zum", "zu der": "zur",
        "an dem": "am", "bei dem": "beim", "von dem": "vom",
    },
    "fr": {"de le": "du", "de les": "des", "à le": "au", "à les": "aux"},
}  # fmt: skip

# A French word that begins with a vowel or a silent h.
_FRENCH_VOWEL = "(?=[aeiouàâéèêëîïôûœ](?!nze\\b)|h(?!aut|uit|aric|éros|ibou|asard|onte|amster|all\\b))"
_ELISIONS: dict[str, tuple[tuple[str, str], ...]] = {
    "en": ((r"\b(an?)(?= (?!uni|use|euro|one)[aeiou]| hour| honest)", "an"),),
    "es": ((r"\by(?= h?i(?!e))", "e"), (r"\bo(?= h?o)", "u")),
    "de": (),
    "fr": (
        (rf"\b([mts])a {_FRENCH_VOWEL}", r"\1on "),
        (rf"\b(ce) {_FRENCH_VOWEL}", r"\1t "),
        (rf"\b([ljmtsdn]|qu|jusqu|lorsqu|puisqu)[ea] {_FRENCH_VOWEL}", r"\1'"),
        (r"\b(s)i (?=ils?\b)", r"\1'"),
    ),
}
_COMPILED = {
    language: [(re.compile(pattern, re.I), replacement) for pattern, replacement in rules]
    for language, rules in _ELISIONS.items()
}


def respell(language: str, text: str) -> str:
    """Apply the elisions and contractions of `language` to a rendered sentence."""
    for pattern, replacement in _COMPILED[language]:
        text = pattern.sub(replacement, text)
    for pair, contracted in CONTRACTIONS[language].items():
        text = re.sub(rf"\b{pair}\b", contracted, text)
        text = re.sub(rf"\b{capitalise(pair)}\b", capitalise(contracted), text)
    return re.sub(r" +([.,?!])", r"\1", re.sub(r"\s+", " ", text)).strip()


def capitalise(text: str) -> str:
    """Make the first letter of the sentence a capital, past any opening mark."""
    for index, character in enumerate(text):
        if character.isalpha():
            return text[:index] + character.upper() + text[index + 1 :]
    return text


def words(text: str) -> list[str]:
    """Return the lower-case words of `text` without punctuation: what a WER compares."""
    return re.sub(f"[^{WORD_CHARACTERS}]+", " ", text.lower().replace("’", "'")).split()


def normalise(text: str) -> str:
    """Return the normal form by which a sentence is kept out of training."""
    return " ".join(words(text))
