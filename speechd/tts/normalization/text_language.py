"""The language of each sentence, by its small words: enough to see a quotation in another language."""

import re
from collections import Counter
from collections.abc import Iterator

SMALL_WORDS: dict[str, frozenset[str]] = {
    language: frozenset(words.split())
    for language, words in {
        "en": "the of and to in is that it was for on are with as at be this have from or had by but what were we when"
        " your can said there an each which she do how their if will up other about out many then them these so some"
        " her would make like him into has look two more go see no way could people my than first been call who its"
        " now find did get come made may",
        "de": "der die das und ist nicht ein eine ich zu den mit sich des auf für im dem auch es an werden aus er hat"
        " dass sie nach wird bei einer um am sind noch wie einem über einen so zum war haben nur oder aber vor zur bis"
        " mehr durch man sein wurde wir ihr kostet uhr",
        "es": "el la de que y en los del se las por un para con no una su al lo como más pero sus le ya o este sí"
        " porque esta entre cuando muy sin sobre también me hasta hay donde quien desde todo nos durante es son cuesta"
        " era fue tiene años está",
        "fr": "le la les de des et est un une du en que qui dans pour pas au sur ne se ce il sont par avec plus elle à"
        " aux cette nous vous je mais ou son sa ses leur été être fait comme tout on était très coûte c'est ans",
        "it": "il di che e la per un in è una sono del non con si da le dei nel alla più come ma gli lo della i anche"
        " delle se al ha al questo su o ho dal nella era ai essere perché quando costa anni alle",
        "pt": "o de a que e do da em um para é com não uma os no se na por mais as dos como mas foi ao ele das"
        " tem à seu"
        " sua ou ser quando muito há nos já está eu também só pelo pela até isso ela entre custa anos são às",
    }.items()
}
"""The most frequent words."""
MIN_SMALL_WORDS = 3
"""Of a language that a sentence must have to be taken for it."""
_SENTENCE = re.compile(r"[^.!?\n]*+[.!?\n]*+\s*+")
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")


def by_language(text: str, language: str) -> Iterator[tuple[str, int, int]]:
    """Stretches of a text with their languages: (ISO 639-1 code, start, end), without gaps.

    Args:
        text: any.
        language: what it is in, unless a sentence is clearly in another of SMALL_WORDS.
    """
    start, current = 0, language
    for match in _SENTENCE.finditer(text) if language in SMALL_WORDS else ():
        found = sentence_language(match[0], language)
        if found != current:
            if match.start() > start:
                yield current, start, match.start()
            start, current = match.start(), found
    if start < len(text) or not text:
        yield current, start, len(text)


def sentence_language(sentence: str, language: str) -> str:
    """The language of a sentence: `language`, unless another has more than twice as many small words in it."""
    words = Counter(_WORD.findall(sentence.lower()))
    counts = {code: sum(words[word] for word in small & words.keys()) for code, small in SMALL_WORDS.items()}
    best = max(counts, key=lambda code: (counts[code], code == language))
    clear = counts[best] >= MIN_SMALL_WORDS and counts[best] >= 2 * counts.get(language, 0) + 1
    second = max(count for code, count in counts.items() if code != best)
    return best if clear and counts[best] > second and counts[best] * 4 >= words.total() else language
