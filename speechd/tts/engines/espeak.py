"""Phonemes of a text by espeak-ng, which piper-tts carries."""

import threading
import unicodedata
from functools import cache
from typing import TYPE_CHECKING

from speechd.errors import FeatureNotInstalled

if TYPE_CHECKING:
    from piper.phonemize_espeak import EspeakPhonemizer

ESPEAK_LOCK = threading.Lock()
"""Held by whoever calls espeak-ng: it keeps its voice and its state in globals of the process."""
MISSING_EXTRA = "Speech needs the optional part `tts`: pip install 'speechd[tts]'. Then restart the server."


def espeak_phonemes(text: str, voice: str) -> str:
    """IPA with stress marks and punctuation, in Unicode's form NFC; a blank between sentences.

    Args:
        text: one sentence or more.
        voice: espeak-ng's name of a language: `en-us`, `pt-br`.

    Raises:
        FeatureNotInstalled: piper-tts is not installed.
        RuntimeError: espeak-ng does not know the language.
    """
    with ESPEAK_LOCK:
        sentences = _phonemizer().phonemize(voice, text)
    return unicodedata.normalize("NFC", " ".join("".join(sentence).strip() for sentence in sentences))


@cache
def _phonemizer() -> "EspeakPhonemizer":
    try:
        from piper.phonemize_espeak import EspeakPhonemizer
    except ImportError as error:
        raise FeatureNotInstalled(MISSING_EXTRA) from error
    return EspeakPhonemizer()
