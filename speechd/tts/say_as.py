"""What SSML's `say-as` makes of a text, by `interpret-as` (w3.org/TR/ssml-sayas, and what Azure and Google add)."""

import re
from collections.abc import Callable, Mapping
from functools import partial

from speechd.tts.normalization import english, multilingual
from speechd.tts.normalization import numbers as numerals
from speechd.tts.normalization.english_rules.dates import date

SayAs = Callable[[str, str], str | None]
"""Takes a text and a format; None where the text is nothing of that kind."""


def say_as(language: str, region: str = "") -> Mapping[str, SayAs]:
    """The kinds and what they do for a voice of this language."""
    return ENGLISH_SAY_AS if language == "en" else _other(language, region)


def _characters(text: str, _: str) -> str | None:
    said = (numerals.digits(char) if char.isdigit() else char.upper() for char in text if char.isalnum())
    return " ".join(said) or None


def _whole_number(spoken: Callable[[int], str]) -> SayAs:
    def say(text: str, _: str) -> str | None:
        plain = text.replace(",", "")
        return spoken(int(plain)) if re.fullmatch(r"\d{1,15}", plain, re.ASCII) else None

    return say


def _cardinal(text: str, _: str) -> str | None:
    return numerals.number(text) if re.fullmatch(r"-?[\d,]{1,40}(\.\d{1,40})?", text, re.ASCII) else None


def _date(text: str, order: str) -> str | None:
    """`11/20/2026` in the order mdy (the default), dmy or ymd."""
    order = order if sorted(order) == ["d", "m", "y"] else "ymd" if re.match(r"\d{4}\D", text) else "mdy"
    numbers = re.findall(r"\d{1,4}", text)
    if len(numbers) != 3:
        return None
    found = dict(zip(order, numbers, strict=True))
    return date(found["y"], found["m"], found["d"])


def _read(text: str, _: str) -> str | None:
    return english.read_aloud(text) or None


ENGLISH_SAY_AS: Mapping[str, SayAs] = {
    "characters": _characters,
    "spell-out": _characters,
    "verbatim": _characters,
    "digits": lambda text, _: numerals.digits(text) or None,
    "telephone": lambda text, _: numerals.digits(text) or None,
    "cardinal": _cardinal,
    "number": _cardinal,
    "ordinal": _whole_number(numerals.ordinal),
    "date": _date,
    "time": _read,
    "currency": _read,
    "unit": _read,
    "fraction": _read,
    "address": _read,
}


def _other(language: str, region: str) -> Mapping[str, SayAs]:
    """The same kinds in another language; what only English has rules for is left to the voice."""
    read = partial(multilingual.read_numbers, language=language, region=region)

    def number(text: str, _: str) -> str | None:
        return read(text) if re.fullmatch(r"[-−]?\d[\d., ]{0,40}", text, re.ASCII) else None

    def ordinal(text: str, _: str) -> str | None:
        return multilingual.read_ordinal(int(text), language, region) if re.fullmatch(r"\d{1,4}", text) else None

    kinds: dict[str, SayAs] = dict.fromkeys(ENGLISH_SAY_AS, lambda text, _: read(text) or None)
    kinds |= dict.fromkeys(("characters", "spell-out", "verbatim"), lambda text, _: _apart(text, str.isalnum))
    kinds |= dict.fromkeys(("digits", "telephone"), lambda text, _: _apart(text, str.isdigit))
    return kinds | {"cardinal": number, "number": number, "ordinal": ordinal}


def _apart(text: str, belongs: Callable[[str], bool]) -> str | None:
    """Each character by itself, which a voice reads by its name."""
    return " ".join(char.upper() for char in text if belongs(char)) or None
