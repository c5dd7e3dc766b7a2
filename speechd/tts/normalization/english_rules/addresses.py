"""Web and mail addresses, file names, hashtags, telephone numbers and other numbers that are read digit by digit."""

import re
from re import Match

from speechd.tts.normalization.numbers import ONES, cardinal, digits
from speechd.tts.normalization.rules import Rule, replaced_by
from speechd.tts.normalization.web import WebWords, web_rules

FILE_SUFFIXES = (
    "pdf|txt|py|js|ts|html|css|csv|json|md|docx?|xlsx?|pptx?|jpe?g|png|gif|svg|mp[34]|wav|zip|exe|ya?ml|toml"
)
_SPOKEN_SUFFIXES = frozenset(["zip", "gif", "json", "wav", "doc", "docx", "toml"])
_PHONE_DIGITS = range(7, 16)
"""Digits of a telephone number: E.164 allows 15; the shortest with an area code have 7."""


def digit_groups(text: str) -> str:
    """Digits one by one, with a pause between written groups: `555-01` -> `five five five, zero one`."""
    return ", ".join(digits(group) for group in re.findall(r"\d+", text))


def _file_name(match: Match[str]) -> str:
    suffix = match[2].lower()
    said = suffix if suffix in _SPOKEN_SUFFIXES else " ".join(suffix.upper())
    return re.sub("[-_.]+", " ", match[1]) + " dot " + said


def _phone(match: Match[str]) -> str | None:
    number = match[0]
    if sum(map(str.isdigit, number)) not in _PHONE_DIGITS:
        return None
    said = digit_groups(number)
    return f"plus {said}" if number.lstrip("(").startswith("+") else said


def _toll_free(match: Match[str]) -> str:
    """`1-800-FLOWERS` -> `one, eight hundred, FLOWERS`."""
    rest = digit_groups(match[2]) if match[2][0].isdigit() else match[2].replace("-", " ").capitalize()
    return f"one, {cardinal(int(match[1]))}, {rest}"


def _isbn(match: Match[str]) -> str:
    """The last digit of an ISBN-10 may be an X."""
    said = digit_groups(match[1])
    return f"I S B N {said}, X" if match[1].endswith("X") else f"I S B N {said}"


def _ip_address(match: Match[str]) -> str | None:
    parts = match[0].split(".")
    return " dot ".join(cardinal(int(part)) for part in parts) if all(int(part) < 256 for part in parts) else None


_WEB = web_rules(WebWords())

ADDRESS_RULES: tuple[Rule, ...] = (
    *_WEB[:3],
    Rule(rf"\b([A-Za-z][\w-]{{0,62}})\.({FILE_SUFFIXES})\b(?!\.\w|/)", _file_name),
    *_WEB[3:],
    Rule(r"(?<![\w@])@([A-Za-z_]\w{0,60})", lambda m: "at " + m[1].replace("_", " ")),
    Rule(r"\bISBN(?:-1[03])?:?\s?((?:\d[ -]?){9,12}[\dX])\b", _isbn),
    Rule(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])", _ip_address),
    Rule(r"(?<![\w-])1[ -](8\d\d|900)[ -]([A-Z]{2,7}(?:-[A-Z]{2,7})?|\d{3}-\d{4})\b", _toll_free),
    Rule(r"(?<![\w-])\d{4}([ -])\d{4}\1\d{4}\1\d{4}(?![\w-])", lambda m: digit_groups(m[0])),
    Rule(r"(?<![\w+-])\+(?:\d{1,3}(?:[ .-]\(?\d{1,8}\)?){1,6}|\d{7,15})(?![\w-])", _phone),
    Rule(r"(?<![\w-])\(\d{2,5}\) ?\d{2,8}(?:[ .-]\d{2,8}){0,4}(?![\w-])", _phone),
    Rule(r"(?<![\w.-])(?:\d[ -])?\d{3}([.-])\d{3}\1\d{4}(?![\w-])", _phone),
    Rule(r"(?<![\w.,-])0\d{1,5}(?:[ .-]\d{2,8}){1,5}(?![\w-])", _phone),
    Rule(r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])", lambda m: digit_groups(m[0])),
    Rule(r"(?<![\w-])\d{3}-\d{4}(?![\w-])", lambda m: digit_groups(m[0])),
    Rule(
        r"\b((?:[Cc]all|[Pp]hone|[Tt]el(?:ephone|\.)?|[Ff]ax|[Dd]ial|PIN|[Cc]ode|[Zz]ip|ZIP)(?: code)?(?: is)?:?) "
        r"(\d{3,15})\b",
        lambda m: f"{m[1]} {digits(m[2])}",
    ),
    Rule(r"\b([A-Z]{2}) (\d{5})(?:-(\d{4}))?\b", lambda m: f"{' '.join(m[1])} {_zip_code(m)}"),
    Rule(r"\bv\.? ?(?=\d+\.\d)", replaced_by("version ")),
    Rule(r"(?<![\w.])\d{1,4}(?:\.\d{1,4}){2,4}(?![\w.]|-\d)", lambda m: _version(m[0])),
    Rule(r"(?<![\w/])24/7(?![\w/])", replaced_by("twenty four seven")),
    Rule(r"(?<![\w/])9/11(?![\w/])", replaced_by("nine eleven")),
    Rule(r"(?<![\w/,.$-])911(?![\w/,.-]|%)", replaced_by("nine one one")),
)


def _zip_code(match: Match[str]) -> str:
    return digits(match[2]) + (f", {digits(match[3])}" if match[3] else "")


def _version(text: str) -> str | None:
    """`3.11.4` -> `three point eleven point four`; a date is none."""
    parts = text.split(".")
    if len(parts) == 3 and len(parts[2]) == 4:
        return None
    return " point ".join(
        cardinal(int(part)) if int(part) >= len(ONES) or part[0] != "0" else digits(part) for part in parts
    )
