"""Text of any language as it is read aloud."""

from speechd.tts.normalization.aligned import AlignedText
from speechd.tts.normalization.english import read_english
from speechd.tts.normalization.multilingual import read_language
from speechd.tts.normalization.text_language import by_language


def normalise(text: AlignedText, language: str, region: str = "", mixed: bool = False) -> AlignedText:
    """
    Args:
        text: in plain typography.
        language: ISO 639-1 code of the language it is read in.
        region: ISO 3166-1 code of the country, or "".
        mixed: a sentence that is clearly in another language is read in that.
    """
    if not mixed:
        return _read(text, language, region)
    stretches = by_language(text.text, language)
    return AlignedText.joined(
        _read(text.part(start, end), found, region if found == language else "") for found, start, end in stretches
    )


def load_reading(language: str, region: str = "") -> None:
    """Loads and compiles what a language needs, so that the first text does not wait for it."""
    _read(AlignedText.of("1"), language, region)


def _read(text: AlignedText, language: str, region: str) -> AlignedText:
    return read_english(text) if language == "en" else read_language(text, language, region)
