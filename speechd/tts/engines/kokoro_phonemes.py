"""Text to the symbols that Kokoro was trained with.

Kokoro reads the phonemes of the library misaki: IPA, with one symbol for a diphthong or an affricate. espeak-ng writes
two for those, and tells more differences in English than misaki does.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count

from speechd.tts.engine import PHONEMES
from speechd.tts.engines.espeak import espeak_phonemes

_RUNS = (
    (1, ";:,.!?"),
    (9, '—…"()“” \u0303ʣʥʦʨᵝꭧAI'),
    (31, "O"),
    (33, "Q"),
    (35, "ST"),
    (39, "W"),
    (41, "Yᵊabcdef"),
    (50, "hijklmnopqrstuvwxyzɑɐɒæ"),
    (75, "βɔɕç"),
    (80, "ɖðʤə"),
    (85, "ɚɛɜ"),
    (90, "ɟ"),
    (92, "ɡ"),
    (99, "ɥ"),
    (101, "ɨɪʝ"),
    (110, "ɯɰŋɳɲɴø"),
    (118, "ɸθœ"),
    (123, "ɹ"),
    (125, "ɾɻ"),
    (128, "ʁɽʂʃʈʧ"),
    (135, "ʊʋ"),
    (138, "ʌɣɤ"),
    (142, "χʎ"),
    (147, "ʒʔ"),
    (156, "ˈˌː"),
    (162, "ʰ"),
    (164, "ʲ"),
    (169, "↓"),
    (171, "→↗↘"),
    (177, "ᵻ"),
)
VOCABULARY: Mapping[str, int] = {symbol: id for start, run in _RUNS for symbol, id in zip(run, count(start))}
"""Number of each symbol (hexgrad/Kokoro-82M, config.json); 0 is the pad."""

_EVERYWHERE = {"aɪ": "I", "aʊ": "W", "eɪ": "A", "oʊ": "O", "əʊ": "Q", "ɔɪ": "Y", "tʃ": "ʧ", "dʒ": "ʤ"}
_ELSEWHERE = _EVERYWHERE | {"ts": "ʦ", "dz": "ʣ", "-": ""}
_ENGLISH = _EVERYWHERE | {"ɐ": "ə", "r": "ɹ", "x": "k", "ç": "k", "ɬ": "l", "ʔ": "t", "ʲ": "", "\u0303": ""}
_AMERICAN = _ENGLISH | {"ɜːɹ": "ɜɹ", "ɜː": "ɜɹ", "ɚ": "əɹ", "ɪə": "iə", "ɾ": "T", "ː": ""}
_BRITISH = _ENGLISH | {"eə": "ɛː", "iə": "ɪə"}


@dataclass(frozen=True, slots=True, eq=False)
class Accent:
    """How the speakers of a language and region read."""

    language: str
    """ISO 639-1 code."""
    region: str
    """ISO 3166-1 code."""
    espeak: str
    """espeak-ng's name of it."""
    symbols: Mapping[str, str]
    """espeak-ng's symbols and Kokoro's for the same sound."""


ACCENTS: Mapping[str, Accent] = {
    "a": Accent("en", "US", "en-us", _AMERICAN),
    "b": Accent("en", "GB", "en-gb-x-rp", _BRITISH),
    "e": Accent("es", "ES", "es", _ELSEWHERE),
    "f": Accent("fr", "FR", "fr", _ELSEWHERE),
    "h": Accent("hi", "IN", "hi", _ELSEWHERE),
    "i": Accent("it", "IT", "it", _ELSEWHERE),
    "p": Accent("pt", "BR", "pt-br", _ELSEWHERE),
}
"""By the first letter of a speaker's name. Japanese (`j`) and Chinese (`z`) are left out: espeak-ng's phonemes are not
those that these speakers were trained with."""
_WRITTEN_PHONEMES = re.compile(rf"{re.escape(PHONEMES[0])}(.*?){re.escape(PHONEMES[1])}")


def kokoro_phonemes(sentence: str, accent: Accent) -> str:
    """The symbols of a sentence, all of them in VOCABULARY.

    Args:
        sentence: text, and phonemes between brackets.
        accent: of the speaker.

    Raises:
        FeatureNotInstalled: piper-tts is not installed.
        RuntimeError: espeak-ng failed.
    """
    parts = _WRITTEN_PHONEMES.split(sentence)
    spoken = [
        part if n % 2 else espeak_phonemes(_without_brackets(part), accent.espeak) for n, part in enumerate(parts)
    ]
    symbols = _converted(" ".join(filter(None, spoken)), accent)
    return "".join(symbol for symbol in symbols if symbol in VOCABULARY)


def _without_brackets(text: str) -> str:
    return text.replace(PHONEMES[0], "").replace(PHONEMES[1], "")


def _converted(phonemes: str, accent: Accent) -> str:
    """Kokoro's symbols. It knows the tilde and the syllabic mark as signs of their own, but `ç` as one letter."""
    apart = unicodedata.normalize("NFD", phonemes).replace("c\u0327", "ç")
    apart = re.sub("(.)\u0329", r"ᵊ\1", apart)
    if accent.language == "en":
        apart = re.sub(r"əl\b", "ᵊl", apart)  # `little`
    longest_first = sorted(accent.symbols, key=len, reverse=True)
    return re.sub("|".join(map(re.escape, longest_first)), lambda found: accent.symbols[found[0]], apart)
