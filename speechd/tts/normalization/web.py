"""Web and mail addresses and hashtags, in the words of any language."""

import re
from dataclasses import dataclass
from functools import partial
from re import Match

from speechd.tts.normalization.rules import Rule

TOP_LEVEL_DOMAINS = "com|org|net|io|dev|edu|gov|ai|app|info|eu|de|fr|es|it|pt|nl|ch|at|uk|ca|au|jp|br|in"


@dataclass(frozen=True, slots=True)
class WebWords:
    """What a language calls the marks of an address."""

    dot: str = "dot"
    at: str = "at"
    slash: str = "slash"
    colon: str = "colon"
    plus: str = "plus"
    hashtag: str = "hashtag"


def web_address(text: str, words: WebWords) -> str:
    """`https://example.com/a_b` -> `example dot com slash a b`."""
    bare = re.sub(r"^[a-z]+://", "", text.partition("?")[0].partition("#")[0], flags=re.I)
    bare = re.sub(r"^www\.", "", bare, flags=re.I).rstrip("/")
    marks = {"@": words.at, ".": words.dot, "/": words.slash, ":": words.colon, "+": words.plus}
    for mark, word in marks.items():
        bare = bare.replace(mark, f" {word} ")
    return re.sub(r"[-_~%&=]+", " ", bare)


def web_rules(words: WebWords) -> tuple[Rule, ...]:
    """URLs, mail addresses, `www` names, other names of hosts, and hashtags, in this order."""

    def address(match: Match[str]) -> str:
        return web_address(match[0], words)

    return (
        Rule(r"\bhttps?://\S{1,2000}?(?=[.,;:!?)\"'\]]*(?:\s|$))", address, re.I),
        Rule(r"\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,6}", address),
        Rule(r"\bwww(?:\.[\w-]{1,63}){1,6}(?:/[\w./-]{0,500}[\w/])?", address, re.I),
        Rule(
            rf"\b[A-Za-z][\w-]{{0,62}}(?:\.[a-z][\w-]{{0,62}}){{0,3}}\.(?:{TOP_LEVEL_DOMAINS})\b"
            r"(?:/[\w./-]{0,500}[\w/])?",
            address,
        ),
        Rule(r"(?<![\w&/#])#([^\W\d]\w{0,100})", partial(_hashtag, words)),
    )


def _hashtag(words: WebWords, match: Match[str]) -> str:
    """`#BlackFriday2026` -> `hashtag Black Friday 2026`."""
    return f"{words.hashtag} " + re.sub(
        r"(?<=[a-z])(?=[A-Z])|(?<=[A-Za-z])(?=\d)|(?<=[A-Z])(?=[A-Z][a-z])|_", " ", match[1]
    )
