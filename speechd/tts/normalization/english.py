"""English as written -> English as read aloud: money, dates, times, units, abbreviations, addresses, symbols.

Piper's own front end reads `$12.50` as "dollar twelve point five zero" and takes `Dr. Smith` for two sentences.
"""

from speechd.tts.normalization.aligned import AlignedText
from speechd.tts.normalization.english_rules.addresses import ADDRESS_RULES
from speechd.tts.normalization.english_rules.dates import DATE_RULES
from speechd.tts.normalization.english_rules.money import MONEY_RULES
from speechd.tts.normalization.english_rules.quantities import QUANTITY_RULES
from speechd.tts.normalization.english_rules.words import WORD_RULES, WORD_RULES_BEFORE_NUMBERS
from speechd.tts.normalization.rules import Rule, apply_rules, replaced_by
from speechd.tts.normalization.typography import plain_typography

_LETTER_THEN_DIGIT = Rule(r"(?<=[A-Za-z])-?(?=\d)", replaced_by(" "))
"""`mp3` -> `mp 3`, `COVID-19` -> `COVID 19`."""

RULES = (
    *ADDRESS_RULES,
    *MONEY_RULES,
    *DATE_RULES,
    _LETTER_THEN_DIGIT,
    *WORD_RULES_BEFORE_NUMBERS,
    *QUANTITY_RULES,
    *WORD_RULES,
)


def read_english(text: AlignedText) -> AlignedText:
    """The text with everything written out that is not read as it is written.

    Args:
        text: in plain typography.
    """
    return apply_rules(RULES, text)


def read_aloud(text: str) -> str:
    """The same for any text; entities are decoded."""
    return read_english(plain_typography(AlignedText.of(text))).text
