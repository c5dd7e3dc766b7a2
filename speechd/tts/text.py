"""Splits text of any origin into clean pieces of at most 300 characters that a voice can speak.

A piece is a sentence, or part of a long one. So the first is spoken before the rest is prepared, and memory is bounded
(a Piper voice needs more than a gigabyte for one unpunctuated chunk of 400 s).
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from speechd.errors import InvalidRequest
from speechd.tts.engine import PHONEMES, VoiceInfo
from speechd.tts.normalization.aligned import AlignedText
from speechd.tts.normalization.emoji_names import named_emoji
from speechd.tts.normalization.markup import is_html, without_markdown, without_markup
from speechd.tts.normalization.reading import normalise
from speechd.tts.normalization.typography import plain_typography
from speechd.tts.sentences import blocks, parts, sentences
from speechd.tts.written import Origin

SILENCE = 0.3
"""Seconds that stand for a text with nothing to say in it, an emoji for instance."""
_HARMLESS = frozenset("\n'\".,;:!?-–")
_SELECTORS = frozenset(map(chr, (*range(0xFE00, 0xFE10), 0x20E3)))
"""Variation selectors, and the frame of a key: they belong to emoji."""
_MARKUP = str.maketrans(dict.fromkeys("*_~`^\\|[]{}()", " ") | dict.fromkeys('"', ""))
_BLANKS = re.compile(r"[^\S\n]+")
_SPACES = re.compile(r"\s{2,}|[^\S ]")
_BEFORE_MARK = re.compile(r"\s+(?=[,.;:!?])|^\s*[,;:]+")
_TWO_MARKS = re.compile(r",[,;:\s]*(?=[,;:.!?](?:\s|$))|(?<=[;:.!?]),(?=\s|$)")
_PARENTHESIS = re.compile(r"(?<=\s)\(|\)(?=[^\S\n]+\S)")
_DOTS_IN_SENTENCE = re.compile(r"(?<!\.)\.{2,}+\s*+(?=[a-z,;])")
_NOT_IPA = re.compile(r"[^\w ˈˌːˑ.\u0300-\u036f]|_")
_PROTECTED = re.compile("[\ue000-\uf8ff]")
MAX_PROTECTED = 0xF8FF - 0xE000


@dataclass(frozen=True, slots=True)
class TextPiece:
    """The text that an engine speaks in one call."""

    text: str
    """At most 300 characters; empty for a mere pause."""
    rate: float = 1.0
    """How many times faster than the rest of the speech."""
    pause: float = 0.0
    """Seconds of silence after it."""
    continued: bool = False
    """Its sentence goes on in the next piece."""
    origin: Origin | None = field(default=None, compare=False)
    """Where it comes from."""


@dataclass(slots=True)
class Verbatim:
    """Parts of text that no rule may change, each represented in the text by one private-use character."""

    bits: list[str] = field(default_factory=list)

    def keep(self, bit: str) -> str:
        """The character that represents the part.

        Raises:
            InvalidRequest: there are too many.
        """
        if len(self.bits) >= MAX_PROTECTED:
            raise InvalidRequest("The text has too many phoneme, sub or say-as elements.", param="input")
        self.bits.append(bit)
        return chr(0xE000 + len(self.bits) - 1)

    def said(self, char: str) -> str:
        """The part that a character represents, between blanks."""
        return f" {self.bits[ord(char) - 0xE000]} "

    def restore(self, text: str) -> str:
        """The text with the parts in their places, blanks between neighbours."""
        return _PROTECTED.sub(lambda match: self.said(match[0]), text)


@dataclass(frozen=True, slots=True)
class ReadingOptions:
    """How text is read."""

    language: str | None = None
    """ISO 639-1 code of the text; None: the voice's, but for sentences that are clearly in another."""
    emoji_names: bool = False
    """Emoji are read by their names in the language of the text, where those are known. Else they are silent."""


@dataclass(frozen=True, slots=True)
class _Part:
    """What becomes a piece."""

    text: AlignedText
    continued: bool


