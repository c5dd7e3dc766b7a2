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
from speechd.tts.normalization.english import read_aloud
from speechd.tts.normalization.multilingual import read_numbers

MAX_PIECE = 300
"""Characters."""
TEXT_BLOCK = 2000
"""Characters that are cleaned together, so that the first sentence of a long text does not wait for the last."""

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
    }
)
_HARMLESS = frozenset("\n'\".,;:!?-–")
_MARKUP = str.maketrans(dict.fromkeys("*_~`^\\|[]{}()", " ") | dict.fromkeys('"', ""))
_LINK = re.compile(r"!?\[([^\[\]]{0,500})\]\(([^()\s]{0,2000})\)")
_LINE_MARK = re.compile(r"^[ \t]{0,100}(?:#{1,6}[ \t]|[-+>][ \t]|={3,}|-{3,})", re.MULTILINE)
# A run of signs is matched once, without backtracking: else a text of only dots takes minutes.
_SENTENCE_END = re.compile(r"(?<![.!?])[.!?]++['\"]?(?=\s)|\n\s*")
_DOTS_IN_SENTENCE = re.compile(r"(?<!\.)\.{2,}+\s*+(?=[a-z,;])")
_CLAUSE_END = re.compile(r"[,;:](?=\s)")
_CONJUNCTION = re.compile(r"\s(?=(?:and|but|or|because|which|that|who|when|while|if|so|then|with|for|in|on|at|to)\s)")
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

    def restore(self, text: str) -> str:
        """The text with the parts in their places, blanks between neighbours."""
        return _PROTECTED.sub(lambda match: f" {self.bits[ord(match[0]) - 0xE000]} ", text)


class Reader:
    """Makes pieces of text for one voice."""

    def __init__(self, voice: VoiceInfo, lexicon: Mapping[str, str]) -> None:
        """
        Args:
            voice: whose language and script decide how text is read.
            lexicon: words with what to say instead; case is ignored.
        """
        self._voice = voice
        self._lexicon = {word.casefold(): said for word, said in lexicon.items() if word.strip()}
        words = sorted(map(re.escape, self._lexicon), key=len, reverse=True)
        self._listed = re.compile(rf"(?<!\w)(?:{'|'.join(words)})(?!\w)", re.IGNORECASE) if words else None

    def check(self, text: str) -> None:
        """
        Raises:
            InvalidRequest: nothing in the text can be spoken, or most of it is in letters the voice cannot read.
        """
        letters = [char for char in unicodedata.normalize("NFKC", text) if char.isalnum()]
        if not letters:
            raise InvalidRequest("`input` has no letters or digits, so there is nothing to speak.", param="input")
        foreign = [char for char in letters if not self._reads(char)]
        if len(foreign) * 2 > len(letters):
            script = unicodedata.name(foreign[0], "unknown").split()[0].title()
            raise InvalidRequest(
                f"This voice reads {self._voice.language!r} and cannot read {script} letters. Choose another voice.",
                param="input",
                code="unsupported_script",
            )

    def pieces(self, text: str, verbatim: Verbatim | None = None) -> Iterator[TextPiece]:
        """The text piece by piece. Pieces without anything to speak are left out.

        Args:
            text: any text; private-use characters represent parts of `verbatim` where that is given.
            verbatim: parts that are spoken as they are.
        """
        kept = verbatim or Verbatim()
        for block in blocks(text):
            plain = cleaned(block, keep_private=verbatim is not None)
            for sentence in split_sentences(self._normalised(plain, kept)):
                for part in parts(_tidy(kept.restore(sentence))):
                    if any(char.isalnum() for char in part):
                        yield TextPiece(part)

    def _normalised(self, text: str, verbatim: Verbatim) -> str:
        if self._listed:
            text = self._listed.sub(lambda match: self._said(match[0], verbatim), text)
        if self._voice.language == "en":
            text = read_aloud(text)
        else:
            text = read_numbers(text, self._voice.language, self._voice.region)
        return text.translate(_MARKUP)

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


def cleaned(text: str, keep_private: bool = False) -> str:
    """Plain characters only: no controls, invisibles, lone surrogates or pictures; typography made simple."""
    text = unicodedata.normalize("NFKC", text.translate(_PLAIN).replace("\r\n", "\n").replace("\r", "\n"))
    text = _LINE_MARK.sub("\n", _LINK.sub(r"\1", text))
    text = "".join(map(_clean_private if keep_private else _clean, text))
    text = re.sub(r"[^\S\n]+", " ", text)
    return _DOTS_IN_SENTENCE.sub(", ", text)


def _clean_private(char: str) -> str:
    return char if _PROTECTED.match(char) else _clean(char)


def _clean(char: str) -> str:
    category = unicodedata.category(char)
    if category[0] in "LNM" or char in _HARMLESS or category in ("Sc", "Sm", "Po", "Pd", "Ps", "Pe", "Pc"):
        return char
    if char in "©®™°^`|→":
        return char
    return "" if category in ("Cf", "Cs", "Mn") else " "


def _tidy(text: str) -> str:
    """Single blanks, none before punctuation."""
    return re.sub(r"\s+([,.;:!?])", r"\1", " ".join(text.split()))


def blocks(text: str) -> Iterator[str]:
    """The text in stretches of about 2000 characters, cut after a sentence or at least at a blank."""
    at = 0
    while at < len(text):
        end = at + TEXT_BLOCK
        if end < len(text):
            end = _last_end(_SENTENCE_END, text, at + TEXT_BLOCK // 2, end) or _last_blank(text, at, end)
        yield text[at:end]
        at = end


def split_sentences(text: str) -> Iterator[str]:
    """The sentences of a text, trimmed."""
    at = 0
    for match in _SENTENCE_END.finditer(text):
        yield " ".join(text[at : match.end()].split())
        at = match.end()
    yield " ".join(text[at:].split())


def parts(sentence: str) -> Iterator[str]:
    """A sentence in parts of at most 300 characters, cut where a reader would breathe."""
    while len(sentence) > MAX_PIECE:
        half = MAX_PIECE // 2
        end = (
            _last_end(_CLAUSE_END, sentence, half, MAX_PIECE)
            or _last_end(_CONJUNCTION, sentence, half, MAX_PIECE)
            or _last_blank(sentence, 0, MAX_PIECE)
        )
        end = _outside_phonemes(sentence, end)
        yield sentence[:end].strip()
        sentence = sentence[end:].strip()
    if sentence:
        yield sentence


def _last_end(pattern: re.Pattern[str], text: str, start: int, end: int) -> int | None:
    found = None
    for match in pattern.finditer(text, start, end):
        found = match.end()
    return found


def _last_blank(text: str, start: int, end: int) -> int:
    """One past the last blank, or `end` inside a word that never ends."""
    return max(text.rfind(" ", start + 1, end), text.rfind("\n", start + 1, end)) + 1 or end


def _outside_phonemes(text: str, end: int) -> int:
    opened = text.rfind(PHONEMES[0], 0, end)
    return opened if opened > 0 and text.find(PHONEMES[1], opened, end) < 0 else end
