"""Markup that is not read: HTML, Markdown, code.

Code in fences is not read but named, because nobody can follow it by ear; what stands `inline` is read.
"""

import re
from collections.abc import Mapping

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