class Reader:
    """Makes pieces of text for one voice."""

    def __init__(self, voice: VoiceInfo, lexicon: Mapping[str, str], options: ReadingOptions | None = None) -> None:
        """
        Args:
            voice: whose language and script decide how text is read.
            lexicon: words with what to say instead; case is ignored.
            options: how to read.
        """
        self._voice = voice
        self._options = options or ReadingOptions()
        self._language = self._options.language or voice.language
        self._lexicon = {word.casefold(): said for word, said in lexicon.items() if word.strip()}
        words = sorted(map(re.escape, self._lexicon), key=len, reverse=True)
        self._listed = re.compile(rf"(?<!\w)(?:{'|'.join(words)})(?!\w)", re.IGNORECASE) if words else None

    def check(self, text: str) -> None:
        """
        Raises:
            InvalidRequest: the text is empty, or most of it is in letters the voice cannot read.
        """
        if not any(_is_visible(char) for char in text):
            raise InvalidRequest("`input` is empty, so there is nothing to speak.", param="input")
        letters = [char for char in unicodedata.normalize("NFKC", text) if char.isalnum()]
        foreign = [char for char in letters if not self._reads(char)]
        if len(foreign) * 2 > len(letters):
            script = unicodedata.name(foreign[0], "unknown").split()[0].title()
            raise InvalidRequest(
                f"This voice reads {self._voice.language!r} and cannot read {script} letters. Choose another voice.",
                param="input",
                code="unsupported_script",
            )

    def pieces(
        self, text: str | AlignedText, verbatim: Verbatim | None = None, source: str = ""
    ) -> Iterator[TextPiece]:
        """The text piece by piece. Pieces without anything to speak are left out; a text without any is a short
        silence.

        Args:
            text: any text; private-use characters represent parts of `verbatim` where that is given.
            verbatim: parts that are spoken as they are.
            source: the document in which the text is aligned; the text itself where it is a plain one.
        """
        whole = AlignedText.of(text) if isinstance(text, str) else text
        source = source or whole.text
        found = self._parts(whole, verbatim)
        part = next(found, None)
        start = part.text.starts[0] if part and verbatim else 0
        if part is None and verbatim is None:
            yield TextPiece("", pause=SILENCE)
        markup = verbatim is not None or is_html(source)
        while part is not None:
            following = next(found, None)
            end = max(whole.ends) if following is None else max(start, following.text.starts[0])
            origin = Origin(source, part.text, start, end, markup)
            yield TextPiece(part.text.text, continued=part.continued, origin=origin)
            part, start = following, end

    def _parts(self, whole: AlignedText, verbatim: Verbatim | None) -> Iterator["_Part"]:
        kept = verbatim or Verbatim()
        if verbatim is None:
            whole = without_markup(whole, self._language)
        first = True
        for block in blocks(whole.text):
            normalised = self._normalised(self._cleaned(whole.part(*block), verbatim is not None), kept)
            for sentence in sentences(normalised.text):
                plain = _tidy(_restored(normalised.part(*sentence), kept))
                found = [part for part in parts(plain, first) if any(map(str.isalnum, part.text))]
                first = first and not found
                yield from (_Part(part, part is not found[-1]) for part in found)

    def _cleaned(self, text: AlignedText, keep_private: bool) -> AlignedText:
        """Plain characters only: no controls, invisibles, lone surrogates or pictures; typography made simple."""
        if self._options.emoji_names:
            text = named_emoji(text, self._language)
        text = without_markdown(plain_typography(text)).map(_clean_private if keep_private else _clean)
        return text.sub(_BLANKS, lambda _: " ").sub(_DOTS_IN_SENTENCE, lambda _: ", ")

    def _normalised(self, text: AlignedText, verbatim: Verbatim) -> AlignedText:
        if self._listed:
            text = text.sub(self._listed, lambda match: self._said(match[0], verbatim))
        region = self._voice.region if self._language == self._voice.language else ""
        text = normalise(text, self._language, region, mixed=self._options.language is None)
        return text.sub(_PARENTHESIS, lambda _: ", ").translate(_MARKUP)

    def _said(self, word: str, verbatim: Verbatim) -> str:
        said = self._lexicon[word.casefold()]
        if said.startswith("/") and said.endswith("/"):
            said = phonemes(said.strip("/"))
        return verbatim.keep(said)

    def _reads(self, char: str) -> bool:
        return not char.isalpha() or not self._voice.script or self._voice.script in unicodedata.name(char, "")


def phonemes(ipa: str) -> str:
    """Phonemes as engines take them."""
    return PHONEMES[0] + _NOT_IPA.sub("", ipa).strip() + PHONEMES[1]


def _clean_private(char: str) -> str:
    return char if _PROTECTED.match(char) else _clean(char)


def _clean(char: str) -> str:
    category = unicodedata.category(char)
    if char in _SELECTORS:
        return ""
    if category[0] in "LNM" or char in _HARMLESS or category in ("Sc", "Sm", "Po", "Pd", "Ps", "Pe", "Pc"):
        return char
    if char in "©®™°^`|→":
        return char
    return "" if category in ("Cf", "Cs", "Mn") else " "


def _is_visible(char: str) -> bool:
    return not char.isspace() and unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Mn")


def _restored(text: AlignedText, verbatim: Verbatim) -> AlignedText:
    return text.sub(_PROTECTED, lambda match: verbatim.said(match[0])) if verbatim.bits else text


def _tidy(text: AlignedText) -> AlignedText:
    """Single blanks, none before punctuation."""
    return text.sub(_SPACES, lambda _: " ").sub(_BEFORE_MARK, lambda _: "").sub(_TWO_MARKS, lambda _: "").stripped()
