"""Typography made plain for all languages: entities, quotes, dashes, fractions, exponents, compatible forms."""

import html
import re
from re import Match

from speechd.tts.normalization.aligned import AlignedText

_PLAIN = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛′´ʼ", "'"),
        **dict.fromkeys("“”„‟″«»", '"'),
        **dict.fromkeys("‐‑‒", "-"),
        **dict.fromkeys("—―", ", "),
        "…": "... ",
        "•": ", ",
        "·": " ",
        **dict.fromkeys("。｡", ". "),
        **dict.fromkeys("、，", ", "),
        "！": "! ",
        "？": "? ",
        "µ": "μ",
        "Ω": "Ω",
        "⁄": "/",
        "\r": "\n",
    }
)
_NEW_LINE = re.compile(r"\r\n")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_FRACTION_AFTER_NUMBER = re.compile(r"(?<=\d)(?=[¼-¾⅐-⅞])")
_FOOTNOTE = re.compile(r"(?<=[^\W\d_]{3})[⁰¹²³⁴-⁹]{1,3}(?!\w)")
_EXPONENT = re.compile(r"([⁻]?)([⁰¹²³⁴-⁹]{1,15})")


def decoded_entities(text: AlignedText) -> AlignedText:
    """`bread &amp; butter` -> `bread & butter`, as HTML and many feeds write it."""
    if "&" not in text.text:
        return text
    return text.sub(_ENTITY, _decoded)


def without_entities(text: str) -> str:
    """The same for a plain string."""
    return _ENTITY.sub(_decoded, text)


def plain_typography(text: AlignedText) -> AlignedText:
    """The text in few kinds of characters, in Unicode's compatibility form (NFKC)."""
    text = decoded_entities(text).sub(_NEW_LINE, lambda _: "\n").translate(_PLAIN)
    if text.text.isascii():
        return text
    text = text.sub(_FRACTION_AFTER_NUMBER, lambda _: " ").sub(_FOOTNOTE, lambda _: "").sub(_EXPONENT, _exponent)
    return text.normalised().translate(_PLAIN)


def _decoded(match: Match[str]) -> str:
    decoded = html.unescape(match[0])
    return " " if decoded == "\xa0" else decoded


def _exponent(match: Match[str]) -> str:
    """`m²` -> `m^2`: the compatibility form would be `m2`."""
    return "^" + ("-" if match[1] else "") + "".join(str(int(digit)) for digit in _normalised_digits(match[2]))


def _normalised_digits(text: str) -> str:
    return text.translate(str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789"))
