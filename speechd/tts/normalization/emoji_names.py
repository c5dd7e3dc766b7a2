"""Names of emoji, in the languages for which the library `emoji` has those of the Unicode Consortium (CLDR)."""

import re
from collections.abc import Callable
from functools import cache

from speechd.tts.normalization.aligned import AlignedText

_EMOJI = re.compile(
    "[\U0001f1e6-\U0001f1ff]{2}"
    "|[\u231a\u231b\u23e9-\u23f3\u25fd\u25fe\u2600-\u27bf\u2b50\u2b55\U0001f300-\U0001faff]"
    "(?:[\ufe0e\ufe0f\u200d\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]"
    "|(?<=\u200d)[\u2600-\u27bf\U0001f300-\U0001faff])*"
)
_SKIN_TONES = dict.fromkeys(range(0x1F3FB, 0x1F400))
_NOT_SPOKEN = re.compile(r"[^\w'’]+|_")
"""What stands between the words of a name."""


def named_emoji(text: AlignedText, language: str) -> AlignedText:
    """Each emoji as its name, without skin tones; unchanged where nobody knows names in the language.

    Args:
        text: part of the text that is read.
        language: ISO 639-1 code.
    """
    if text.text.isascii() or (name := _namer(language)) is None:
        return text
    return text.sub(_EMOJI, lambda match: f" {name(match[0])} ")


@cache
def _namer(language: str) -> Callable[[str], str] | None:
    """What names an emoji in a language; None without the library or the language."""
    try:
        import emoji
    except ImportError:
        return None
    if language not in emoji.LANGUAGES:
        return None
    emoji.config.load_language(language)

    def name(sequence: str) -> str:
        named = emoji.demojize(sequence.translate(_SKIN_TONES), language=language, delimiters=("", ""))
        return _NOT_SPOKEN.sub(" ", named).strip()

    return name
