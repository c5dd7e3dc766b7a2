"""Markup that is not read: HTML, Markdown, code, pictures of emoji.

Code in fences is not read but named, because nobody can follow it by ear; what stands `inline` is read.
"""

import re
import unicodedata
from collections.abc import Mapping
from re import Match

from speechd.tts.normalization.aligned import AlignedText

CODE_BLOCK: Mapping[str, str] = {
    "en": "code block",
    "es": "bloque de código",
    "de": "Codeblock",
    "fr": "bloc de code",
    "it": "blocco di codice",
    "pt": "bloco de código",
}
"""What is said where code stands, by language; elsewhere nothing."""
_BLOCK_TAGS = (
    "address|article|aside|blockquote|body|br|caption|dd|div|dl|dt|fieldset|figcaption|figure|footer|form|h[1-6]|head"
    "|header|hr|html|li|main|nav|ol|option|p|pre|section|summary|table|tbody|td|tfoot|th|thead|title|tr|ul"
)
_INLINE_TAGS = (
    "a|abbr|b|bdi|bdo|big|button|cite|code|del|details|dfn|em|font|i|img|input|ins|kbd|label|link|mark|meta|picture|q"
    "|s|samp|script|small|span|strike|strong|style|sub|sup|svg|template|time|tt|u|var|video|audio|wbr|center"
)
_ATTRIBUTES = r"(?:\s[^<>]{0,2000})?/?"
_TAG = re.compile(rf"</?(?:{_BLOCK_TAGS}|{_INLINE_TAGS}){_ATTRIBUTES}>", re.IGNORECASE)
_BLOCK_TAG = re.compile(rf"</?(?:{_BLOCK_TAGS}){_ATTRIBUTES}>", re.IGNORECASE)
_ANY_TAG = re.compile(rf"</?[a-zA-Z][a-zA-Z0-9-]{{0,30}}{_ATTRIBUTES}>|<![a-zA-Z][^<>]{{0,2000}}>")
_HIDDEN = re.compile(
    r"<!--.*?(?:-->|\Z)|<(script|style|template|svg|head)\b[^<>]{0,2000}>.*?(?:</\1\s*>|\Z)", re.IGNORECASE | re.DOTALL
)
_FENCE = re.compile(
    r"^[ \t]{0,3}(`{3,20}|~{3,20})[^\n`]{0,200}\n.*?(?:^[ \t]{0,3}\1[ \t]*$|\Z)", re.MULTILINE | re.DOTALL
)
_LINK = re.compile(r"!?\[([^\[\]]{0,500})\]\(([^()\s]{0,2000})\)")
_LINE_MARK = re.compile(
    r"^[ \t]{0,100}(?:#{1,6}[ \t]|[-+>*][ \t]|={3,}|-{3,}|\|?(?:[ \t]*:?-{3,}:?[ \t]*\|)+[-: \t]*$)", re.MULTILINE
)
_TABLE_ROW = re.compile(r"^[ \t]{0,3}\|([^\n]{1,2000})\|[ \t]*$", re.MULTILINE)
_EMOJI = re.compile(
    "[\U0001f1e6-\U0001f1ff]{2}"
    "|[\u231a\u231b\u23e9-\u23f3\u25fd\u25fe\u2600-\u27bf\u2b50\u2b55\U0001f300-\U0001faff]"
    "(?:[\ufe0e\ufe0f\u200d\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]"
    "|(?<=\u200d)[\u2600-\u27bf\U0001f300-\U0001faff])*"
)
_NOT_NAMED = frozenset((0xFE0E, 0xFE0F, 0x200D, *range(0x1F3FB, 0x1F400), *range(0xE0020, 0xE0080)))
"""Variation selectors, joiners, skin tones, tags."""
_BETTER_NAMES = {
    "❤": "red heart",
    "✅": "check mark",
    "✔": "check mark",
    "❌": "cross mark",
    "☺": "smiling face",
    "☀": "sun",
    "⭐": "star",
    "✨": "sparkles",
    "💯": "hundred points",
    "😊": "smiling face",
    "🙏": "folded hands",
    "💔": "broken heart",
}
"""Where the name of the Unicode Character Database is not what people call it."""


def without_markup(text: AlignedText, language: str) -> AlignedText:
    """A whole text without HTML and blocks of code.

    Args:
        text: as it came.
        language: in which a block of code is named.
    """
    if "```" in text.text or "~~~" in text.text:
        named = f"\n{CODE_BLOCK[language]}.\n" if language in CODE_BLOCK else "\n"
        text = text.sub(_FENCE, lambda _: named)
    if is_html(text.text):
        text = text.sub(_HIDDEN, lambda _: "").sub(_BLOCK_TAG, lambda _: "\n").sub(_ANY_TAG, lambda _: "")
    return text


def is_html(text: str) -> bool:
    """It has a tag of HTML."""
    return "<" in text and _TAG.search(text) is not None


def without_tags(text: str) -> str:
    """A part of an HTML text as a browser shows it."""
    return _ANY_TAG.sub("", _BLOCK_TAG.sub(" ", _HIDDEN.sub("", text)))


def without_markdown(text: AlignedText) -> AlignedText:
    """Links by their names, and no marks of headings, lists, quotations and tables."""
    text = text.sub(_LINK, lambda match: match[1]).sub(_LINE_MARK, lambda _: "\n")
    return text.sub(_TABLE_ROW, lambda match: match[1].replace("|", ", "))


def named_emoji(text: AlignedText) -> AlignedText:
    """Each emoji as its English name."""
    return text if text.text.isascii() else text.sub(_EMOJI, _emoji_name)


def _emoji_name(match: Match[str]) -> str:
    char = match[0][0]
    if len(match[0]) == 2 and 0x1F1E6 <= ord(char) <= 0x1F1FF:
        return " flag " + " ".join(chr(ord(letter) - 0x1F1E6 + ord("A")) for letter in match[0]) + " "
    names = [_one_name(char) for char in match[0] if ord(char) not in _NOT_NAMED]
    return f" {' '.join(names)} "


def _one_name(char: str) -> str:
    name = _BETTER_NAMES.get(char) or unicodedata.name(char, "").lower()
    return name.removesuffix(" sign").removesuffix(" symbol").removeprefix("heavy black ").replace("-", " ")
