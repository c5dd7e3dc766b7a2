"""English as written -> English as read aloud: money, dates, times, units, abbreviations, addresses, symbols.

Piper's own front end reads `$12.50` as "dollar twelve point five zero" and takes `Dr. Smith` for two sentences.
"""

from re import Match

from speechd.tts.normalization.aligned import AlignedText
from speechd.tts.normalization.english_rules.addresses import ADDRESS_RULES
from speechd.tts.normalization.english_rules.dates import DATE_RULES
from speechd.tts.normalization.english_rules.money import MONEY_RULES
from speechd.tts.normalization.english_rules.quantities import QUANTITY_RULES
from speechd.tts.normalization.english_rules.words import WORD_RULES, WORD_RULES_BEFORE_NUMBERS
from speechd.tts.normalization.numbers import plural_number
from speechd.tts.normalization.rules import Rule, apply_rules
from speechd.tts.normalization.typography import plain_typography


def _digits_in_name(match: Match[str]) -> str:
    """`mp3` -> `mp 3`, `COVID-19` -> `COVID 19`, `H2O` -> `H 2 O`, `F-16s` -> `F sixteens`."""
    if match[2] == "s" and not match.string[match.end() : match.end() + 1].isalpha():
        return f" {plural_number(match[1])}"
    return f" {match[1]} {match[2]}" if match[2] else f" {match[1]}"


_LETTER_THEN_DIGIT = Rule(r"(?<=[A-Za-z])-?(\d{1,15})(?!\d)([A-Za-z]?)", _digits_in_name)

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
